"""A plan between two lists: how few questions it takes, what it sees in time, and what it cannot tell apart."""

from collections import Counter
from dataclasses import replace
from typing import Any

import anyio
import pytest

from flipsnack_mcp.api import StatusName
from flipsnack_mcp.api.actions.collections import Collection, UpdateCollection
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.sandbox.actions import HANDLERS
from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.workflows.changing import send_change
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.last_look import LastLook
from flipsnack_mcp.workflows.plans import execution
from flipsnack_mcp.workflows.plans.drafts import Rule
from flipsnack_mcp.workflows.plans.listing import LIST_HOLDS, Listing, read_listing
from flipsnack_mcp.workflows.plans.outcomes import ALREADY, CHANGED_SINCE, NEW_HASH_UNKNOWN, TWO_ALIKE
from flipsnack_mcp.workflows.plans.record import PLAN
from flipsnack_mcp.workflows.plans.rules import PlanSnapshot
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows.running import LongWork, Road
from tests.workflows.test_changing_many import GET, LIST, RULE, UPDATE, begun, process, shelf, states, titles, updates


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock, account="empty")


def asked(work: LongWork) -> Counter[str]:
    return Counter(one.action for one in work.sandbox.requests)


@pytest.mark.parametrize(
    ("status", "rule", "looks", "lists"),
    [
        pytest.param("public", RULE, 0, 2, id="titles"),
        pytest.param("public", Rule(status="unlisted"), 0, 2, id="unlisting"),
        pytest.param("editable", Rule(status="public"), 0, 2, id="publishing"),
        pytest.param("public", Rule(status="editable"), 1, 1, id="taking offline: its last look"),
        pytest.param("public", Rule(description="New"), 1, 0, id="descriptions: no list tells them"),
        pytest.param("public", Rule("Number", "No.", description="New"), 1, 1, id="titles and descriptions"),
    ],
)
async def test_it_asks_once_for_each_change_and_looks_at_the_list(
    status: str, rule: Rule, looks: int, lists: int, work: LongWork
) -> None:
    async with begun(work, 8, status, rule) as (server, plan):
        await server.plans.record.confirmed(plan, "form")
        before = asked(work)
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["done"] * 8
    assert asked(work) - before == +Counter({UPDATE: 8, GET: 8 * looks, LIST: lists})
    assert {one.new_hash or one.collection_hash for one in items} == set(work.sandbox.account.collections)


async def test_for_how_long_it_goes_on_is_told_by_what_lists_and_changes_took(work: LongWork) -> None:
    for action in (LIST, UPDATE):
        work.sandbox.add_fault(Fault("slow", action, seconds=4, times=0))
    async with begun(work, 10) as (server, plan):
        await server.to_its_end(plan)
        end, told = anyio.current_time(), server.told
    ends = [at + (one.seconds_left or 0) for at, one in zip(told.at, told.progress, strict=True) if one.done]
    assert len(ends) > 2
    assert all(end - 5 <= one <= end + 5 for one in ends)


async def test_after_a_hundred_changes_the_list_is_read_again_and_what_changed_since_is_left(work: LongWork) -> None:
    async def by_hand(here: str) -> None:
        if here == "answer" and len(updates(work)) == 50:
            for one in work.sandbox.account.collections.values():
                if one.title in {"Number 0", "Number 109"}:
                    one.title = "By hand"

    shelf(work, 110)
    async with process(work, road=Road(moment=by_hand)) as server:
        plan = await server.plan(RULE)
        before = asked(work)[LIST]
        items = await server.to_its_end(plan)
    assert Counter(one.state for one in items) == {"done": 109, "skipped": 1}
    assert [(one.title, one.said) for one in items if one.state == "skipped"] == [("Number 0", CHANGED_SINCE)]
    assert asked(work)[LIST] - before <= 2 + 2 + 2
    assert "By hand" in titles(work)


async def test_a_list_is_read_no_further_than_to_what_is_changed(work: LongWork) -> None:
    for number in range(110):
        work.sandbox.account.add(title=f"Older {number}", created_at=work.clock() - 100_000 - number)
    work.sandbox.account.add(title="Number 1", created_at=work.clock() - 1)
    async with process(work) as server:
        plan = await server.plan(RULE)
        before = asked(work)[LIST]
        (item,) = await server.to_its_end(plan)
    assert (item.state, asked(work)[LIST] - before) == ("done", 2), "the first window, before and after"


async def test_a_list_that_is_two_minutes_old_is_read_again_before_the_next_change(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=LIST_HOLDS / 10, times=0))
    async with begun(work, 13) as (server, plan):
        await server.work(plan, LIST_HOLDS / 10 + 1)
        touched = (await server.look(plan)).items[-1].collection_hash
        work.sandbox.account.collections[touched].title = "By hand"
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["done"] * 12 + ["skipped"]
    assert "By hand" in titles(work)


@pytest.fixture
def no_word_of_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Flipsnack answers to an update is not documented: it need not tell the new hash."""

    async def wordless(context: CallContext, action: UpdateCollection, last: LastLook) -> Collection:
        await send_change(context, action, last)
        return Collection(collection_hash=action.collection_hash)

    monkeypatch.setattr(execution, "send_change", wordless)


@pytest.mark.usefixtures("no_word_of_hashes")
async def test_two_drafts_of_one_title_are_published_and_said_to_be_not_told_apart(work: LongWork) -> None:
    for title in ("Number 1", "Number 1", "Number 2"):
        work.sandbox.account.add(title=title, status="editable")
    async with process(work) as server:
        items = await server.to_its_end(await server.plan(Rule(status="public")))
    by_title = sorted((one.title, one.state, one.said, bool(one.new_hash)) for one in items)
    assert by_title == [("Number 1", "done", TWO_ALIKE, False)] * 2 + [("Number 2", "done", "", True)]
    assert sum(updates(work).values()) == 3


@pytest.mark.usefixtures("no_word_of_hashes")
@pytest.mark.parametrize(("late", "said"), [(1, ""), (2, NEW_HASH_UNKNOWN)])
async def test_a_list_that_lacks_what_was_published_is_read_once_more(
    work: LongWork, monkeypatch: pytest.MonkeyPatch, late: int, said: str
) -> None:
    readings = list[Listing]()

    async def lagging(context: CallContext, seen: PlanSnapshot) -> Listing:
        """Nothing in so many readings after the first, which is that before the change."""
        readings.append(await read_listing(context, seen))
        return replace(readings[-1], rows={}) if 1 < len(readings) <= 1 + late else readings[-1]

    monkeypatch.setattr(execution, "read_listing", lagging)
    work.sandbox.account.add(title="Number 1", status="editable")
    async with process(work) as server:
        (item,) = await server.to_its_end(await server.plan(Rule(status="public")))
    (published,) = work.sandbox.account.collections
    assert (item.state, item.said, item.new_hash) == ("done", said, "" if said else published)
    assert (len(readings), sum(updates(work).values())) == (3, 1)


@pytest.mark.usefixtures("no_word_of_hashes")
async def test_a_draft_is_not_mistaken_for_one_that_somebody_publishes_meanwhile(work: LongWork) -> None:
    async def another(here: str) -> None:
        if here == "answer" and updates(work) and len(work.sandbox.account.collections) == 1:
            work.sandbox.account.add(title="Number 0", status="public")

    shelf(work, 1, "editable")
    async with process(work, road=Road(moment=another)) as server:
        items = await server.to_its_end(await server.plan(Rule(status="public")))
    assert [(one.state, one.said, one.new_hash) for one in items] == [("done", TWO_ALIKE, "")]


@pytest.mark.parametrize(("status", "new"), [("public", "unlisted"), ("editable", "public")])
async def test_a_hash_in_an_answer_that_is_none_of_the_accounts_hides_nothing(
    status: str, new: StatusName, work: LongWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def astray(context: CallContext, action: UpdateCollection, last: LastLook) -> Collection:
        await send_change(context, action, last)
        return Collection(collection_hash="nowhere1")

    monkeypatch.setattr(execution, "send_change", astray)
    async with begun(work, 2, status, Rule(status=new)) as (server, plan):
        items = await server.to_its_end(plan)
    assert [(one.state, one.said) for one in items] == [("done", "")] * 2
    assert {one.new_hash or one.collection_hash for one in items} == set(work.sandbox.account.collections)


@pytest.mark.usefixtures("no_word_of_hashes")
async def test_a_plan_that_is_stopped_has_looked_at_what_it_had_sent(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=3, times=0))
    async with begun(work, 6, "editable", Rule(status="public")) as (server, plan):
        await server.work(plan, 8)
        assert await server.plans.jobs.stop(PLAN, plan.plan_id)
        seen = await server.look(plan)
    done = [one for one in seen.items if one.state == "done"]
    assert len(done) == sum(updates(work).values()) > 1
    assert {one.new_hash for one in done} <= set(work.sandbox.account.collections)
    assert not seen.unchecked


@pytest.mark.parametrize(("listed", "state"), [("Number 0", "failed"), ("No. 0", "done")], ids=["not taken", "late"])
async def test_what_the_list_does_not_show_is_looked_at_itself(listed: str, state: str, work: LongWork) -> None:
    """Flipsnack took the update and made nothing of it; or its list is late."""
    shelf(work, 1)
    collection = next(iter(work.sandbox.account.collections.values()))

    async def forgets(here: str) -> None:
        if here == "request" and asked(work)[LIST] == 3 and asked(work)[GET] == 0:
            collection.title = listed
        elif here == "answer" and updates(work) and asked(work)[LIST] < 3:
            collection.title = "Number 0"

    async with process(work, road=Road(moment=forgets)) as server:
        items = await server.to_its_end(await server.plan(RULE))
    assert [one.state for one in items] == [state]
    assert asked(work)[GET] == 1


@pytest.mark.parametrize("touched", [{}, {"description": "New"}, {"description": "By hand"}, {"title": "By hand"}])
async def test_a_description_is_changed_where_it_differs_and_the_title_is_as_planned(
    touched: dict[str, Any], work: LongWork
) -> None:
    async with begun(work, 1, rule=Rule(description="New")) as (server, plan):
        collection = next(iter(work.sandbox.account.collections.values()))
        for name, value in touched.items():
            setattr(collection, name, value)
        (item,) = await server.to_its_end(plan)
        before = [one.before.get("description") for one in await server.plans.history.events() if one.before]
    said = {"New": ALREADY, None: ""}.get(touched.get("description"), "")
    wanted = ("skipped", CHANGED_SINCE) if "title" in touched else ("skipped" if said else "done", said)
    assert (item.state, item.said) == wanted
    assert before == ([touched.get("description", "")] if item.state == "done" else [])


async def test_a_plan_is_undone_though_the_list_shows_its_changes_later(
    work: LongWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the list still shows, that all is as before, is no reason to leave them."""
    shelf(work, 3)
    read, first = HANDLERS[LIST], list[Any]()

    def as_it_was(call: Call) -> Any:
        if not first:
            first.append(read(call))
        return first[0]

    async with process(work) as server:
        monkeypatch.setitem(HANDLERS, LIST, as_it_was)
        undoing = await server.undoing(RULE)
        assert titles(work) == {"No. 0", "No. 1", "No. 2"}
        items = await server.to_its_end(undoing)
    assert [one.state for one in items] == ["done"] * 3
    assert titles(work) == {"Number 0", "Number 1", "Number 2"}


async def test_a_list_that_cannot_be_read_stops_the_plan_before_anything_is_sent(work: LongWork) -> None:
    async with begun(work, 3) as (server, plan):
        work.sandbox.add_fault(Fault("http", LIST, http_status=500, times=4))
        stopped = await server.work(plan, 90)
        assert (states(stopped), updates(work)) == ({"planned": 3}, Counter())
        assert "list" in stopped.plan.stopped
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["done"] * 3


async def test_where_the_list_after_fails_it_is_said_and_looked_at_by_the_next_call(work: LongWork) -> None:
    broken: list[str] = []

    async def breaks(here: str) -> None:
        if here == "answer" and sum(updates(work).values()) == 3 and not broken:
            broken.append(here)
            work.sandbox.add_fault(Fault("http", LIST, http_status=500, times=8))

    shelf(work, 3, "editable")
    async with process(work, road=Road(moment=breaks)) as server:
        plan = await server.plan(Rule(status="public"))
        stopped = await server.work(plan, 180)
        await anyio.sleep(60)
        items = await server.to_its_end(plan)
    assert (states(stopped), "list" in stopped.plan.stopped) == ({"done": 3}, True)
    assert {one.new_hash for one in items} == set(work.sandbox.account.collections)
    assert sum(updates(work).values()) == 3
