"""The lines of an operator's log: one JSON object for each request, the request's id in all, and nobody's text in them."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from flipsnack_mcp.observed import REPLICA, spanned
from flipsnack_mcp.server.arriving.observing import CURRENT_FACTS
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.team.operating import lines
from tests.observing import observing
from tests.team.over_http import ACCEPTED, PING, served, status_of, whole_application

RIGHT = "k7Jq2Zr9sWx4Vb1Nc8Md3A"
"""What follows /files/ is a right."""
log = logging.getLogger("flipsnack_mcp.tests")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log of a team's server holds; the root logger as such a server has it."""
    text, root = io.StringIO(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(text)])
    before, of_requests = root.level, lines.log.level
    root.setLevel(logging.WARNING)
    lines.log_as_json("WARNING")
    yield text
    root.setLevel(before)
    lines.log.setLevel(of_requests)


def parsed(written: io.StringIO) -> list[dict[str, Any]]:
    """Every line is one object."""
    text = written.getvalue()
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


async def answers(request: Request) -> PlainTextResponse:
    asked = CURRENT_FACTS.get()
    assert asked
    asked.method, asked.tool, asked.caller, asked.account = "tools/call", "list_collections", "anna", "de"
    asked.end("done")
    log.warning("while %s is answered", request.method)
    return PlainTextResponse("four")


async def breaks(_: Request) -> PlainTextResponse:
    raise ValueError("a\nsecret")


def app() -> ASGIApp:
    methods = ["GET", "POST"]
    routes = [Route("/mcp", answers, methods=methods), Route("/files/{address}", answers, methods=methods)]
    looks = [Route("/ready", answers), Route("/breaks", breaks)]
    return lines.RequestLines(Starlette(routes=[*routes, *looks]))


def client() -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app(), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://flipsnack.test")


async def test_each_request_has_one_line_with_what_an_operator_asks(written: io.StringIO) -> None:
    async with client() as http:
        answer = await http.post("/mcp", json={}, headers={"X-Request-Id": "proxy-17"})
    said, line = parsed(written)
    assert answer.headers["x-request-id"] == said["request_id"] == line["request_id"] == "proxy-17"
    assert said["message"] == "while POST is answered"
    assert line.pop("time").endswith("+00:00")
    assert line.pop("ms") >= 0
    assert line == {
        "replica": REPLICA, "level": "INFO", "logger": "flipsnack_mcp.requests", "request_id": "proxy-17", "http_method": "POST",
        "route": "/mcp", "status": 200, "method": "tools/call", "tool": "list_collections", "caller": "anna",
        "account": "de", "outcome": "done", "bytes": 4,
    }  # fmt: skip


PLAIN = ["a", "proxy-17", "A1b2.c3_d4-e5", "f" * 64]
ODD = ["", " ", "a b", "f" * 65, "a/b", "a\tb", "é", '"},{"level":"ERROR', "${jndi:x}", "a;b", "a,b", "<b>"]


@pytest.mark.parametrize("given", [*PLAIN, *ODD])
async def test_an_id_that_is_not_plain_is_not_taken_over(written: io.StringIO, given: str) -> None:
    async with client() as http:
        answer = await http.get("/mcp", headers=[(b"X-Request-Id", given.encode())])
    line = parsed(written)[-1]
    assert answer.headers["x-request-id"] == line["request_id"]
    assert (line["request_id"] == given) is (given in PLAIN)
    assert len(line["request_id"]) == 32 or given in PLAIN


async def test_two_requests_at_a_time_keep_their_ids(written: io.StringIO) -> None:
    async with client() as http:
        ids = {(await http.get("/mcp")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert [one["request_id"] for one in parsed(written)][::2] == [one["request_id"] for one in parsed(written)][1::2]


@pytest.mark.parametrize(
    "path", [f"/files/{RIGHT}", f"/uploads/{RIGHT}", f"/{RIGHT}", f"/hooks/{RIGHT}?x={RIGHT}", "//"]
)
async def test_of_an_address_only_its_kind_is_written(written: io.StringIO, path: str) -> None:
    async with client() as http:
        await http.get(path)
    assert RIGHT not in written.getvalue()
    assert parsed(written)[-1]["route"] in {"/files", "/uploads", "/hooks", "_OTHER"}


async def escapes(*_: object) -> None:
    raise ValueError("CANARY")


@pytest.mark.parametrize("broken", [app(), lines.RequestLines(escapes)], ids=["answered", "left to uvicorn"])
async def test_an_error_in_the_application_is_one_line_too(written: io.StringIO, broken: ASGIApp) -> None:
    transport = httpx2.ASGITransport(broken, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://flipsnack.test") as http:
        assert (await http.get("/breaks")).status_code == 500
    assert parsed(written)[-1]["status"] == 500
    assert "CANARY" not in written.getvalue()


async def test_a_balancers_look_is_written_only_where_the_answer_is_no(written: io.StringIO) -> None:
    async with client() as http:
        await http.get("/ready")
        await http.post("/ready")
    assert [(one["route"], one["status"]) for one in parsed(written) if "route" in one] == [("/ready", 405)]


HOSTILE = ["a\nb", "a\r\n{}", "\x1b[2J", "\u2028", "\u202e", "\x00", "\ud800", '"}', "é", "x" * 100_000]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_nothing_ends_a_line_or_acts_on_a_terminal(
    written: io.StringIO, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:1])  # pytest's own cannot hand on half a character
    log.warning("said: %s", text)
    lines.log.info("request", extra={lines.FACTS: {"caller": text[:100]}})
    said, line = parsed(written)
    assert said["message"].startswith("said: " + text[:100])
    assert len(said["message"]) <= lines.LONGEST_LINE
    assert line["caller"] == text[:100]


def test_of_an_exception_its_kind_and_place_are_written_and_not_its_text(written: io.StringIO) -> None:
    try:
        int("CANARY\nof a client")
    except ValueError:
        log.exception("it broke")
    (line,) = parsed(written)
    assert (line["message"], line["error"]) == ("it broke", "ValueError")
    assert line["at"].startswith(f"{__name__}:")
    assert "CANARY" not in written.getvalue()


@pytest.mark.parametrize("name", ["mcp.server.runner", "asyncio", "redis", "root"])
def test_of_what_libraries_say_the_values_are_left_out(written: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("dropped %r: malformed\n%s", "CANARY", "CANARY")
    (line,) = parsed(written)
    assert line["message"] == "dropped %r: malformed"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Rejected request with unknown or expired session ID: CANARY", "Rejected request with unknown or expired session ID"),
        ("Session 218a3ae6c4d7488d91b4197efd44d012 idle timeout", "Session … idle timeout"),
        ("StreamableHTTP session manager started", "StreamableHTTP session manager started"),
    ],
)  # fmt: skip
def test_values_that_a_library_has_filled_in_itself_are_left_out_too(
    written: io.StringIO, said: str, left: str
) -> None:
    logging.getLogger("mcp.server.streamable_http_manager").warning(said)
    assert [line["message"] for line in parsed(written)] == [left]


async def test_what_a_client_calls_its_session_is_in_no_line(written: io.StringIO) -> None:
    logging.getLogger().setLevel(logging.INFO)
    async with served(whole_application(team=True, sticky=True)) as port:
        headers = [*ACCEPTED.items(), ("Mcp-Session-Id", "CANARY")]
        assert await status_of(port, headers, json.dumps(PING).encode()) == 404
    assert "unknown or expired session ID" in written.getvalue()
    assert "CANARY" not in written.getvalue()


GUARDED: list[tuple[Any, str]] = [
    (logging.Handler, "format"), (logging, "raiseExceptions"), (sys, "excepthook"), (sys, "unraisablehook"),
    (threading, "excepthook"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["key K-1234567, secret S", "https://u:pass@host/", "signature=0123456789abcdef0123456789abcdef"]
)
def test_the_redaction_stays_around_it_and_leaves_json(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for where, name in GUARDED:
        monkeypatch.setattr(where, name, getattr(where, name))
    Redactor(("K-1234567",)).guard()
    log.warning("refused: %s", text)
    (line,) = parsed(written)
    assert "***" in line["message"]
    assert not [one for one in ("K-1234567", "pass@", "0123456789abcdef") if one in line["message"]]


def test_a_line_names_the_span_it_belongs_to(written: io.StringIO) -> None:
    with observing(), spanned("flipsnack", {}) as span:
        log.warning("within")
    context = span.get_span_context()
    (line,) = parsed(written)
    assert (line["trace_id"], line["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")


@pytest.mark.parametrize(("level", "written_at"), [("WARNING", True), ("INFO", True), ("ERROR", False)])
def test_lines_of_requests_are_there_unless_only_errors_are_wanted(
    written: io.StringIO, level: str, *, written_at: bool
) -> None:
    lines.log_as_json(level)
    lines.log.info("request")
    assert bool(written.getvalue()) is written_at
