"""So many deletions an hour and a day, for all processes on the account together."""

import re
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from flipsnack_mcp.api.errors import Changed
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.allowance import DAY, HOUR, Allowance, TooManyDeletionsError
from tests.server.bench import LoopClock

ACCOUNT = "0123456789abcdef"
SOON = re.compile(r"in about (\d+) minutes")


def processes(path: Path, clock: LoopClock, per_hour: int = 20, per_day: int = 100) -> list[Allowance]:
    """Two processes of one person."""
    return [Allowance(SqliteStore(path / "state.sqlite", clock), ACCOUNT, per_hour, per_day) for _ in range(2)]


async def test_twenty_an_hour_are_shared_by_two_processes(tmp_path: Path, clock: LoopClock) -> None:
    both = processes(tmp_path, clock)
    for number in range(20):
        await both[number % 2].take("delete x")
    for one in both:
        with pytest.raises(TooManyDeletionsError, match="20 deletions in an hour") as caught:
            await one.take("delete x")
        assert caught.value.changed is Changed.NOTHING
        with pytest.raises(TooManyDeletionsError):
            await one.check()
    clock.advance(HOUR)
    await both[0].take("delete x")


async def test_many_at_once_take_no_more_than_there_are(tmp_path: Path, clock: LoopClock) -> None:
    taken: list[str] = []

    async def take(one: Allowance) -> None:
        for _ in range(15):
            try:
                taken.append(await one.take("delete x"))
            except TooManyDeletionsError:
                await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for one in processes(tmp_path, clock):
            group.start_soon(take, one)
    assert len(taken) == len(set(taken)) == 20


async def test_a_hundred_a_day_are_counted_beside_the_hours(tmp_path: Path, clock: LoopClock) -> None:
    one, other = processes(tmp_path, clock)
    for _ in range(5):
        for _ in range(20):
            await one.take("delete x")
        clock.advance(HOUR)
    with pytest.raises(TooManyDeletionsError, match="100 deletions in a day") as caught:
        await other.take("delete x")
    assert "FLIPSNACK_MAX_DELETES_PER_DAY" in str(caught.value)
    clock.advance(DAY - 5 * HOUR)
    await other.take("delete x")


async def test_what_is_given_back_can_be_taken_again(tmp_path: Path, clock: LoopClock) -> None:
    one, other = processes(tmp_path, clock, per_hour=1)
    taken = await one.take("delete x")
    await other.give_back(taken)
    await other.take("delete x")
    with pytest.raises(TooManyDeletionsError):
        await one.take("delete x")


async def test_checking_takes_nothing_and_another_account_has_an_allowance_of_its_own(clock: LoopClock) -> None:
    store = MemoryStore(clock)
    for account in (ACCOUNT, "fedcba9876543210"):
        one = Allowance(store, account, 1, 1)
        for _ in range(5):
            await one.check()
        await one.take("delete x")


@pytest.mark.parametrize("later", [0.0, 100.0, 1771.0, 3500.0, 3590.0])
async def test_after_the_minutes_that_were_told_the_next_one_is_possible(clock: LoopClock, later: float) -> None:
    one = Allowance(MemoryStore(clock), ACCOUNT, 2, 100)
    await one.take("delete x")
    await one.take("delete x")
    clock.advance(later)
    with pytest.raises(TooManyDeletionsError) as caught:
        await one.take("delete x")
    minutes = SOON.search(str(caught.value))
    assert minutes
    clock.advance(60 * int(minutes[1]))
    await one.take("delete x")


async def test_an_allowance_of_none_promises_no_next_one(clock: LoopClock) -> None:
    with pytest.raises(TooManyDeletionsError) as caught:
        await Allowance(MemoryStore(clock), ACCOUNT, 0, 0).take("delete x")
    assert not SOON.search(str(caught.value))
