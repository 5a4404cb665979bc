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
SOON = re.compile(r"in about (\d+) minutes?\.")


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


async def test_several_are_told_when_all_of_them_are_possible_and_not_that_none_is_before(clock: LoopClock) -> None:
    one = Allowance(MemoryStore(clock), ACCOUNT, 12, 100)
    for _ in range(9):
        await one.take("delete x")
    clock.advance(60)
    with pytest.raises(TooManyDeletionsError) as caught:
        await one.check(9)
    told = "and 3 are left. Nothing was changed. So many are possible in about 59 minutes. Choose at most 3 of them,"
    assert told in str(caught.value)
    clock.advance(59 * 60)
    await one.check(9)


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


FIGURES = [  # made an hour, made a day, wanted, of 7 an hour and 10 a day: what is said, or nothing
    (0, 0, 1, ""), (0, 0, 7, ""), (6, 0, 1, ""), (3, 0, 4, ""), (0, 9, 1, ""), (0, 5, 5, ""),
    (7, 0, 1, "7 deletions in an hour have been made"), (0, 10, 1, "10 deletions in a day have been made"),
    (0, 0, 8, "8 collections would be deleted or go offline; this server allows 7 deletions in an hour, takings offline included, and 7 are left"),
    (3, 0, 5, "5 collections would be deleted or go offline; this server allows 7 deletions in an hour, takings offline included, and 4 are left"),
    (7, 0, 2, "and 0 are left"), (0, 6, 5, "10 deletions in a day, takings offline included, and 4 are left"),
    (9, 0, 3, "and 0 are left"), (6, 0, 2, "and 1 is left"),
]  # fmt: skip


@pytest.mark.parametrize(("hour", "day", "wanted", "said"), FIGURES)
async def test_what_is_left_is_told_with_the_figure(
    clock: LoopClock, hour: int, day: int, wanted: int, said: str
) -> None:
    store = MemoryStore(clock)
    for _ in range(day):
        await Allowance(store, ACCOUNT, 100, 100).take("delete x")
    clock.advance(2 * HOUR)
    for _ in range(hour):
        await Allowance(store, ACCOUNT, 100, 100).take("take x offline")
    one = Allowance(store, ACCOUNT, 7, 10)
    named = {f"plan/{number}": "take x offline" for number in range(wanted)}
    if not said:
        await one.check(wanted)
        await store.transact(lambda records: one.count(records, named))
        return
    with pytest.raises(TooManyDeletionsError, match=said) as caught:
        await store.transact(lambda records: one.count(records, named))
    with pytest.raises(TooManyDeletionsError):
        await one.check(wanted)
    assert "Nothing was changed." in str(caught.value)
    assert "at most 0" not in str(caught.value)


async def test_what_has_a_name_is_counted_once(clock: LoopClock) -> None:
    store = MemoryStore(clock)
    one = Allowance(store, ACCOUNT, 2, 2)
    for _ in range(3):
        await store.transact(
            lambda records: one.count(records, {"plan/0": "take x offline", "plan/1": "take y offline"})
        )
    with pytest.raises(TooManyDeletionsError):
        await one.check()
    await one.give_back("plan/0", "plan/1", "never there")
    await one.check(2)
