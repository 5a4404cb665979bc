"""A clock that jumps takes nothing from the store that is young, and gives nothing more life than it had."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.clock import LONGEST_REST, Kept, Moment, gone_on, moment, steady
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.jumps import HOUR, JUMPS, SET, Jump, one_write
from tests.virtual_clock import DAY_IN_SECONDS, Machine

WEEK, QUARTER = 7 * DAY_IN_SECONDS, 90 * DAY_IN_SECONDS


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def path(quick_folder: Path) -> Path:
    return quick_folder / "state.sqlite"


@pytest.fixture
async def kept(path: Path, machine: Machine) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, machine)
    yield store
    await store.close()


def on_disk(path: Path, kind: str) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [name for (name,) in db.execute("SELECT name FROM records WHERE kind = ? ORDER BY seq", [kind])]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_nothing_is_swept_that_is_young(kept: SqliteStore, path: Path, machine: Machine, jump: Jump) -> None:
    def write(records: Records) -> None:
        for name, keep in (("week", WEEK), ("quarter", QUARTER), ("month", 30 * DAY_IN_SECONDS)):
            records.put("kept", name, {}, keep=keep)

    await kept.transact(write)
    machine.run(HOUR)
    await jump(machine, kept)
    seen = [name for name, _ in await kept.transact(lambda records: records.all("kept"))]
    assert seen == on_disk(path, "kept") == ["week", "quarter", "month"]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_nothing_lives_longer_than_it_was_given(
    kept: SqliteStore, path: Path, machine: Machine, jump: Jump
) -> None:
    await kept.transact(lambda records: records.put("short", "before", {}, keep=600.0))
    machine.set_clock(40)
    await kept.transact(lambda records: records.put("short", "while it was ahead", {}, keep=600.0))
    machine.set_clock(-40)
    await jump(machine, kept)
    machine.run(601.0)
    assert await kept.transact(lambda records: records.all("short")) == []
    await one_write(kept)
    assert on_disk(path, "short") == []


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
async def test_whoever_is_at_work_is_not_taken_for_dead_nor_the_dead_for_living(
    machine: Machine, path: Path, jump: Jump
) -> None:
    store: Store = SqliteStore(path, machine)
    living, dead, other = leases.Owner("living"), leases.Owner("dead"), "other"
    await store.transact(dead.claim)
    await store.transact(living.claim)
    await jump(machine, store)
    await store.transact(lambda records: living.renew(records, {}))
    machine.run(20.0)
    found = await store.transact(lambda records: leases.orphans(records, ""))
    assert [work for work, _ in found] == ["dead"]
    assert not await store.transact(leases.Owner("living", other).claim)
    assert await store.transact(leases.Owner("dead", other).claim)
    await store.close()


@pytest.mark.parametrize("off", [0.0, 60.0, HOUR, 8 * HOUR, 24 * HOUR])
async def test_the_time_a_machine_is_off_counts(kept: SqliteStore, machine: Machine, off: float) -> None:
    before = await kept.transact(lambda records: records.now)
    await one_write(kept)
    machine.restart(off)
    assert await kept.transact(lambda records: records.now) == pytest.approx(before + off, abs=1.0)


@pytest.mark.parametrize("days", [2.0, 21.0, 365.0])
async def test_a_long_absence_counts_as_a_day(kept: SqliteStore, machine: Machine, days: float) -> None:
    """Nobody can tell it from a wrong clock: what holds for a day is over, what is kept for a week is there."""
    await kept.transact(lambda records: records.put("kept", "day", {}, keep=DAY_IN_SECONDS))
    await kept.transact(lambda records: records.put("kept", "week", {}, keep=WEEK))
    machine.restart(days * DAY_IN_SECONDS)
    assert [name for name, _ in await kept.transact(lambda records: records.all("kept"))] == ["week"]


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
async def test_time_never_goes_back_and_two_processes_have_one(path: Path, machine: Machine, jump: Jump) -> None:
    first, second = SqliteStore(path, machine), SqliteStore(path, machine)
    start = await first.transact(lambda records: records.now)
    await jump(machine, first)
    seen = [await one.transact(lambda records: records.now) for one in (second, first, second)]
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(start + 70.0, abs=1.0)
    await first.close()
    await second.close()


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
async def test_a_store_in_memory_keeps_its_time_as_well(machine: Machine, jump: Jump) -> None:
    store = MemoryStore(machine)
    await store.transact(lambda records: records.put("kept", "week", {}, keep=WEEK))
    await store.transact(lambda records: records.put("kept", "minutes", {}, keep=600.0))
    await jump(machine, store)
    machine.run(600.0)
    assert [name for name, _ in await store.transact(lambda records: records.all("kept"))] == ["week"]


async def test_time_that_was_read_does_not_go_back_with_the_clock(kept: SqliteStore, machine: Machine) -> None:
    """Nothing was written in ten days, and then the clock is set back by as many."""
    await one_write(kept)
    machine.run(10 * DAY_IN_SECONDS)
    before = await kept.transact(lambda records: records.now)
    machine.set_clock(-10)
    assert await kept.transact(lambda records: records.now) == pytest.approx(before, abs=1.0)


NOW = 1_790_000_000.0
A_DAY = DAY_IN_SECONDS
STEPS = {
    "a minute": ((60.0, 60.0, "a"), 60.0),
    "nothing at all": ((0.0, 0.0, "a"), 0.0),
    "ten idle days": ((10 * A_DAY, 10 * A_DAY, "a"), 10 * A_DAY),
    "a clock set forward": ((100 * A_DAY, 60.0, "a"), 60.0),
    "a clock set back": ((-100 * A_DAY, 60.0, "a"), 60.0),
    "ten idle days and a clock set back": ((-100 * A_DAY, 10 * A_DAY, "a"), LONGEST_REST),
    "a run that was told to be longer": ((60.0, 100 * A_DAY, "a"), LONGEST_REST),
    "a restart after an hour": ((HOUR, -4000.0, "b"), HOUR),
    "a restart that has run for longer": ((HOUR, 9000.0, "b"), HOUR),
    "a restart after a year": ((365 * A_DAY, -4000.0, "b"), LONGEST_REST),
    "a restart with a clock set back": ((-365 * A_DAY, -4000.0, "b"), 0.0),
    "a shorter run of the same name": ((60.0, -4000.0, "a"), 60.0),
}


@pytest.mark.parametrize(("moved", "step"), STEPS.values(), ids=STEPS)
def test_how_far_the_time_goes_on(moved: tuple[float, float, str], step: float) -> None:
    wall, ran, run = moved
    last = Kept(5000.0, Moment(NOW, 5000.0, "a"))
    assert gone_on(last, Moment(NOW + wall, 5000.0 + ran, run)).now == pytest.approx(5000.0 + step)


@pytest.mark.parametrize(
    ("wall", "ran", "step"),
    [
        (60.0, 60.0, 60.0), (A_DAY, A_DAY, A_DAY), (30 * A_DAY, 30 * A_DAY - 90.0, 30 * A_DAY - 90.0),
        (100 * A_DAY, 60.0, LONGEST_REST), (-100 * A_DAY, 60.0, 0.0), (HOUR, -4000.0, HOUR), (HOUR, 60.0, HOUR),
    ],
)  # fmt: skip
def test_where_a_start_has_no_name_clocks_that_disagree_mean_a_restart(wall: float, ran: float, step: float) -> None:
    last = Kept(5000.0, Moment(NOW, 5000.0, ""))
    assert gone_on(last, Moment(NOW + wall, 5000.0 + ran, "")).now == pytest.approx(5000.0 + step)


def test_the_clocks_of_this_machine_go_and_its_run_has_one_name() -> None:
    first, second = moment(), moment()
    assert first.run == second.run
    assert 0 <= second.ran - first.ran < 60.0
    assert steady() == pytest.approx(second.ran, abs=60.0)
