"""The store that several servers share is gone: what reads asks Flipsnack all the same, what changes is refused before it is sent."""

import re
from typing import Any

import anyio
import pytest
from mcp.types import ResourceTemplateReference
from typing_extensions import override

from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.callers.away import AWAY, TO_WHOEVER_RUNS_IT
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.tools.reporting import unkept
from flipsnack_mcp.store.records import StoreUnreachable
from flipsnack_mcp.store.redis.link import TO_COMMIT, TO_STEP
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.recalling import Recent
from tests.samples_of import TOOLS, expected_tool, names_with
from tests.server.bench import Bench, Person, Said, types_what_is_asked
from tests.server.revisions import in_turn
from tests.server.several import SeveralBench
from tests.server.typical import typical

GONE = "Redis at redis.example.com:6379, database 0 cannot be reached."
NEXT = "See that it runs."


class GoneStore(MemoryStore):
    """Nothing can be asked of it."""

    shared = True

    @override
    async def transact(self, work: Any) -> Any:
        raise StoreUnreachable(GONE, NEXT)


KEPT_THERE = {"stop_work"}
"""Only there it stands who carries out what, and whose it is."""
READING = [of for of in TOOLS if expected_tool(of).in_read_only_mode and expected_tool(of).name not in KEPT_THERE]
REFUSED = [of for of in TOOLS if of not in READING]
EVERY_TOOL = frozenset({"default", "legacy"})


async def asked(bench: Bench, of: str, **settings: Any) -> Said:
    """A typical call, by a client whose person agrees."""
    person, store = Person(types_what_is_asked), GoneStore(bench.clock)
    return await bench.send(
        expected_tool(of).name, typical(of, bench), person, store=store, toolsets=EVERY_TOOL, **settings
    )


@in_turn("of", READING)
async def test_what_reads_answers(bench: Bench, of: str) -> None:
    said = await asked(bench, of)
    assert not said.is_error, said.text


async def test_a_report_that_ends_within_its_call_says_that_it_is_kept_nowhere(bench: Bench) -> None:
    said = await bench.send("report_stats", {"query": "summer"}, store=GoneStore(bench.clock), leads=True)
    assert said.data["state"] == "complete"
    assert "leads" not in said.data  # they are in the store: none would be a lie
    assert said.data["totals"]
    assert "this report is kept nowhere" in said.text


async def test_a_report_that_would_take_longer_is_refused_in_words_and_asks_no_further(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unkept, "LONGEST_LOOK", 0)
    async with bench.assistant(store=GoneStore(bench.clock)) as assistant:
        for tool in ("report_stats", "audit_account"):
            said = await assistant.call(tool)
            assert said.is_error
            assert (
                f"{GONE} A report that takes longer than one call cannot go on meanwhile. Nothing was changed."
                in said.text
            )
            assert "Try again in half a minute, or choose fewer collections" in said.text
        asked_by_then = [*bench.requests]
        await anyio.sleep(60)
    assert bench.requests == asked_by_then


@pytest.mark.parametrize("tool", ["report_stats", "audit_account"])
async def test_a_report_that_breaks_off_meanwhile_is_not_said_to_be_kept(bench: Bench, tool: str) -> None:
    bench.sandbox.add_fault(Fault("code", None, code=41, message="Invalid key", times=0))
    said = await bench.send(tool, {"everything": True} if tool == "report_stats" else {}, store=GoneStore(bench.clock))
    assert said.is_error
    assert "is kept:" not in said.text
    assert "report_id=" not in said.text
    assert "This report is kept nowhere: afterwards make the same call again." in said.text


@pytest.mark.parametrize("tool", ["report_stats", "audit_account"])
async def test_a_report_that_breaks_off_while_the_store_is_there_is_gone_on_with_by_its_id(
    bench: Bench, tool: str
) -> None:
    bench.sandbox.add_fault(Fault("code", None, code=41, message="Invalid key", times=1))
    async with bench.assistant() as assistant:
        failed = await assistant.call(tool, **({"everything": True} if tool == "report_stats" else {}))
        kept = re.search(rf'What was gathered is kept: afterwards call {tool}\(report_id="(\w+)"', failed.text)
        assert kept, failed.text
        assert (await assistant.call(tool, report_id=kept[1])).data["state"] == "complete"


async def test_a_report_that_was_begun_before_waits_until_the_store_is_back(bench: Bench) -> None:
    said = await bench.send("report_stats", {"report_id": "0123abcd"}, store=GoneStore(bench.clock))
    assert said.is_error
    assert GONE in said.text


CONFIRMS = ("ask", "approve", "allow")
WAYS = {
    f"{of}-{confirm}": (of, confirm)
    for nth, of in enumerate(REFUSED)
    for confirm in (CONFIRMS if expected_tool(of).hints.destructive else CONFIRMS[nth % 3 :][:1])
}
"""Where nothing is destroyed nobody is asked, whatever is set."""


@in_turn("of, confirm", WAYS)
async def test_what_changes_is_refused_in_words_before_it_is_sent(bench: Bench, of: str, confirm: str) -> None:
    said = await asked(bench, of, confirm=confirm)
    assert said.is_error
    assert f"{GONE} Nothing was changed. Try again in half a minute. {NEXT}" in said.text
    assert {one.action for one in bench.sandbox.requests} <= set(names_with("reads"))


@in_turn("of", REFUSED)
async def test_who_is_told_apart_hears_nothing_of_where_it_lies(bench: Bench, of: str) -> None:
    """They can mend nothing; where it is stands in the log."""
    before = CALLER.set(Caller("anna", "token 1"))
    try:
        said = await asked(bench, of)
    finally:
        CALLER.reset(before)
    assert said.is_error
    assert f"{AWAY} Nothing was changed. Try again in half a minute. {TO_WHOEVER_RUNS_IT}" in said.text
    assert "redis.example.com" not in said.text


@pytest.mark.parametrize("of", [*names_with("writes"), *names_with("destroys")])
async def test_an_action_that_changes_is_not_sent_where_the_others_would_not_hear_of_it(bench: Bench, of: str) -> None:
    """Whichever way leads there: in the one place that all changes pass."""
    flipsnack = bench.connect(bench.settings)
    flipsnack.changing = Recent(GoneStore(bench.clock), "mine").changing
    (action,) = [one for one in ACTIONS if one.api_name == of]
    async with flipsnack:
        with pytest.raises(StoreUnreachable):
            await flipsnack.send(action.model_construct())
    assert bench.sandbox.requests == []


class SilentStore(GoneStore):
    """It takes as long as Redis is waited for until it is clear that nothing can be asked of it."""

    @override
    async def transact(self, work: Any) -> Any:
        await anyio.sleep(TO_COMMIT + TO_STEP)
        return await super().transact(work)


async def test_a_change_is_not_sent_either_where_the_store_says_nothing_for_seconds(bench: Bench) -> None:
    said = await bench.send("update_collection", typical("collection.update", bench), store=SilentStore(bench.clock))
    assert said.is_error
    assert f"{GONE} Nothing was changed." in said.text
    assert {one.action for one in bench.sandbox.requests} <= set(names_with("reads"))


async def test_resources_and_completions_answer(bench: Bench) -> None:
    async with bench.assistant(store=GoneStore(bench.clock)) as assistant:
        for one in (await assistant.client.list_resources()).resources:
            assert (await assistant.client.read_resource(str(one.uri))).contents
        collections = ResourceTemplateReference(uri="flipsnack://collections/{hash}")
        found = await assistant.client.complete(collections, {"name": "hash", "value": "summer"})
    assert found.completion.values


@in_turn("of", READING)
async def test_of_several_accounts_what_reads_answers(several: SeveralBench, of: str) -> None:
    given = typical(of, several) | ({"account": "fr"} if expected_tool(of).acts else {})
    said = await several.send(expected_tool(of).name, given, store=GoneStore(several.clock), toolsets=EVERY_TOOL)
    assert not said.is_error, said.text
