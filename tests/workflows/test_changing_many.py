"""Carrying out a plan: exactly it, each collection once, by itself, whoever is killed, fails, watches or meddles."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import anyio
import pytest

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.errors import Changed, UnreachableError
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.workflows.allowance import DELETION, Allowance
from flipsnack_mcp.workflows.changing import send_change
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import Choice, choose
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.plans import execution
from flipsnack_mcp.workflows.plans.carrying_out import ON_REQUEST, Plans
from flipsnack_mcp.workflows.plans.drafts import Rule, draft_plan
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.outcomes import CHANGED_SINCE, NOT_TOLD_YET, of_closer_look
from flipsnack_mcp.workflows.plans.record import ITEM, PLAN, PLAN_KEPT, PlanRecord
from flipsnack_mcp.workflows.plans.rules import UNDOING, YES_IS_OLD, Permissions, Plan, PlanSnapshot
from flipsnack_mcp.workflows.plans.undoing import draft_undoing, undone_by
from flipsnack_mcp.workflows.uploads.journal import UPLOAD, Journal, JournalEntry
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows.running import LASTING, LongWork, Mortal, Road, Told

UPDATE, GET, LIST = "collection.update", "collection.getCollection", "collection.getList"
CALL, TEN_MINUTES = 45.0, 600.0
RULE, OFFLINE, PUBLISH = Rule("Number", "No."), Rule(status="editable"), Rule("Number", "No.", "public")
YESES = frozenset({"form"})
ALL = Permissions(changes=True, yeses=YESES)


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock, account="empty")


def shelf(work: LongWork, number: int, status: str = "public") -> None:
    for one in range(number):
        work.sandbox.account.add(title=f"Number {one}", status=status, created_at=1000.0 * one)


@dataclass
class Server:
    """One process that works on plans, and what it told its calls."""

    plans: Plans
    told: Told = field(default_factory=Told)

    async def plan(self, rule: Rule, choice: Choice | None = None) -> Plan:
        context = CallContext(self.plans.flipsnack)
        draft = draft_plan(rule, await choose(context, choice or Choice(query="Number")))
        return await self.plans.record.keep(draft)

    async def work(self, plan: Plan, seconds: float = CALL) -> PlanSnapshot:
        """One call: the plan goes on, and is watched for so many seconds."""
        job = await self.plans.start(plan)
        await self.plans.jobs.show(PLAN, plan.plan_id, seconds, self.told)
        if job and job.error:
            raise job.error
        return await self.look(plan)

    async def look(self, plan: Plan) -> PlanSnapshot:
        seen = await self.plans.record.look(plan.plan_id)
        assert seen
        return seen

    async def to_its_end(self, plan: Plan) -> list[Item]:
        for _ in range(100):
            seen = await self.work(plan)
            if not seen.left:
                return list(seen.items)
        raise AssertionError(plan)

    async def undoing(self, rule: Rule) -> Plan:
        """A plan that puts back what was done by this rule."""
        done = await self.plan(rule)
        await self.plans.record.confirmed(done, "form")
        await self.to_its_end(done)
        events = await self.plans.history.events()
        changes = undone_by(events, next(one for one in events if one.target == done.plan_id))
        looks = {one.now: await self.plans.flipsnack.send(GetCollection(collection_hash=one.now)) for one in changes}
        return await self.plans.record.keep(draft_undoing(changes, looks)[0], UNDOING)


@asynccontextmanager
async def process(
    work: LongWork,
    store: Store | None = None,
    road: Road | None = None,
    account: str = "mine",
    allowed: Permissions = ALL,
) -> AsyncIterator[Server]:
    async with work.server(store, road, account) as (flipsnack, jobs):
        records = History(jobs.store, account), Journal(jobs.store, account)
        allowance = Allowance(jobs.store, account, 60, 200)
        plans = Plans(flipsnack, jobs, PlanRecord(jobs.store, account), *records, allowance, allowed)
        jobs.unattended[PLAN] = (plans.carry_out, plans.note_stop)
        yield Server(plans)


@asynccontextmanager
async def begun(
    work: LongWork, number: int, status: str = "public", rule: Rule = RULE
) -> AsyncIterator[tuple[Server, Plan]]:
    """So many collections, and a plan for them."""
    shelf(work, number, status)
    async with process(work) as server:
        yield server, await server.plan(rule)


async def uploaded_as(server: Server, collection_hash: str) -> str:
    """An upload that made this collection."""
    facts = {
        "document": "sha256:1",
        "name": "a.pdf",
        "size": 1,
        "state": "complete",
        "collection_hash": collection_hash,
    }
    entry = JournalEntry.model_validate({"upload_id": "u", "account": "mine", "title": "Number 0", **facts})
    await server.plans.journal.begin(entry, server.plans.jobs.new(UPLOAD, "u").owner, again=False)
    return entry.upload_id


def updates(work: LongWork) -> Counter[str]:
    """How often each collection was really changed."""
    return Counter(one.params["collectionHash"] for one in work.sandbox.carried_out(UPDATE))


def titles(work: LongWork) -> set[str]:
    return {one.title for one in work.sandbox.account.collections.values()}


def states(seen: PlanSnapshot) -> dict[str, int]:
    return dict(Counter(one.state for one in seen.items))


async def test_a_plan_is_carried_out_exactly_and_each_change_is_on_record(work: LongWork) -> None:
    work.sandbox.account.add(title="Another")
    async with begun(work, 3) as (server, plan):
        assert work.sandbox.carried_out(UPDATE) == []
        items = await server.to_its_end(plan)
        events = await server.plans.history.events()
        asked = len(work.sandbox.requests)
        assert await server.to_its_end(plan) == items
    assert len(work.sandbox.requests) == asked
    assert [one.state for one in items] == ["done"] * 3
    assert titles(work) == {"No. 0", "No. 1", "No. 2", "Another"}
    assert updates(work) == Counter(one.collection_hash for one in items)
    whole, parts = ([one for one in events if (one.target == plan.plan_id) is of] for of in (True, False))
    told = [(one.target, one.decision, one.before.get("title")) for one in parts]
    assert [(one.decision, one.said) for one in whole] == [("begun", "3 collections"), ("done", "3 done")]
    assert {one.work for one in events} == {plan.plan_id}
    assert told[::2] == [(one.collection_hash, "allowed", one.title) for one in items]
    assert told[1::2] == [(one.collection_hash, "done", None) for one in items]


async def test_a_published_draft_is_told_by_its_new_hash(work: LongWork) -> None:
    shelf(work, 3, "editable")
    async with process(work) as server:
        items = await server.to_its_end(await server.plan(Rule("Number", "No.", "public")))
    assert {one.new_hash for one in items} == set(work.sandbox.account.collections)
    assert sum(updates(work).values()) == 3


@pytest.mark.parametrize("rule", [RULE, Rule(status="public"), PUBLISH], ids=["title", "publishing", "both"])
async def test_an_upload_is_known_by_what_a_plan_made_of_its_collection(rule: Rule, work: LongWork) -> None:
    shelf(work, 1, "editable")
    async with process(work) as server:
        plan = await server.plan(rule)
        upload = await uploaded_as(server, (await server.look(plan)).items[0].collection_hash)
        await server.to_its_end(plan)
        known = await server.plans.journal.find(upload)
    made = next(iter(work.sandbox.account.collections.values()))
    assert known
    assert (known.collection_hash, known.listed or "Number 0") == (made.hash, made.title)


@pytest.mark.parametrize(
    ("field", "value"), [("title", "By hand"), ("title", "No. 1"), ("status", "unlisted"), ("gone", "")]
)
async def test_what_was_changed_since_the_plan_is_left_alone(field: str, value: str, work: LongWork) -> None:
    """Also what is as planned already, since somebody did it by hand."""
    async with begun(work, 3) as (server, plan):
        touched = (await server.look(plan)).items[1].collection_hash
        setattr(work.sandbox.account.collections[touched], field, value)
        if field == "gone":
            work.sandbox.account.delete(touched)
        items = await server.to_its_end(plan)
        events = await server.plans.history.events()
    assert [one.state for one in items] == ["done", "skipped", "done"]
    assert items[1].said
    assert touched not in {*updates(work), *(one.target for one in events)}


async def test_three_failures_in_a_row_stop_it_and_the_rest_stays_untouched(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("code", UPDATE, times=3, code=38))
    async with begun(work, 10) as (server, plan):
        stopped = await server.work(plan)
        await server.plans.jobs.go_on()
        await anyio.sleep(CALL)
        later = await server.look(plan)
        items = await server.to_its_end(plan)
    assert re.search("3 failures in a row.*38", stopped.plan.stopped)
    assert [one.state for one in stopped.items] == ["failed"] * 3 + ["planned"] * 7
    assert later.items == stopped.items
    assert [one.state for one in items] == ["done"] * 10
    assert set(updates(work).values()) == {1}


async def test_five_failures_in_all_stop_it(work: LongWork) -> None:
    shelf(work, 20)
    spoiled = set[int]()

    async def fails_at_two_of_three(here: str) -> None:
        tried = sum(one.action == UPDATE for one in work.sandbox.requests)
        if here == "answer" and tried % 3 and tried not in spoiled:
            spoiled.add(tried)
            work.sandbox.add_fault(Fault("code", UPDATE, code=38))

    async with process(work, road=Road(moment=fails_at_two_of_three)) as server:
        stopped = await server.work(await server.plan(RULE))
    assert "5 failures" in stopped.plan.stopped
    assert states(stopped) == {"failed": 5, "done": 3, "planned": 12}


async def test_what_failed_is_tried_once_more_at_the_next_call_only(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("code", UPDATE, times=0, code=38))
    async with begun(work, 2) as (server, plan):
        await server.work(plan)
        tried = [one for one in work.sandbox.requests if one.action == UPDATE]
        work.sandbox.clear_faults()
        items = await server.to_its_end(plan)
    assert len(tried) == 2
    assert [one.state for one in items] == ["done", "done"]


@pytest.mark.parametrize("status", ["public", "editable"])
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("lost", [1, 4], ids=["once", "each time"])
async def test_a_change_whose_answers_are_lost_ends_as_planned(
    status: str, phase: str, lost: int, work: LongWork
) -> None:
    """A draft that was published is not there under its old hash any more when it is tried once more."""
    async with begun(work, 2, status, rule=PUBLISH) as (server, plan):
        work.sandbox.add_fault(Fault("reset", UPDATE, times=lost, phase=phase))
        await server.to_its_end(plan)
        items = await server.to_its_end(plan)
    assert {one.state for one in items} == {"done"}
    assert titles(work) == {"No. 0", "No. 1"}
    assert {one.new_hash or one.collection_hash for one in items} == set(work.sandbox.account.collections)


async def test_what_somebody_changed_while_its_outcome_was_unknown_is_said_to_be_unclear(work: LongWork) -> None:
    async with begun(work, 1) as (server, plan):
        work.sandbox.add_fault(Fault("reset", times=0, phase="before", action=UPDATE))
        await server.work(plan)
        work.sandbox.clear_faults()
        next(iter(work.sandbox.account.collections.values())).title = "By hand"
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["unclear"]
    assert titles(work) == {"By hand"}
    assert items[0].said != CHANGED_SINCE


@pytest.mark.parametrize("waits", [0, CALL], ids=["no call waits", "its call is cancelled"])
async def test_a_plan_goes_on_by_itself_when_its_call_has_ended(work: LongWork, waits: float) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=5, times=0))
    async with begun(work, 10) as (server, plan):
        with anyio.move_on_after(12):
            await server.work(plan, waits)
        on_the_way = states(await server.look(plan))
        await anyio.sleep(120)
        in_the_end = states(await server.look(plan))
    assert on_the_way.get("done", 0) < 10
    assert in_the_end == {"done": 10}
    assert set(updates(work).values()) == {1}


async def test_another_process_watches_what_one_carries_out(work: LongWork) -> None:
    shelf(work, 12)
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=3, times=0))
    async with process(work) as server, process(work) as other:
        plan = await server.plan(RULE)
        await server.work(plan, 0)
        await other.work(plan, 25)
        assert await other.plans.start(plan) is None
        await other.to_its_end(plan)
    assert len(updates(work)) == sum(updates(work).values()) == 12
    assert any(re.match(r"update: \d+ of 12 collections", one) for one in other.told)


async def test_a_plan_that_is_stopped_on_request_ends_between_two_collections(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=3, times=0))
    async with begun(work, 6) as (server, plan):
        await server.work(plan, 7)
        assert await server.plans.jobs.stop(PLAN, plan.plan_id)
        stopped = await server.look(plan)
        await anyio.sleep(CALL)
        later = await server.look(plan)
    assert (stopped.plan.stopped, set(states(stopped))) == (ON_REQUEST, {"done", "planned"})
    assert states(stopped)["done"] == sum(updates(work).values())
    assert later.items == stopped.items


async def test_what_may_not_be_changed_is_not_said_to_be_gone(work: LongWork) -> None:
    shelf(work, 2)
    work.sandbox.add_fault(Fault("code", UPDATE, code=43, message="Forbidden"))
    async with process(work) as server:
        items = (await server.work(await server.plan(RULE))).items
    assert [one.state for one in items] == ["failed", "done"]
    assert items[0].said == 'Flipsnack refused with code 43 "Forbidden".'
    assert set(updates(work).values()) == {1}


async def test_a_key_that_others_use_up_is_waited_for_and_that_is_told(work: LongWork) -> None:
    async with begun(work, 2) as (server, plan):
        await server.plans.flipsnack._pacer.pause(200)
        await server.work(plan, 0)
        await server.work(plan, 2 * CALL)
        await anyio.sleep(4 * CALL)
        seen = await server.look(plan)
    assert any(one.startswith("update: others use up what the key allows") for one in server.told)
    assert states(seen) == {"done": 2}
    assert set(updates(work).values()) == {1}


async def test_plans_of_another_account_are_invisible(work: LongWork) -> None:
    shelf(work, 1)
    async with process(work) as server, process(work, account="another") as other:
        plan = await server.plan(RULE)
        assert await other.plans.record.look(plan.plan_id) is None
        assert (await server.look(plan)).plan == plan


async def test_a_plan_is_forgotten_with_its_records_after_a_week(work: LongWork) -> None:
    async with begun(work, 2) as (server, plan):
        work.clock.advance(PLAN_KEPT - 60)
        told = (await server.look(plan)).items
        work.clock.advance(120)
        assert len(told) == 2
        assert await server.plans.record.look(plan.plan_id) is None
        assert await work.store.transact(lambda records: records.all(ITEM)) == []


async def test_progress_says_how_far_it_is_and_how_long_it_takes(work: LongWork) -> None:
    shelf(work, 3)
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=2, times=0))
    async with process(work) as server:
        await server.to_its_end(await server.plan(RULE))
    told = [re.fullmatch(r"update: (\d) of 3 collections, about [1-9] s left", one) for one in server.told]
    assert next(one[1] for one in told if one) == "0"
    assert all(one.seconds_left for one in server.told.progress if one.total)


async def test_what_goes_offline_stops_ten_minutes_after_a_yes_and_goes_on_with_a_new_one(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=12, times=0))
    async with begun(work, 60, rule=OFFLINE) as (server, plan):
        never = await server.work(plan)
        assert updates(work) == Counter()
        await server.plans.record.confirmed(plan, "form")
        stopped = await server.work(plan, 2 * TEN_MINUTES)
        refused = await server.work(plan)
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
    assert {one.plan.stopped for one in (never, stopped, refused)} == {YES_IS_OLD}
    assert states(stopped)["done"] in range(45, 52)
    assert refused.items == stopped.items
    assert [one.state for one in items] == ["done"] * 60


@pytest.mark.parametrize(
    ("rule", "allowed", "goes_on"),
    [
        pytest.param(RULE, ALL, True, id="all is allowed"),
        pytest.param(RULE, Permissions(changes=False, yeses=YESES), False, id="read-only"),
        pytest.param(RULE, Permissions(changes=True, yeses=frozenset()), True, id="blocked, a title"),
        pytest.param(OFFLINE, Permissions(changes=True, yeses=frozenset()), False, id="blocked, offline"),
        pytest.param(OFFLINE, ALL, True, id="confirmed"),
    ],
)
async def test_settings_say_who_goes_on(work: LongWork, rule: Rule, allowed: Permissions, *, goes_on: bool) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=2, times=0))
    async with begun(work, 8, rule=rule) as (server, plan):
        await server.plans.record.confirmed(plan, "form")
        await server.work(plan, 5)
    done = states(await server.look(plan))["done"]
    async with process(work, allowed=allowed) as server:
        await server.plans.jobs.go_on()
        await anyio.sleep(CALL)
        seen = await server.look(plan)
    async with process(work) as server:
        await server.plans.jobs.go_on()
        await anyio.sleep(CALL)
        in_the_end = await server.look(plan)

    assert states(seen)["done"] == (8 if goes_on else done)
    assert states(in_the_end) == {"done": 8}
    assert set(updates(work).values()) == {1}


async def test_a_plan_that_nobody_started_is_not_gone_on_with(work: LongWork) -> None:
    """As version 0.1.0 left it, which told people that nothing more is changed until they ask again."""
    async with begun(work, 2) as (server, plan):
        await work.store.transact(server.plans.jobs.new(PLAN, plan.plan_id).owner.claim)
        work.clock.advance(DEAD_AFTER + 1)
        await server.plans.jobs.go_on()
        await anyio.sleep(CALL)
        left = states(await server.look(plan))
        items = await server.to_its_end(plan)
    assert left == {"planned": 2}
    assert [one.state for one in items] == ["done"] * 2


@pytest.mark.parametrize(
    ("status", "rule", "made", "kept_in", "every"),
    [
        pytest.param("public", RULE, Server.plan, "memory", 1, id="titles"),
        pytest.param("editable", PUBLISH, Server.plan, "memory", 1, id="publishing"),
        pytest.param("editable", PUBLISH, Server.undoing, "memory", 1, id="publishing, undone"),
        pytest.param("public", OFFLINE, Server.plan, "redis", 3, id="taking offline, on redis"),
    ],
)
async def test_killed_at_any_moment_each_collection_is_changed_once(
    status: str, rule: Rule, made: Callable[[Server, Rule], Awaitable[Plan]], work: LongWork, every: int
) -> None:
    moments: list[str] = []
    for dies_at in count(0, every):
        work.sandbox, work.store = unlimited(work.clock, account="empty"), work.another_store()
        shelf(work, 2, status)
        async with process(work) as server:
            plan = await made(server, rule)
            await server.plans.record.confirmed(plan, "form")
        work.sandbox.requests.clear()
        for title in ("No. 1", "Number 1"):  # what a published draft could be mistaken for
            work.sandbox.account.add(title=title, status="public")
        mortal = Mortal(work.store, dies_at=dies_at, only=LASTING)
        async with process(work, mortal, road=Road(moment=mortal.moment)) as server:
            await mortal.live(partial(server.to_its_end, plan))
        work.clock.advance(DEAD_AFTER + 1)
        async with process(work) as server:
            await server.plans.jobs.go_on()
            await anyio.sleep(CALL)
            items = (await server.look(plan)).items if dies_at else await server.to_its_end(plan)
        where = f"moment {dies_at}, {mortal.moments[-3:]}: {items}"
        assert [one.state for one in items] == ["done"] * 2, where
        assert list(updates(work).values()) == [1, 1], where
        assert {one.new_hash or one.collection_hash for one in items} <= set(work.sandbox.account.collections), where
        if len(mortal.moments) <= dies_at:
            break
        moments.append(mortal.moments[-1])

    assert every > 1 or set(moments) == set(LASTING)
    assert len(moments) * every > 25


async def test_a_draft_that_vanished_while_it_was_published_is_not_guessed_at(work: LongWork) -> None:
    work.sandbox.account.add(title="Number 0", status="public")
    async with begun(work, 1, "editable", rule=Rule(status="public")) as (server, plan):
        (item,) = await server.to_its_end(plan)
        assert item.state == "done"
        await server.plans.record.note(plan, item, state="sending", new_hash="")
        work.sandbox.account.delete(item.new_hash)
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["unclear"]
    assert "new hash was not found" in items[0].said


def test_what_flipsnack_did_not_take_as_planned_is_a_failure() -> None:
    wanted = Item(number=0, collection_hash="a", title="T", status="public", new_title="U", state="done")
    assert of_closer_look(wanted, Collection(collection_hash="a", title="V"))["state"] == "failed"


@pytest.mark.parametrize(("title", "status"), [("U", "processing"), ("", "unlisted"), ("U", "")])
def test_what_flipsnack_took_and_does_not_tell_yet_is_no_failure(title: str, status: str) -> None:
    wanted = Item(
        number=0, collection_hash="a", title="T", status="public", new_title="U", new_status="unlisted", state="done"
    )
    found = of_closer_look(wanted, Collection(collection_hash="a", title=title, status=status))
    assert (found["state"], found["said"]) == ("done", NOT_TOLD_YET)


async def allowed(server: Server) -> list[str]:
    """What stands in the allowance."""
    return await server.plans.allowance.store.transact(
        lambda records: [body["what"] for _, body in records.all(DELETION)]
    )


async def counted(server: Server) -> int:
    """How much of it there is."""
    return len(await allowed(server))


@pytest.mark.parametrize("why", ["on request", "ten minutes are over", "three failures in a row"])
async def test_what_a_stopped_plan_did_not_take_offline_does_not_count(work: LongWork, why: str) -> None:
    failing = why == "three failures in a row"
    fault = Fault("code", UPDATE, times=3, code=38) if failing else Fault("slow", UPDATE, seconds=12, times=0)
    work.sandbox.add_fault(fault)
    async with begun(work, 60, rule=OFFLINE) as (server, plan):
        seen = await server.look(plan)
        await server.plans.record.confirmed(plan, "form", partial(server.plans.allowance.count, named=seen.counted))
        assert await counted(server) == 60
        await server.work(plan, 30)
        if why == "on request":
            await server.plans.jobs.stop(PLAN, plan.plan_id)
        await anyio.sleep(2 * TEN_MINUTES)
        stopped = states(await server.look(plan))
        assert await counted(server) == stopped.get("done", 0) < 60
    assert failing or stopped["done"]


async def test_what_may_have_gone_offline_counts_also_where_the_plan_stops(
    work: LongWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*asked: Any) -> Collection:
        await send_change(*asked)
        work.sandbox.add_fault(Fault("code", GET, code=38))
        raise UnreachableError("It broke.", "Look.", changed=Changed.PERHAPS)

    monkeypatch.setattr(execution, "send_change", lost)
    async with begun(work, 10, rule=OFFLINE) as (server, plan):
        seen = await server.look(plan)
        await server.plans.record.confirmed(plan, "form", partial(server.plans.allowance.count, named=seen.counted))
        seen = await server.work(plan)
        assert (states(seen), len(updates(work))) == ({"unclear": 3, "planned": 7}, 3)
        assert "3 failures in a row" in seen.plan.stopped
        assert await counted(server) == 3


async def test_a_plan_that_an_older_version_confirmed_counts_item_by_item(work: LongWork) -> None:
    async with begun(work, 3, rule=OFFLINE) as (server, plan):
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
        assert await allowed(server) == [f"take {one.collection_hash} offline" for one in items]


async def test_where_the_allowance_is_used_up_nothing_goes_offline(work: LongWork) -> None:
    async with begun(work, 3, rule=OFFLINE) as (server, plan):
        for _ in range(59):
            await server.plans.allowance.take("delete x")
        await server.plans.record.confirmed(plan, "form")
        seen = await server.work(plan)
    assert states(seen) == {"done": 1, "failed": 2}
    assert "60 deletions in an hour" in seen.items[1].said
    assert len(updates(work)) == 1
