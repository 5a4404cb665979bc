"""A yes under a clock that jumps: by code, by form and by approval it counts within ten minutes, or not at all."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from flipsnack_mcp.server.consent.codes import Consents, waiting_in
from flipsnack_mcp.server.consent.form import Preview
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from tests.jumps import JUMPS, SET, Jump, one_write
from tests.server.bench import Assistant, Bench, Person, types_what_is_asked
from tests.server.destructions import TITLE, TOOLS, assert_done, assert_only, assert_refused
from tests.virtual_clock import Machine

DELETE, ACCOUNT = TOOLS[0], "0123456789abcdef"
PREVIEW = Preview(text="It is there.", expected="Offers", target="abc1234/", seen="facts")


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def store(machine: Machine) -> Store:
    return MemoryStore(machine)


@pytest.fixture
def consents(store: Store) -> Consents:
    return Consents(store, ACCOUNT)


async def a_code(consents: Consents, *, needs_approval: bool = False) -> str:
    code = await consents.new_code("delete_collection", PREVIEW, needs_approval=needs_approval)
    assert code
    return code


async def is_good(consents: Consents, code: str) -> bool:
    return not isinstance(await consents.redeemed(code, PREVIEW.target, only_approved=False), str)


WRONG = (3.0, 30.0, 100.0, 400.0, 0.01, 1.0)
"""Days; a hundredth of one is a quarter of an hour."""


@pytest.mark.parametrize("days", [sign * one for one in WRONG for sign in (1, -1)])
async def test_a_code_is_dead_while_the_clock_is_another_and_stays_so(
    consents: Consents, machine: Machine, days: float
) -> None:
    code = await a_code(consents)
    machine.set_clock(days)
    assert not await is_good(consents, code)
    machine.set_clock(-days)
    assert not await is_good(consents, code)


@pytest.mark.parametrize("days", [sign * one for one in WRONG for sign in (1, -1)])
async def test_a_code_of_a_wrong_clock_is_dead_when_the_clock_is_right(
    consents: Consents, machine: Machine, days: float
) -> None:
    machine.set_clock(days)
    first, second = await a_code(consents), await a_code(consents)
    machine.set_clock(-days)
    assert not await is_good(consents, first)
    assert second not in await consents.store.transact(waiting_in)
    assert not await consents.approve(second)
    machine.set_clock(days)
    machine.run(60.0)
    assert not await is_good(consents, first)


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("approved", [False, True], ids=["code", "approved"])
async def test_no_jump_gives_a_code_more_than_ten_minutes(
    consents: Consents, machine: Machine, jump: Jump, *, approved: bool
) -> None:
    code = await a_code(consents, needs_approval=approved)
    assert not approved or await consents.approve(code)
    await jump(machine, consents.store)
    machine.run(601.0 - 70.0)
    assert not await is_good(consents, code)


@pytest.mark.parametrize("minutes", range(1, 10))
async def test_a_clock_that_is_set_back_by_minutes_gives_none(
    consents: Consents, machine: Machine, minutes: int
) -> None:
    """A quarter of an hour after it was given out, a clock that says it was a moment ago does not help."""
    code = await a_code(consents)
    machine.run(900.0)
    machine.set_clock(-(900.0 - 60.0 * minutes) / 86400.0)
    assert not await is_good(consents, code)


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
async def test_no_jump_lifts_a_no_or_lets_an_answer_count_twice(
    consents: Consents, machine: Machine, jump: Jump
) -> None:
    await consents.close(PREVIEW.target)
    assert await consents.first_use("nonce")
    await jump(machine, consents.store)
    assert await consents.new_code("delete_collection", PREVIEW, needs_approval=False) is None
    assert not await consents.first_use("nonce")
    machine.run(600.0)
    assert await consents.new_code("delete_collection", PREVIEW, needs_approval=False)


@asynccontextmanager
async def assistant_on(bench: Bench, store: Store, person: Person | None = None) -> AsyncIterator[Assistant]:
    async with bench.assistant(person, bench.server(store)) as assistant:
        yield assistant


@pytest.mark.parametrize(
    ("when_made", "when_used"),
    [(0.0, -3.0), (30.0, -30.0), (0.0, 3.0), (100.0, -100.0), (-30.0, 30.0), (400.0, -400.0), (0.0, -400.0)],
)
async def test_a_code_of_another_day_deletes_nothing(
    bench: Bench, store: Store, machine: Machine, when_made: float, when_used: float
) -> None:
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    async with assistant_on(bench, store) as assistant:
        machine.set_clock(when_made)
        refused = await assistant.call("delete_collection", wanted)
        machine.set_clock(when_used)
        said = await assistant.call("delete_collection", {**wanted, "confirmation": refused.code})
    assert_refused(said)
    assert_only(bench.sandbox, DELETE, 0)


@pytest.mark.parametrize("mode", ["auto"])  # before it the question stays open within the call, by the loop's clock
@pytest.mark.parametrize("days", [sign * one for one in WRONG for sign in (1, -1)])
async def test_an_answer_counts_whatever_happened_to_the_clock_only_within_ten_minutes(
    bench: Bench, store: Store, machine: Machine, days: float
) -> None:
    """The form is answered on 2026-07-28 in another call: its question may seem to be of another day."""
    person = Person(types_what_is_asked, meanwhile=lambda: machine.set_clock(days))
    async with assistant_on(bench, store, person) as assistant:
        said = await assistant.call("delete_collection", collection_hash=bench.collection(TITLE).hash)
    assert_refused(said)
    assert "minutes ago" in said.text
    assert_only(bench.sandbox, DELETE, 0)


def slow(machine: Machine, seconds: float, days: float) -> Callable[[], None]:
    def meanwhile() -> None:
        machine.run(seconds)
        machine.set_clock(days)

    return meanwhile


@pytest.mark.parametrize("mode", ["auto"])  # before it the question stays open within the call, by the loop's clock
@pytest.mark.parametrize("late", [700.0, 1800.0, 3500.0, 3700.0, 86400.0, 1.5 * 86400.0])
@pytest.mark.parametrize("back", [False, True], ids=["clock as it is", "clock set back"])
async def test_an_answer_that_is_late_is_refused_in_words(
    bench: Bench, store: Store, machine: Machine, late: float, *, back: bool
) -> None:
    meanwhile = slow(machine, late, -(late - 60.0) / 86400.0 if back else 0.0)
    async with assistant_on(bench, store, Person(types_what_is_asked, meanwhile=meanwhile)) as assistant:
        said = await assistant.call("delete_collection", collection_hash=bench.collection(TITLE).hash)
    assert_refused(said)
    assert "minutes ago" in said.text
    assert_only(bench.sandbox, DELETE, 0)


async def test_with_a_clock_that_is_right_the_same_form_deletes(bench: Bench, store: Store) -> None:
    async with assistant_on(bench, store, Person(types_what_is_asked)) as assistant:
        said = await assistant.call("delete_collection", collection_hash=bench.collection(TITLE).hash)
    assert_done(said)
    await one_write(store)
    assert_only(bench.sandbox, DELETE, 1)
