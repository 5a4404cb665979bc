"""Carrying out a plan: exactly it, each collection once, whoever is killed, fails, helps or meddles."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import anyio
import pytest

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.choosing import Choice, chosen
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.plans.carrying_out import CHANGED_SINCE, Ended, Record, carry_out
from flipsnack_mcp.workflows.plans.record import CLAIMED, ITEM, KEPT, Plans
from flipsnack_mcp.workflows.plans.rules import DAY, Item, Plan, Rule, planned
from tests.api.asking import KEY, SECRET
from tests.server.bench import LoopClock
from tests.workflows.running import Mortal, Road, travelling

UPDATE, GET, LIST = "collection.update", "collection.getCollection", "collection.getList"
CALL = 45.0
RULE = Rule("Number", "No.")


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


def unlimited(clock: LoopClock) -> Sandbox:
    slow = Pace(calls_per_second=0, calls_per_minute=0)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=slow, seeded=False)


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock)


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    return MemoryStore(clock)


def shelf(sandbox: Sandbox, number: int, status: str = "public") -> None:
    for one in range(number):
        sandbox.account.add(title=f"Number {one}", status=status, created_at=1000.0 * one)


@dataclass
class Hands:
    """One process that works on plans, and what it wrote into its history."""

    plans: Plans
    errand: Errand
    before: list[str] = field(default_factory=list[str])
    after: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    at_each: Callable[[], object] = lambda: None

    async def plan(self, rule: Rule, choice: Choice | None = None) -> Plan:
        return await self.plans.keep(planned(rule, await chosen(self.errand, choice or Choice(query="Number"))))

    async def work(self, plan: Plan, seconds: float = CALL - 10) -> Ended:
        errand = self.errand.within(CALL)
        return await carry_out(errand, self.plans, plan, self.record, anyio.current_time() + seconds)

    async def to_its_end(self, plan: Plan) -> list[Item]:
        for _ in range(100):
            await self.work(plan)
            items = await self.plans.items(plan)
            if not any(one.state in {"planned", "sending"} for one in items):
                return items
        raise AssertionError(plan)

    @property
    def record(self) -> Record:
        async def before(item: Item, collection: Collection) -> None:
            assert (item.title, item.status) == (collection.title, collection.status)
            self.before.append(item.collection_hash)
            self.at_each()

        async def after(item: Item) -> None:
            self.after.append((item.collection_hash, item.state))

        return Record(before, after)


@asynccontextmanager
async def process(
    sandbox: Sandbox, store: Store, road: Road | None = None, account: str = "mine"
) -> AsyncIterator[Hands]:
    async with travelling(sandbox, road) as flipsnack:
        yield Hands(Plans(store, account), Errand(flipsnack))


def updates(sandbox: Sandbox) -> Counter[str]:
    """How often each collection was really changed."""
    return Counter(one.params["collectionHash"] for one in sandbox.carried_out(UPDATE))


def titles(sandbox: Sandbox) -> set[str]:
    return {one.title for one in sandbox.account.collections.values()}


async def test_a_plan_is_carried_out_exactly_and_each_change_is_on_record(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 3)
    sandbox.account.add(title="Another")
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        assert sandbox.carried_out(UPDATE) == []
        items = await hands.to_its_end(plan)

    assert [one.state for one in items] == ["done"] * 3
    assert titles(sandbox) == {"No. 0", "No. 1", "No. 2", "Another"}
    assert updates(sandbox) == Counter(hands.before)
    assert hands.after == [(one, "done") for one in hands.before]


async def test_a_plan_that_is_done_changes_nothing_more(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 2)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        first = await hands.to_its_end(plan)
        sandbox.requests.clear()
        again = await hands.to_its_end(plan)

    assert sandbox.requests == []
    assert again == first


async def test_a_published_draft_is_told_by_its_new_hash(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 3, "editable")
    async with process(sandbox, store) as hands:
        items = await hands.to_its_end(await hands.plan(Rule("Number", "No.", "public")))

    assert {one.new_hash for one in items} == set(sandbox.account.collections)
    assert sum(updates(sandbox).values()) == 3


@pytest.mark.parametrize("meddle", ["title", "status", "gone"])
async def test_what_was_changed_since_the_plan_is_left_alone(meddle: str, sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 3)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        touched = (await hands.plans.items(plan))[1].collection_hash
        if meddle == "gone":
            sandbox.account.delete(touched)
        else:
            setattr(sandbox.account.collections[touched], meddle, "unlisted")
        items = await hands.to_its_end(plan)

    assert [one.state for one in items] == ["done", "skipped", "done"]
    assert touched not in updates(sandbox)
    assert items[1].said
    assert hands.after == [(one.collection_hash, "done") for one in items if one.state == "done"]


async def test_what_is_already_as_planned_needs_no_request(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 1)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        next(iter(sandbox.account.collections.values())).title = "No. 0"
        items = await hands.to_its_end(plan)

    assert [one.state for one in items] == ["skipped"]
    assert updates(sandbox) == Counter()


async def test_three_failures_in_a_row_stop_it_and_the_rest_stays_untouched(
    sandbox: Sandbox, store: MemoryStore
) -> None:
    shelf(sandbox, 10)
    sandbox.add_fault(Fault("code", UPDATE, times=3, code=38))
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        ended = await hands.work(plan)
        stopped = await hands.plans.items(plan)
        items = await hands.to_its_end(plan)

    assert "3 failures in a row" in ended.stopped
    assert "38" in ended.stopped
    assert [one.state for one in stopped] == ["failed"] * 3 + ["planned"] * 7
    assert [one.state for one in items] == ["done"] * 10
    assert set(updates(sandbox).values()) == {1}


async def test_five_failures_in_all_stop_it(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 20)
    async with process(sandbox, store) as hands:

        def fails_at_two_of_three() -> None:
            if len(hands.before) % 3:
                sandbox.add_fault(Fault("code", UPDATE, code=38))

        hands.at_each = fails_at_two_of_three
        plan = await hands.plan(RULE)
        ended = await hands.work(plan)
        states = Counter(one.state for one in await hands.plans.items(plan))

    assert "5 failures" in ended.stopped
    assert states == {"failed": 5, "done": 2, "planned": 13}


async def test_what_failed_is_tried_once_more_at_the_next_call_only(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 2)
    sandbox.add_fault(Fault("code", UPDATE, times=0, code=38))
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        await hands.work(plan)
        tried = len(hands.before)
        sandbox.clear_faults()
        items = await hands.to_its_end(plan)

    assert tried == 2
    assert [one.state for one in items] == ["done", "done"]


@pytest.mark.parametrize("status", ["public", "editable"])
@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_change_whose_answers_are_lost_is_looked_up_and_ends_as_planned(
    status: str, phase: str, sandbox: Sandbox, store: MemoryStore
) -> None:
    shelf(sandbox, 2, status)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(Rule("Number", "No.", "public"))
        sandbox.add_fault(Fault("reset", UPDATE, times=4, phase=phase))
        await hands.to_its_end(plan)
        items = await hands.to_its_end(plan)

    assert {one.state for one in items} == {"done"}
    assert titles(sandbox) == {"No. 0", "No. 1"}
    assert {one.new_hash or one.collection_hash for one in items} == set(sandbox.account.collections)


async def test_nothing_is_begun_after_the_time_and_the_next_call_goes_on(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 10)
    sandbox.add_fault(Fault("slow", UPDATE, seconds=5, times=0))
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        start = anyio.current_time()
        await hands.work(plan, seconds=12)
        took = anyio.current_time() - start
        states = Counter(one.state for one in await hands.plans.items(plan))
        await hands.to_its_end(plan)

    assert took <= 20
    assert states == {"done": 2, "planned": 8}
    assert set(updates(sandbox).values()) == {1}


async def test_without_any_time_it_only_says_how_far_it_is(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 2)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        sandbox.requests.clear()
        await hands.work(plan, seconds=0)

    assert sandbox.requests == []


async def test_a_cancelled_call_leaves_its_collection_to_the_next_one_at_once(
    sandbox: Sandbox, store: MemoryStore
) -> None:
    shelf(sandbox, 4)
    sandbox.add_fault(Fault("slow", UPDATE, seconds=5, times=2, phase="after"))
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        with anyio.move_on_after(10):
            await hands.work(plan)
        left = Counter(one.state for one in await hands.plans.items(plan))
        start = anyio.current_time()
        items = await hands.to_its_end(plan)

    assert left == {"done": 1, "sending": 1, "planned": 2}
    assert [one.state for one in items] == ["done"] * 4
    assert anyio.current_time() - start < CLAIMED / 2
    assert set(updates(sandbox).values()) == {1}


async def test_two_processes_at_once_change_each_collection_once(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 30)
    sandbox.add_fault(Fault("slow", seconds=0.3, times=0))
    async with process(sandbox, store) as one, process(sandbox, store) as two, anyio.create_task_group() as group:
        plan = await one.plan(RULE)
        for hands in (one, two, two):
            group.start_soon(hands.to_its_end, plan)

    assert set(updates(sandbox).values()) == {1}
    assert len(updates(sandbox)) == 30
    assert one.before
    assert two.before


async def test_a_process_that_was_too_slow_does_not_send_what_another_took_over(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    """Stopped for minutes in its last look, as by a laptop's sleep: the claim is no longer its own."""
    shelf(sandbox, 1)
    asleep, awake = anyio.Event(), anyio.Event()

    async def moment(here: str) -> None:
        if here == "answer" and not asleep.is_set():
            asleep.set()
            await awake.wait()

    road = Road()
    async with process(sandbox, store, road) as slow, process(sandbox, store) as other:
        plan = await slow.plan(RULE)
        road.moment = moment
        async with anyio.create_task_group() as group:
            group.start_soon(slow.work, plan)
            await asleep.wait()
            clock.advance(CLAIMED + 1)
            await other.to_its_end(plan)
            awake.set()

    assert sum(updates(sandbox).values()) == 1
    assert slow.after == []


async def test_plans_of_another_account_are_invisible(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 1)
    async with process(sandbox, store) as hands, process(sandbox, store, account="another") as other:
        plan = await hands.plan(RULE)

        assert await other.plans.plan(plan.plan_id) is None
        assert await hands.plans.plan(plan.plan_id) == plan


async def test_a_plan_is_too_old_after_a_day_and_forgotten_with_its_records_after_a_week(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    shelf(sandbox, 2)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        clock.advance(DAY - 60)
        young = not await hands.plans.too_old(plan)
        clock.advance(120)
        old = await hands.plans.too_old(plan)
        clock.advance(KEPT - DAY - 120)
        told = await hands.plans.items(plan)
        clock.advance(120)

        assert young
        assert old
        assert len(told) == 2
        assert await hands.plans.plan(plan.plan_id) is None
        assert await store.transact(lambda records: records.all(ITEM)) == []


async def test_progress_says_how_far_it_is_and_how_long_it_takes(sandbox: Sandbox, store: MemoryStore) -> None:
    shelf(sandbox, 3)
    sandbox.add_fault(Fault("slow", UPDATE, seconds=2, times=0))
    told: list[str] = []

    async def tell(message: str) -> None:
        told.append(message)

    async with travelling(sandbox) as flipsnack:
        hands = Hands(Plans(store, "mine"), Errand(flipsnack, tell=tell))
        await hands.to_its_end(await hands.plan(RULE))

    assert [re.sub(r"about [4-9] s", "about N s", one) for one in told if one.startswith("update")] == [
        "update: 1 of 3 collections, about N s left",
        "update: 2 of 3 collections, about N s left",
        "update: 3 of 3 collections",
    ]


# --- killed


async def killed_at(sandbox: Sandbox, store: MemoryStore, rule: Rule, dies_at: int) -> tuple[Plan, Mortal]:
    """A plan whose process was killed at this moment of carrying it out, or came to its end before."""
    async with process(sandbox, store) as hands:
        plan = await hands.plan(rule)
    mortal = Mortal(store, dies_at)
    async with process(sandbox, mortal, Road(moment=mortal.moment)) as hands, anyio.create_task_group() as life:

        async def live() -> None:
            await hands.to_its_end(plan)
            mortal.died.set()

        life.start_soon(live)
        await mortal.died.wait()
        life.cancel_scope.cancel()
    return plan, mortal


@pytest.mark.parametrize(
    ("status", "rule"),
    [
        pytest.param("public", RULE, id="titles"),
        pytest.param("editable", Rule("Number", "No.", "public"), id="publishing"),
        pytest.param("public", Rule("Number", "No.", "editable"), id="taking offline"),
    ],
)
async def test_killed_at_any_moment_and_resumed_each_collection_was_changed_exactly_once(
    status: str, rule: Rule, clock: LoopClock
) -> None:
    moments: list[str] = []
    for dies_at in count():
        sandbox, store = unlimited(clock), MemoryStore(clock)
        shelf(sandbox, 3, status)
        sandbox.account.add(title="No. 1", status="public")  # what a published draft could be mistaken for
        plan, mortal = await killed_at(sandbox, store, rule, dies_at)
        clock.advance(CLAIMED + 1)
        async with process(sandbox, store) as hands:
            items = await hands.to_its_end(plan)
        where = f"moment {dies_at}, {mortal.moments[-3:]}: {items}"
        assert [one.state for one in items] == ["done"] * 3, where
        assert set(updates(sandbox).values()) == {1}, where
        assert len(updates(sandbox)) == 3, where
        assert {one.new_hash or one.collection_hash for one in items} <= set(sandbox.account.collections), where
        if len(mortal.moments) <= dies_at:
            break
        moments.append(mortal.moments[-1])

    assert set(moments) == {"before transaction", "after transaction", "request", "answer"}
    assert len(moments) > 30


async def test_100_collections_killed_half_way_and_resumed_are_changed_exactly_once_each(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    shelf(sandbox, 100)
    plan, _ = await killed_at(sandbox, store, Rule("Number", "No.", "unlisted"), 551)
    halfway = sum(updates(sandbox).values())
    clock.advance(CLAIMED + 1)
    async with process(sandbox, store) as hands:
        await hands.to_its_end(plan)

    assert 40 <= halfway <= 60
    assert len(updates(sandbox)) == sum(updates(sandbox).values()) == 100
    assert titles(sandbox) == {f"No. {one}" for one in range(100)}
    assert {one.status for one in sandbox.account.collections.values()} == {"unlisted"}


async def test_a_draft_that_vanished_while_it_was_published_is_not_guessed_at(
    sandbox: Sandbox, store: MemoryStore
) -> None:
    shelf(sandbox, 1, "editable")
    sandbox.account.add(title="Number 0", status="public")
    plan, _ = await killed_at(sandbox, store, Rule(status="public"), 10**9)
    items = await Plans(store, "mine").items(plan)
    assert [one.state for one in items] == ["done"]
    published = items[0].new_hash
    plans = Plans(store, "mine")
    await plans.note(plan, items[0], items[0].owner, state="sending", new_hash="", beat=0.0)
    sandbox.account.delete(published)
    async with process(sandbox, store) as hands:
        items = await hands.to_its_end(plan)

    assert [one.state for one in items] == ["unclear"]
    assert "new hash was not found" in items[0].said


async def test_what_somebody_changed_while_its_outcome_was_unknown_is_said_to_be_unclear(
    sandbox: Sandbox, store: MemoryStore
) -> None:
    shelf(sandbox, 1)
    async with process(sandbox, store) as hands:
        plan = await hands.plan(RULE)
        sandbox.add_fault(Fault("reset", times=0, phase="before", action=UPDATE))
        await hands.work(plan)
        sandbox.clear_faults()
        next(iter(sandbox.account.collections.values())).title = "By hand"
        await hands.work(plan)
        items = await hands.to_its_end(plan)

    assert [one.state for one in items] == ["unclear"]
    assert titles(sandbox) == {"By hand"}
    assert items[0].said != CHANGED_SINCE
