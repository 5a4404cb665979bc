"""How many sessions of older revisions a caller may have, where there are any."""

import httpx2
import pytest
from starlette.types import ASGIApp

from flipsnack_mcp.team import sessions
from flipsnack_mcp.team.sessions import MOST_SESSIONS, Sessions
from tests.listening import NO_TLS
from tests.team.over_http import ACCEPTED, HELLO, HOST, OLDER, PING, served, whole_application
from tests.team.test_limits import Called, Waits, in_memory
from tests.virtual_clock import StandingClock


async def test_a_caller_opens_so_many_sessions_and_another_when_one_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    app = whole_application(team=True, sticky=True)
    async with (
        served(app) as port,
        httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", headers=ACCEPTED, verify=NO_TLS) as http,
    ):
        first, _, refused = [await http.post("/mcp", json=HELLO) for _ in range(3)]
        known = {"mcp-session-id": first.headers["mcp-session-id"], "mcp-protocol-version": OLDER}
        assert (await http.post("/mcp", json=PING, headers=known)).status_code == 200
        assert (await http.delete("/mcp", headers=known)).status_code == 200
        opened, again = [await http.post("/mcp", json=HELLO) for _ in range(2)]
    assert [one.status_code for one in (first, refused, opened, again)] == [200, 429, 200, 429]
    assert "You have 2 sessions open" in (said := refused.json()["error"]["message"])
    assert f"End one of them, or send it again in {refused.headers['retry-after']} s" in said
    assert int(refused.headers["retry-after"]) > 0


def opening(app: ASGIApp, hand: StandingClock) -> tuple[ASGIApp, Sessions]:
    """An application that opens a session with whatever is asked."""
    count = iter(range(10**6))

    async def opens(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        async def named(message):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            if message["type"] == "http.response.start":
                message = {**message, "headers": [(b"mcp-session-id", str(next(count)).encode())]}
            await send(message)

        await app(scope, receive, named)

    counted = Sessions(opens, 1800.0, hand)
    return Called(counted), counted


async def test_what_is_dropped_counts_no_more_and_each_caller_has_their_own() -> None:
    hand = StandingClock(1000.0)
    app, counted = opening(Waits(), hand)
    assert [await in_memory(app) for _ in range(MOST_SESSIONS + 1)] == [200] * MOST_SESSIONS + [429]
    assert await in_memory(app, x_name="ben") == 200
    hand.now += 1801
    assert await in_memory(app) == 200
    assert [len(one) for one in counted.used.values()] == [1]


async def test_what_opens_none_is_not_refused_and_somebody_elses_id_is_none_of_the_callers() -> None:
    hand = StandingClock(1000.0)
    app, counted = opening(Waits(), hand)
    for _ in range(MOST_SESSIONS):
        await in_memory(app)
    assert await in_memory(app, mcp_protocol_version="2026-07-28") == 200
    assert await in_memory(app, x_name="ben", mcp_session_id="7") == 200
    assert not counted.used["token ben"]


async def test_who_is_refused_for_a_session_is_told_what_to_do() -> None:
    """After a restart all clients of older revisions read no more than `Session not found`."""
    app = whole_application(team=True, sticky=True)
    async with (
        served(app) as port,
        httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", headers=ACCEPTED, verify=NO_TLS) as http,
    ):
        gone = await http.post("/mcp", json=PING, headers={"mcp-session-id": "of-another-server"})
        none = await http.post("/mcp", json=PING)
        verb = await http.put("/mcp", json=PING)
        head = await http.head("/mcp")
        deaf = await http.get("/mcp", headers={"Accept": "application/json"})
        known = {"mcp-session-id": (await http.post("/mcp", json=HELLO)).headers["mcp-session-id"]}
        async with http.stream("GET", "/mcp", headers=known):
            double = await http.get("/mcp", headers=known)
    refused = [gone, none, verb, deaf, double]
    assert [one.status_code for one in [*refused, head]] == [404, 400, 405, 406, 409, 405]
    said = [one.json()["error"]["message"].partition(". Nothing was done. ") for one in refused]
    assert [(one, step.split()[:2]) for one, _, step in said] == [
        ("Session not found", ["It", "is"]),
        ("Bad Request: Missing session ID", ["Send", "`initialize`"]),
        ("Method Not Allowed", ["This", "address"]),
        ("Not Acceptable: Client must accept text/event-stream", ["Name", "that"]),
        ("Conflict: Only one SSE stream is allowed per session", ["Listen", "to"]),
    ]
    assert head.content == b""


async def test_who_ends_a_session_where_there_is_none_is_told_so() -> None:
    async with served(whole_application(team=True)) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        told = await http.delete(f"http://{HOST}:{port}/mcp", headers=ACCEPTED)
    assert told.status_code == 405
    assert "Nothing was done. There is no session here that could be ended." in told.json()["error"]["message"]
