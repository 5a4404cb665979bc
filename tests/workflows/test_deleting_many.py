"""Deleting by a plan: each collection once and only as it was shown, whoever is killed, and whatever answer is lost."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import anyio
import pytest

from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.workflows.allowance import DELETION
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import Choice, choose
from flipsnack_mcp.workflows.last_look import LastLook
from flipsnack_mcp.workflows.plans import execution
from flipsnack_mcp.workflows.plans.deleting import (
    CHANGED,
    FEW,
    GONE_BEFORE,
    GONE_MEANWHILE,
    STILL_THERE,
    draft_deletions,
    with_their_documents,
)
from flipsnack_mcp.workflows.plans.execution import YesIsOld
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.outcomes import ItemFacts
from flipsnack_mcp.workflows.plans.rules import DELETING, YES_IS_OLD, Permissions, Plan
from flipsnack_mcp.workflows.uploads.remembered import DocumentKey, recall_documents, remember_document
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows.running import LASTING, LongWork, Mortal, Road
from tests.workflows.test_changing_many import ALL, CALL, GET, TEN_MINUTES, YESES, Server, process, shelf, states

DELETE = "collection.deleteCollection"


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock, account="empty")


async def plan_of(server: Server) -> Plan:
    context = CallContext(server.plans.flipsnack)
    draft = draft_deletions(await choose(context, Choice(query="Number")))
    return await server.plans.record.keep(await with_their_documents(context, draft), DELETING)


@asynccontextmanager
async def confirmed(work: LongWork, number: int, road: Road | None = None) -> AsyncIterator[tuple[Server, Plan]]:
    """So many collections, and a person's yes to their end."""
    shelf(work, number)
    async with process(work, road=road) as server:
        plan = await plan_of(server)
        await server.plans.record.confirmed(plan, "form")
        yield server, plan


def arrived(work: LongWork) -> Counter[str]:
    """How often Flipsnack was asked to delete each, carried out or not."""
    return Counter(one.params["collectionHash"] for one in work.sandbox.requests if one.action == DELETE)


async def counted(work: LongWork) -> int:
    return len(await work.store.transact(lambda records: records.all(DELETION)))


@pytest.mark.parametrize("fault", [None, Fault("code", DELETE, code=43)], ids=["deleted", "refused"])
async def test_a_document_whose_collection_a_plan_deleted_is_no_longer_known_as_uploaded(
    fault: Fault | None, work: LongWork
) -> None:
    document = DocumentKey("/a.pdf", 1, 1)
    if fault:
        work.sandbox.add_fault(fault)
    async with confirmed(work, 1) as (server, plan):
        made = (await server.look(plan)).items[0].collection_hash
        await work.store.transact(partial(remember_document, account="mine", key=document, collection_hash=made))
        await server.to_its_end(plan)
        (known,) = await work.store.transact(partial(recall_documents, account="mine", keys=[document]))
    assert arrived(work) == {made: 1}
    assert known.collection_hash == (made if fault else "")


@pytest.mark.parametrize(("number", "looks"), [(1, 1), (FEW, FEW), (FEW + 1, 0)])
async def test_the_documents_of_a_few_are_looked_at_before_they_are_shown(
    work: LongWork, number: int, looks: int
) -> None:
    shelf(work, number)
    async with process(work) as server:
        await plan_of(server)
    assert sum(one.action == GET for one in work.sandbox.requests) == looks


async def test_a_yes_that_ran_out_between_two_looks_leaves_it_as_if_nobody_had_begun(
    work: LongWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(context: CallContext, _: Item, last: LastLook) -> ItemFacts:
        await last.keep(await last.look(context))
        raise YesIsOld

    async with confirmed(work, 3) as (server, plan):
        monkeypatch.setattr(execution, "deletion", slow)
        stopped = await server.work(plan, CALL)
        assert arrived(work) == Counter()
        monkeypatch.undo()
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
    assert (states(stopped), [one.begun for one in stopped.items]) == ({"planned": 3}, [False] * 3)
    assert [one.state for one in items] == ["done"] * 3


async def test_each_counts_in_the_allowance_by_what_was_deleted(work: LongWork) -> None:
    async with confirmed(work, 3) as (server, plan):
        items = await server.to_its_end(plan)
        counted = await work.store.transact(lambda records: [body["what"] for _, body in records.all(DELETION)])
    assert counted == [f"delete {one.collection_hash}" for one in items]


@pytest.mark.parametrize(("kept_in", "every"), [("memory", 1), ("redis", 3)], ids=["in memory", "on redis"])
async def test_killed_at_any_moment_nothing_is_deleted_twice_and_what_may_have_been_is_looked_up(
    work: LongWork, every: int
) -> None:
    moments: list[str] = []
    ends = Counter[tuple[str, ...]]()
    for dies_at in count(0, every):
        work.sandbox, work.store = unlimited(work.clock, account="empty"), work.another_store()
        work.sandbox.account.add(title="Another")
        async with confirmed(work, 2) as (_, plan):
            pass
        mortal = Mortal(work.store, dies_at=dies_at, only=LASTING)
        async with process(work, mortal, road=Road(moment=mortal.moment)) as server:
            await mortal.live(partial(server.to_its_end, plan))
        work.clock.advance(DEAD_AFTER + 1)
        async with process(work) as server:
            await server.plans.jobs.go_on()
            await anyio.sleep(CALL)
            items = (await server.look(plan)).items if dies_at else await server.to_its_end(plan)
            events = await server.plans.history.events()
        where = f"moment {dies_at}, {mortal.moments[-3:]}: {items}"
        there = set(work.sandbox.account.collections)
        assert set(arrived(work).values()) <= {1}, where
        assert all((one.state == "done") == (one.collection_hash not in there) for one in items), where
        assert all(one.said == STILL_THERE for one in items if one.state != "done"), where
        assert len(there) - 1 == sum(one.state == "failed" for one in items), where
        assert {one.target for one in events if one.before} >= arrived(work).keys(), where
        ends[tuple(one.state for one in items)] += 1
        if len(mortal.moments) <= dies_at:
            break
        moments.append(mortal.moments[-1])
    assert every > 1 or set(moments) == set(LASTING)
    assert ends["done", "done"] > 4 * (ends["failed", "done"] + ends["done", "failed"]) > 0


@pytest.mark.parametrize(
    ("phase", "looks_fail", "in_the_end"),
    [
        pytest.param("after", 0, "done", id="carried out"),
        pytest.param("before", 0, "failed", id="not carried out"),
        pytest.param("after", 30, "done", id="carried out, and nobody can look at first"),
        pytest.param("before", 30, "failed", id="not carried out, and nobody can look at first"),
    ],
)
async def test_a_deletion_whose_answer_was_lost_is_looked_up_and_never_sent_again(
    work: LongWork, phase: str, looks_fail: int, in_the_end: str
) -> None:
    lost = False

    async def then_looks_fail(here: str) -> None:
        nonlocal lost
        if here == "request" and arrived(work) and not lost:
            lost = True
            work.sandbox.add_fault(Fault("maintenance", GET, times=looks_fail))

    road = Road(moment=then_looks_fail) if looks_fail else None
    async with confirmed(work, 1, road) as (server, plan):
        work.sandbox.add_fault(Fault("reset", DELETE, phase=phase))
        first = await server.work(plan, 2 * CALL)
        work.sandbox.clear_faults()
        items = await server.to_its_end(plan)
    assert states(first) == ({"done": 1} if in_the_end == "done" and not looks_fail else {"unclear": 1})
    assert [one.state for one in items] == [in_the_end]
    assert (set(arrived(work).values()), len(work.sandbox.account.collections)) == ({1}, int(in_the_end == "failed"))


async def test_what_a_slow_flipsnack_deletes_after_the_look_is_no_failure_and_counts(work: LongWork) -> None:
    async with confirmed(work, 1) as (server, plan):
        work.sandbox.add_fault(Fault("reset", DELETE))
        first = await server.work(plan)
        left = await counted(work)
        work.sandbox.account.delete(first.items[0].collection_hash)
        items = await server.to_its_end(plan)
    assert (states(first), left) == ({"unclear": 1}, 1)
    assert [one.state for one in items] == ["done"]
    assert set(arrived(work).values()) == {1}


async def test_what_certainly_did_not_happen_is_tried_once_more_at_the_next_call(work: LongWork) -> None:
    async with confirmed(work, 2) as (server, plan):
        work.sandbox.add_fault(Fault("code", DELETE, code=38, times=2))
        first = await server.work(plan)
        left = await counted(work)
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
    assert (states(first), left) == ({"failed": 2}, 0)
    assert [one.state for one in items] == ["done"] * 2
    assert len(work.sandbox.carried_out(DELETE)) == 2


@pytest.mark.parametrize("change", ["title", "status", "items", "gone"])
@pytest.mark.parametrize("number", [2, 8], ids=["few", "many"])
async def test_what_is_no_longer_as_it_was_shown_stays(work: LongWork, change: str, number: int) -> None:
    """Of more than a few only the list was seen, which tells no documents."""
    async with confirmed(work, number) as (server, plan):
        touched = (await server.look(plan)).items[1].collection_hash
        if change == "gone":
            work.sandbox.account.delete(touched)
        else:
            setattr(
                work.sandbox.account.collections[touched],
                change,
                {"title": "By hand", "status": "unlisted"}.get(change, []),
            )
        items = await server.to_its_end(plan)
        events = await server.plans.history.events()
    left = change != "items" or number == 2
    assert [one.state for one in items] == ["done", "skipped" if left else "done", *["done"] * (number - 2)]
    assert items[1].said == ("" if not left else GONE_BEFORE if change == "gone" else CHANGED)
    assert (touched in arrived(work), touched in {one.target for one in events}) == (not left,) * 2


async def test_what_may_not_be_deleted_is_not_said_to_have_been_deleted_by_somebody_else(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("code", DELETE, code=43, message="Forbidden"))
    async with confirmed(work, 2) as (server, plan):
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["failed", "done"]
    assert items[0].said == 'Flipsnack refused with code 43 "Forbidden".'
    assert set(work.sandbox.account.collections) == {items[0].collection_hash}
    assert set(arrived(work).values()) == {1}


async def test_what_somebody_else_deleted_a_moment_earlier_is_said_to_have_gone_that_way(work: LongWork) -> None:
    async def by_hand(here: str) -> None:
        asked = [one.action for one in work.sandbox.requests]
        if here == "request" and asked.count(GET) == 2 and asked[-1] == GET:  # looked at for the plan, and now to go
            work.sandbox.account.delete(next(iter(work.sandbox.account.collections)))

    async with confirmed(work, 1, Road(moment=by_hand)) as (server, plan):
        items = await server.to_its_end(plan)
    assert [(one.state, one.said) for one in items] == [("failed", GONE_MEANWHILE)]


async def test_a_yes_that_ran_out_while_a_turn_was_waited_for_deletes_nothing(work: LongWork) -> None:
    async with confirmed(work, 3) as (server, plan):
        work.clock.advance(TEN_MINUTES - 30)
        await server.plans.flipsnack._pacer.pause(60)
        stopped = await server.work(plan, 2 * CALL)
        kept = [one for one in await server.plans.history.events() if one.before]
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
    assert (stopped.plan.stopped, states(stopped)) == (YES_IS_OLD, {"planned": 3})
    assert kept == []
    assert [one.state for one in items] == ["done"] * 3


@pytest.mark.parametrize(
    ("allowed", "goes_on"),
    [
        pytest.param(ALL, True, id="all is allowed"),
        pytest.param(Permissions(changes=False, yeses=YESES), False, id="read-only"),
        pytest.param(Permissions(changes=True, yeses=frozenset()), False, id="blocked"),
        pytest.param(Permissions(changes=True, yeses=frozenset({"approve"})), False, id="another way"),
    ],
)
async def test_settings_say_who_goes_on(work: LongWork, allowed: Permissions, *, goes_on: bool) -> None:
    work.sandbox.add_fault(Fault("slow", DELETE, seconds=2, times=0))
    async with confirmed(work, 6) as (server, plan):
        await server.work(plan, 5)
    done = len(work.sandbox.carried_out(DELETE))
    async with process(work, allowed=allowed) as other:
        await other.plans.jobs.go_on()
        await anyio.sleep(CALL)
        # The one under way when the first server ended was looked up: it was deleted, or is left.
        assert ((await other.look(plan)).left == ()) is goes_on
        assert goes_on or len(work.sandbox.carried_out(DELETE)) == done > 0
    async with process(work) as last:
        await last.plans.jobs.go_on()
        await anyio.sleep(CALL)
        seen = await last.look(plan)
    assert (seen.left, states(seen)["done"]) == ((), 6 - states(seen).get("failed", 0))
    assert set(arrived(work).values()) == {1}
