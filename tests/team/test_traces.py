"""A trace that a balancer began goes on here, on both revisions, also within a session; and nothing else that it says."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from opentelemetry.trace import get_current_span

from flipsnack_mcp.server.arriving.observing import FACTS_IN_SCOPE, Observing, RequestFacts
from flipsnack_mcp.team.operating.lines import trace_of
from tests.listening import NO_TLS
from tests.observing import Seen, observing
from tests.team.over_http import ACCEPTED, HELLO, HOST, MODERN, OLDER, asked, modern, served, whole_application

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STATED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=CANARY", "baggage": "user=CANARY"}
CALL: dict[str, Any] = {"name": "list_collections", "arguments": {}}


@pytest.fixture
def seen() -> Iterator[Seen]:
    with observing() as watched:
        yield watched


async def called(http: httpx2.AsyncClient, revision: str, **headers: str) -> httpx2.Response:
    """One call, of older clients within a session."""
    if revision == MODERN:
        own, body = modern("tools/call", **CALL)
        return await http.post("/mcp", json=body, headers=own | headers)
    begun = await http.post("/mcp", json=HELLO, headers=ACCEPTED)
    session = {"Mcp-Session-Id": begun.headers["mcp-session-id"], "MCP-Protocol-Version": OLDER}
    return await http.post("/mcp", json=asked("tools/call", 2, **CALL), headers=ACCEPTED | session | headers)


def trace_ids(seen: Seen, name: str) -> set[str]:
    return {f"{one.context.trace_id:032x}" for one in seen.spans if one.name == name and one.context}


@pytest.mark.parametrize("revision", [MODERN, OLDER])
@pytest.mark.parametrize("stated", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", STATED["traceparent"]])
async def test_a_call_stands_in_the_trace_that_its_header_names(seen: Seen, revision: str, stated: str) -> None:
    headers = {**STATED, "traceparent": stated} if stated else {}
    async with (
        served(whole_application()) as port,
        httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", verify=NO_TLS) as http,
    ):
        answer = await called(http, revision, **headers)
    assert answer.status_code == 200
    expected = {TRACE} if stated == STATED["traceparent"] else trace_ids(seen, "collection.getList") - {TRACE}
    assert trace_ids(seen, "tools/call list_collections") == trace_ids(seen, "collection.getList") == expected
    assert len(expected) == 1
    assert "CANARY" not in seen.everything


async def test_a_trace_ends_with_its_request() -> None:
    """The task goes on, and handles what stands in none."""
    brought = {FACTS_IN_SCOPE: RequestFacts(trace=trace_of(STATED))}
    ctx: Any = SimpleNamespace(request_id=1, method="ping", params=None, request=SimpleNamespace(scope=brought))

    async def answer(_: object) -> dict[str, Any]:
        assert get_current_span().get_span_context().is_valid
        return {}

    await Observing(())(ctx, answer)
    assert not get_current_span().get_span_context().is_valid
