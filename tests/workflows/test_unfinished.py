"""Looking for unfinished work: at the first call, once more when whoever was killed just then counts as dead."""

import anyio
import pytest

from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.unfinished import Unfinished


async def test_many_calls_look_twice_between_them_and_a_later_call_again() -> None:
    looks: list[float] = []

    async def go_on() -> None:
        looks.append(anyio.current_time())

    async with anyio.create_task_group() as background:
        unfinished = Unfinished(background, go_on)
        await anyio.sleep(2 * DEAD_AFTER)
        assert looks == []
        start = anyio.current_time()
        for _ in range(10):
            unfinished.look()
            await anyio.sleep(1)
        await anyio.sleep(10 * DEAD_AFTER)
        assert looks == [start, start + DEAD_AFTER]
        unfinished.look()

    assert len(looks) == 4


async def test_what_cannot_be_looked_for_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    looks: list[str] = []

    async def breaks() -> None:
        looks.append("broken")
        raise StoreUnusable("The disk is full: /secret", "Make room.")

    async def go_on() -> None:
        looks.append("whole")

    async with anyio.create_task_group() as background:
        Unfinished(background, breaks, go_on).look()

    assert looks == ["broken", "whole"] * 2
    assert "/secret" not in caplog.text
    assert "StoreUnusable" in caplog.text
