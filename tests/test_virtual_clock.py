"""The tests' clock must be right before anything else can be."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio import CapacityLimiter, to_thread

from tests.virtual_clock import on_virtual_time

anyio_backend = on_virtual_time


async def test_timers_fire_in_order_and_at_their_time_and_a_thousand_seconds_take_none() -> None:
    real, start, fired = time.monotonic(), anyio.current_time(), list[float]()

    async def timer(seconds: float) -> None:
        await anyio.sleep(seconds)
        fired.append(anyio.current_time() - start)

    async with anyio.create_task_group() as group:
        for seconds in (3, 0.5, 1000, 0.5, 7):
            group.start_soon(timer, seconds)
    assert fired == pytest.approx([0.5, 0.5, 3, 7, 1000])
    assert time.monotonic() - real < 1


async def test_what_waits_for_ever_is_cancelled_in_time() -> None:
    with pytest.raises(TimeoutError), anyio.fail_after(60):
        await anyio.sleep_forever()
    with anyio.move_on_after(5) as scope:
        try:
            await anyio.sleep(10)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(2)
    assert scope.cancelled_caught
    assert anyio.current_time() == pytest.approx(67)


WAYS: dict[str, Callable[[], Awaitable[None]]] = {
    "anyio's": lambda: to_thread.run_sync(time.sleep, 0.05),
    "one's own limiter": lambda: to_thread.run_sync(time.sleep, 0.05, limiter=CapacityLimiter(1)),
    "asyncio's": lambda: asyncio.to_thread(time.sleep, 0.05),
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_clock_stands_still_while_a_thread_works_and_goes_on_afterwards(way: str) -> None:
    start = anyio.current_time()
    for _ in range(3):
        with anyio.fail_after(1):
            await WAYS[way]()
    assert anyio.current_time() == start
    with pytest.raises(TimeoutError), anyio.fail_after(5):
        await anyio.sleep(10)
    assert anyio.current_time() == pytest.approx(start + 5)


async def test_many_short_jobs_in_threads_never_let_a_timer_through() -> None:
    with anyio.fail_after(1):
        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(to_thread.run_sync, time.sleep, 0.0005)


async def test_files_can_be_read_under_a_time_limit(tmp_path: Path) -> None:
    file = anyio.Path(tmp_path) / "file"
    with anyio.fail_after(0.001):
        await file.write_bytes(b"a line\n" * 1000)
        async with await file.open() as lines:
            assert [line async for line in lines] == ["a line\n"] * 1000


async def test_a_thread_can_wake_a_loop_that_has_no_timer() -> None:
    event, loop = anyio.Event(), asyncio.get_running_loop()

    def work() -> None:
        time.sleep(0.02)
        loop.call_soon_threadsafe(event.set)

    async with anyio.create_task_group() as group:
        group.start_soon(to_thread.run_sync, work)
        await event.wait()
