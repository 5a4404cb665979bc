"""Long work goes on by itself: with the next server from its first call on, as far as its settings allow."""

from dataclasses import replace
from typing import Any

import anyio
import pytest

from flipsnack_mcp.server.app import permissions_of
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.workflows.plans.rules import Permissions
from tests.server.bench import Assistant, Bench, Given, Person, declines, types_what_is_asked
from tests.server.destructions import process
from tests.server.revisions import turn
from tests.server.test_bulk import OFFERS, OFFLINE, UPDATE, carried_out

STATS = "collection.getStats"
ENOUGH = 40.0
"""Seconds in which all of it is done."""


@pytest.fixture
def two(bench: Bench) -> None:
    """That go offline, and a plan of no more: what is asked of the settings does not depend on how many there are."""
    offers = [one for one in bench.sandbox.account.collections.values() if "Weekly offers" in one.title]
    for one in [one for one in offers if one.status == "public"][2:]:
        bench.sandbox.account.delete(one.hash)


# What goes on does not depend on the revision.
mode = turn


async def begin_plan(assistant: Assistant, rule: dict[str, Any]) -> str:
    plan = str((await assistant.call("update_collections", rule)).data["plan_id"])
    said = await assistant.call("update_collections", plan_id=plan, wait_seconds=0)
    assert said.data["state"] == "running", said.text
    return plan


async def test_a_report_and_a_plan_are_gone_on_with_from_the_first_call_of_the_next_server(bench: Bench) -> None:
    async with process(bench) as assistant:
        report = await assistant.call("report_stats", query="catalogue", wait_seconds=0)
        plan = await begin_plan(assistant, OFFERS)
    before = (carried_out(bench, UPDATE), carried_out(bench, STATS))
    async with process(bench) as assistant:
        await assistant.client.list_tools()
        await anyio.sleep(ENOUGH)
        at_start = (carried_out(bench, UPDATE), carried_out(bench, STATS))
        await assistant.call("list_collections")
        await anyio.sleep(ENOUGH)
        changed, counted = carried_out(bench, UPDATE), carried_out(bench, STATS)
        told = await assistant.call("report_stats", report_id=report.data["report_id"], wait_seconds=0)
        done = await assistant.call("update_collections", plan_id=plan, wait_seconds=0)

    assert (at_start, len(changed), set(changed.values())) == (before, 7, {1})
    assert (told.data["state"], len(counted)) == ("complete", told.data["totals"]["collections"])
    assert (done.data["state"], done.data["counts"]) == ("complete", {"done": 7, "unchanged": 0})


@pytest.mark.parametrize("tool", ["update_collections", "delete_collections"])
async def test_who_waits_for_a_plan_goes_before_a_report_that_nobody_waits_for(bench: Bench, tool: str) -> None:
    for number in range(40):
        bench.sandbox.account.add(title=f"Leaflet {number}", status="public", created_at=bench.clock() - 40 * 86400)
    async with process(bench) as assistant:
        report = await assistant.call("report_stats", wait_seconds=45)
        planned = await assistant.call(tool, OFFERS if tool == "update_collections" else {"query": "Weekly offers"})
    assert report.data["state"] == "running"
    assert planned.data["state"] == "planned"
    assert planned.seconds < 5


LIMITS: dict[str, Given] = {
    "the same": {}, "read-only": {"read_only": True}, "blocked": {"confirm": "block"},
    "without the tool": {"toolsets": frozenset({"legacy"})},
}  # fmt: skip


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("settings", LIMITS.values(), ids=list(LIMITS))
async def test_a_server_goes_on_only_as_its_settings_allow(bench: Bench, settings: Given) -> None:
    async with process(bench, Person(types_what_is_asked)) as assistant:
        await begin_plan(assistant, OFFLINE)
    before = carried_out(bench, UPDATE)
    async with process(bench, **settings) as assistant:
        await assistant.call("add_flipbook" if "toolsets" in settings else "list_collections")
        await anyio.sleep(ENOUGH)
    assert (carried_out(bench, UPDATE) != before) is (not settings)


async def test_ten_minutes_after_a_yes_nothing_goes_offline_and_the_next_call_asks_anew(bench: Bench) -> None:
    person = Person(types_what_is_asked)
    async with process(bench, person) as assistant:
        plan = await begin_plan(assistant, OFFLINE)
    begun = carried_out(bench, UPDATE)
    bench.clock.advance(601)
    async with process(bench, person) as assistant:
        await assistant.call("list_collections")
        await anyio.sleep(ENOUGH)
        before = carried_out(bench, UPDATE)
        await assistant.call("update_collections", plan_id=plan, wait_seconds=45)
    assert (before, len(person.forms)) == (begun, 2)
    assert carried_out(bench, UPDATE) > begun


YESES = [  # under which setting it was given, under which it is gone on with, and whether it counts there
    *(("allow", "allow", True), ("allow", "ask", False), ("allow", "approve", False), ("allow", "block", False)),
    *(("ask", "allow", True), ("ask", "ask", True), ("ask", "approve", False), ("ask", "block", False)),
]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("called", [False, True], ids=["by itself", "by a call"])
@pytest.mark.parametrize(("given", "now", "counts"), YESES)
async def test_a_yes_counts_only_where_the_settings_would_take_it(
    bench: Bench, given: str, now: str, *, counts: bool, called: bool
) -> None:
    person = Person(types_what_is_asked)
    async with process(bench, person, confirm=given) as assistant:
        plan = await begin_plan(assistant, OFFLINE)
    before = carried_out(bench, UPDATE)
    async with process(bench, Person(declines), confirm=now) as assistant:
        if called:
            await assistant.call("update_collections", plan_id=plan, wait_seconds=0)
        else:
            await assistant.call("list_collections")
        await anyio.sleep(ENOUGH)
    assert (carried_out(bench, UPDATE) != before) is counts


ALL = Permissions(changes=True, yeses=frozenset({"form", "code", "approve"}))
NO_CHANGES, STAYING_ONLINE = replace(ALL, changes=False), replace(ALL, yeses=frozenset())
ALLOWED: list[tuple[Given, Permissions]] = [
    *(({}, ALL), ({"confirm": "allow"}, replace(ALL, yeses=ALL.yeses | {"allow"}))),
    *(({"confirm": "approve"}, replace(ALL, yeses=frozenset({"approve"}))), ({"confirm": "block"}, STAYING_ONLINE)),
    *(({"confirm": "whatever"}, STAYING_ONLINE), ({"read_only": True}, NO_CHANGES)),
    ({"toolsets": frozenset({"legacy"})}, NO_CHANGES),
]


@pytest.mark.parametrize(("settings", "allowed"), ALLOWED)
def test_the_settings_decide_what_may_be_gone_on_with(settings: Given, allowed: Permissions) -> None:
    assert permissions_of(Settings(**settings)) == allowed
