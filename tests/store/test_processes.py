"""Several real processes on one file: counting, killed, stopped, forked."""

import random
import signal
import sqlite3
import time
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store.test_file import make_version_1
from tests.store.workers import Worker, workers
from tests.store.works import count, increment, pair


def all_succeed(started: list[Worker]) -> None:
    for worker in started:
        worker.go()
    assert [worker.ended() for worker in started] == [(0, "")] * len(started)


def size(path: Path) -> int:
    return path.stat().st_size


def whole(path: Path) -> bool:
    db = sqlite3.connect(path)
    answer = db.execute("PRAGMA integrity_check").fetchall()
    db.close()
    return answer == [("ok",)]


async def test_eight_processes_on_a_fresh_file_count_exactly(quick_folder: Path) -> None:
    path = quick_folder / "state.sqlite"
    with workers(8, "count", path) as counting:
        all_succeed(counting)
    store = SqliteStore(path)
    assert await store.transact(count) == 8 * 200
    await store.close()


@pytest.mark.parametrize("version", [0, 1])
async def test_two_processes_migrate_one_file_at_once(path: Path, file: SqliteStore, version: int) -> None:
    if version:
        make_version_1(path)
    with workers(2, "once", path) as both:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # the two can see how old the file is, and wait for their turn to change it
        for worker in both:
            worker.go()
        await anyio.sleep(0.4)
        other.close()
        assert [worker.ended() for worker in both] == [(0, "")] * 2
    assert await file.transact(count) == (42 if version else 2)


async def test_a_store_used_on_both_sides_of_a_fork_counts_exactly(path: Path, file: SqliteStore) -> None:
    with workers(1, "fork", path) as forking:
        all_succeed(forking)
    assert await file.transact(count) == 1 + 50 + 50


async def test_twenty_processes_killed_while_writing_leave_a_whole_file(path: Path, file: SqliteStore) -> None:
    for _ in range(5):
        with workers(4, "pairs", path) as writing:
            for worker in writing:
                worker.go()
            for worker in writing:
                await anyio.sleep(random.uniform(0.001, 0.05))  # noqa: S311 - no secret
                worker.process.kill()
                left, right = await file.transact(pair)
                assert left == right
        assert whole(path)
    left, _ = await file.transact(pair)
    assert left  # they were killed at work


async def test_a_change_of_which_half_was_written_is_undone(path: Path, file: SqliteStore) -> None:
    with workers(1, "half", path) as (writing,):
        writing.go()
        writing.hears("inside")
        before = size(path)
        writing.process.kill()
        writing.process.wait()
    assert size(path.with_name("state.sqlite-journal")) > 0
    left, right = await file.transact(pair)
    assert left == right
    assert left
    assert left["n"] == 1
    assert size(path) < before
    assert whole(path)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGCONT])
async def test_a_process_stopped_in_a_transaction_delays_others_whose_event_loop_lives(
    path: Path, file: SqliteStore, end: signal.Signals
) -> None:
    gaps: list[float] = []
    counted: list[int] = []

    async def live() -> None:
        while True:
            before = time.monotonic()
            await anyio.sleep(0.001)
            gaps.append(time.monotonic() - before)

    async def add() -> None:
        counted.append(await file.transact(increment))

    with workers(1, "hold", path) as (holding,):
        holding.go()
        holding.hears("inside")
        holding.process.send_signal(signal.SIGSTOP)
        holding.go()  # it may end its transaction, once it runs again
        async with anyio.create_task_group() as group:
            group.start_soon(live)
            with anyio.move_on_after(0.6):
                async with anyio.create_task_group() as waiting:
                    for _ in range(20):
                        waiting.start_soon(add)
            assert counted == []
            assert len(gaps) > 5
            assert max(gaps) < 0.4  # 20 tasks take turns in stopping the thread for 50 ms
            holding.process.send_signal(end)
            with anyio.fail_after(5):
                await add()
            group.cancel_scope.cancel()
    assert counted == [1 if end is signal.SIGKILL else 2]
