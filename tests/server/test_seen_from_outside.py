"""What an operator sees of calls: the SDK's span with ours below it, work apart as roots of their own, and figures."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from mcp import MCPError
from opentelemetry.context import attach, detach
from opentelemetry.propagate import extract

from flipsnack_mcp import observed
from flipsnack_mcp.sandbox import Fault
from tests.observing import Seen, facts_of, id_of, observing, parent_of
from tests.server.bench import KEY, SECRET, Bench, Given, Person, declines
from tests.server.destructions import process
from tests.server.long_bench import LongBench
from tests.server.several import SeveralBench

CANARY = "CANARY of a client"
LIST = "collection.getList"
CALLS = ("gen_ai.tool.name", "flipsnack.outcome", "error.type")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def seen() -> Iterator[Seen]:
    with observing() as watched:
        yield watched


async def test_requests_to_flipsnack_stand_below_the_call_that_needs_them(seen: Seen, bench: Bench) -> None:
    await bench.call("list_collections")
    call, request = seen.span("tools/call list_collections"), seen.span(LIST)
    assert parent_of(request) == id_of(call)
    assert facts_of(call)["gen_ai.tool.name"] == "list_collections"
    assert not seen.counted(observed.ERRORS)


async def test_a_call_goes_on_with_the_trace_of_its_client(seen: Seen, bench: Bench) -> None:
    stated: Any = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=CANARY"}
    async with bench.assistant() as assistant:
        kept = attach(extract(stated)) if bench.mode == "legacy" else None  # there the SDK's client states its own
        await assistant.client.call_tool("list_collections", {}, meta=stated)
        if kept:
            detach(kept)
    request = seen.span(LIST)
    assert request.context
    assert f"{request.context.trace_id:032x}" == TRACE
    assert "CANARY" not in seen.everything


async def test_long_work_is_a_root_of_its_own_with_a_link_to_its_call(seen: Seen, bench: Bench) -> None:
    async with bench.assistant() as assistant:
        await assistant.call("report_stats", query="catalogue", wait_seconds=0)
        await anyio.sleep(90)
    job, call = seen.span("job report"), seen.span("tools/call report_stats")
    assert parent_of(job) is None
    assert [link.context.span_id for link in job.links] == [id_of(call)]
    assert facts_of(job) == {"flipsnack.job.kind": "report", "flipsnack.outcome": "done"}
    assert id_of(job) in {parent_of(one) for one in seen.spans if one.name == "collection.getStats"}
    assert seen.total(observed.JOBS) == 0, "it ended"
    assert seen.counted(observed.JOBS_ENDED, "flipsnack.job.kind", "flipsnack.outcome") == {("report", "done"): 1}


async def test_work_that_was_left_belongs_to_no_call_of_the_next_server(seen: Seen, bench: Bench) -> None:
    async with process(bench) as assistant:
        await assistant.call("report_stats", query="catalogue", wait_seconds=0)
    seen.exporter.clear()
    async with process(bench) as assistant:
        await assistant.call("list_collections")
        await anyio.sleep(90)
    job = seen.span("job report")
    assert (parent_of(job), [*job.links], facts_of(job)["flipsnack.outcome"]) == (None, [], "done")


@pytest.mark.usefixtures("no_look_ahead")
async def test_uploads_that_wait_for_their_turn_are_told_from_those_under_way(
    seen: Seen, long_bench: LongBench
) -> None:
    long_bench.road.upload_seconds = 10
    for name in ("1.pdf", "2.pdf", "3.pdf"):
        given: Given = {"file_path": long_bench.large(name), "title": name, "wait_seconds": 0}
        await long_bench.client.call("create_collection", given)
    await anyio.sleep(1)
    at_first = standing(seen)
    await anyio.sleep(900)
    assert at_first == {"under way": 2, "waiting": 1}
    assert set(standing(seen).values()) == {0}


def standing(seen: Seen) -> Counter[str]:
    """How many jobs stand how."""
    told = Counter[str]()
    for name, value, facts in seen.figures:
        if name == observed.JOBS.name:
            told[facts["flipsnack.job.state"]] += int(value)
    return told


async def test_calls_are_counted_by_tool_and_outcome(seen: Seen, bench: Bench) -> None:
    person, wanted = Person(declines), {"collection_hash": bench.collection().hash}
    async with bench.assistant(person) as assistant:
        await assistant.call("get_user_stats")
        await assistant.call("get_collection", collection_hash="nowhere")
        await assistant.call("delete_collection", wanted)
    counted = seen.counted(observed.CALLS, *CALLS)
    assert counted["get_user_stats", "done", None] == 1
    assert counted["get_collection", "failed", "tool_error"] == 1
    assert counted["delete_collection", "failed", "tool_error"] == 1
    asked = counted["delete_collection", "asked a person", None]
    assert asked == (1 if bench.mode == "auto" else 0), "on 2026-07-28 a question is the answer of a call"


NAMES = ["no_such_tool", CANARY, f"delete_collection\n{CANARY}", "x" * 500]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_a_client_made_up_is_not_seen(seen: Seen, bench: Bench, name: str) -> None:
    async with bench.assistant() as assistant:
        try:
            await assistant.client.session.call_tool(name, {CANARY: CANARY})
        except MCPError:
            assert bench.mode == "legacy"
    outcome = ("_OTHER", "refused", "-32602") if bench.mode == "legacy" else ("_OTHER", "failed", "tool_error")
    assert seen.counted(observed.CALLS, *CALLS)[outcome] == 1
    assert facts_of(seen.span("tools/call _OTHER"))["gen_ai.tool.name"] == "_OTHER"
    assert name not in seen.everything
    assert "CANARY" not in seen.everything


async def test_no_argument_and_no_text_of_flipsnack_is_seen(seen: Seen, bench: Bench) -> None:
    one = bench.collection()
    async with bench.assistant() as assistant:
        await assistant.call("update_collection", collection_hash=one.hash, title=CANARY)
        bench.sandbox.add_fault(refusing(f"no to {CANARY}"))
        await assistant.call("get_collection", collection_hash=one.hash)
        bench.sandbox.add_fault(refusing(f"no to {CANARY}"))
        with pytest.raises(MCPError):
            await assistant.client.read_resource(f"flipsnack://collections/{one.hash}")
        with pytest.raises(MCPError):
            await assistant.client.get_prompt(CANARY)
    hidden = ("CANARY", one.hash, one.title, KEY, SECRET)
    assert len(seen.spans) >= 5
    assert not [word for word in hidden if word in seen.everything]


def refusing(message: str) -> Fault:
    return Fault("http", http_status=200, body=f'{{"code": 42, "status": "ERROR", "message": "{message}"}}')


async def test_the_account_of_a_call_is_in_its_span_by_what_the_operator_calls_it(
    seen: Seen, several: SeveralBench
) -> None:
    async with several.assistant() as assistant:
        await assistant.call("list_collections", account="fr")
    assert facts_of(seen.span("tools/call list_collections"))["flipsnack.account"] == "fr"
