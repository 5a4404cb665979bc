"""The same odd messages over HTTP: each body gets an answer in words that fit one, and nothing of the SDK's or the caller's own."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.server.bench import Bench
from tests.server.tables import table
from tests.server.test_lines import CLIENT, MODERN, asked, told

LINES = table("lines")
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
NOTHING = (None, -32700, "no JSON")


@pytest.fixture
def mode() -> str:
    """Told by what is posted."""
    return "legacy"


@pytest.fixture
async def http(bench: Bench) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server over HTTP, in this process."""
    app = bench.server().streamable_http_app()
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=HEADERS) as client,
    ):
        yield client


async def posted(http: httpx2.AsyncClient, body: str | bytes, **headers: str) -> tuple[int, list[Any]]:
    """The status, and the answers that came."""
    answer = await http.post(
        "/mcp", content=body, headers={name.replace("_", "-"): one for name, one in headers.items()}
    )
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        data = [line.removeprefix("data:").strip() for line in answer.text.splitlines() if line.startswith("data:")]
        return answer.status_code, [json.loads(one) for one in data if one]
    said = json.loads(answer.text) if answer.text and answer.text != "null" else []
    return answer.status_code, said if isinstance(said, list) else [said]


async def session(http: httpx2.AsyncClient) -> str:
    hello = asked(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=CLIENT)
    answer = await http.post("/mcp", content=hello)
    return str(answer.headers["mcp-session-id"])


def wanted_over_http(line: str, wanted: list[Any]) -> list[tuple[Any, Any, str]]:
    """Half a character cannot be handed on over HTTP: it is refused before the tool. A body is never nothing."""
    if not line.strip("\ufeff \t"):
        return [NOTHING]
    return [
        (number, -32602, words) if words in {"half a character", "a hash has only"} else (number, end, words)
        for number, end, words in wanted
    ]


def is_answered(status: int, answers: list[Any], expected: list[Any]) -> bool:
    return (
        status in ({200, 400} if expected else {202})
        and [one[:2] for one in answers] == [(number, end) for number, end, _ in expected]
        and not any(ours in words for _, _, words in answers for ours in ("pydantic", "do-not-repeat-me", "This line"))
        and all(
            part in words or part == "a hash has only"
            for (_, _, words), (_, _, part) in zip(answers, expected, strict=True)
        )
    )


async def test_every_body_is_answered_in_words(http: httpx2.AsyncClient) -> None:
    wrong = {}
    for name, (line, wanted) in LINES.items():
        status, said = await posted(http, line, mcp_session_id=await session(http), mcp_protocol_version="2025-11-25")
        answers = [told(one) for one in said if "method" not in one]
        if not is_answered(status, answers, wanted_over_http(line, wanted)):
            wrong[name] = status, answers
    assert wrong == {}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe{}", b"\xef\xbb\xbf", b"caf\xe9", b"\x00"], ids=repr)
async def test_bytes_that_are_no_message_are_refused_in_words(http: httpx2.AsyncClient, body: bytes) -> None:
    status, said = await posted(http, body)
    assert (status, told(said[0])[1]) == (400, -32700)


async def test_half_an_emoji_is_refused_on_the_newer_revision_too(http: httpx2.AsyncClient, bench: Bench) -> None:
    call = asked(5, "tools/call", name="list_collections", arguments={"query": "half \ud83d"}, _meta=MODERN)
    headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "list_collections"}
    _, said = await posted(http, call, **headers)
    assert "half a character" in told(said[0])[2]
    assert bench.requests == []


async def test_a_foreign_host_and_a_body_that_is_too_large_are_refused_as_before(http: httpx2.AsyncClient) -> None:
    assert (await posted_status(http, asked(1, "ping"), Host="evil.example")) == 421
    assert (await posted_status(http, "x" * 5_000_000)) == 413


async def posted_status(http: httpx2.AsyncClient, body: str, **headers: str) -> int:
    return (await http.post("/mcp", content=body, headers=headers)).status_code
