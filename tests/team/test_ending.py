"""How a server ends beside others: what is under way is answered on both revisions, and nothing new is begun."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.server.request import TIME_OF_A_CALL
from flipsnack_mcp.team.ending import Ending, UnderWay
from flipsnack_mcp.team.heads import opens_session
from tests.listening import NO_TLS
from tests.team.over_http import (
    ACCEPTED,
    HELLO,
    HOST,
    OLDER,
    PING,
    ending_by_itself,
    modern,
    official_client,
    served,
    until,
    whole_application,
)
from tests.virtual_clock import StandingClock


def test_an_end_goes_on_for_its_notice_and_then_waits_for_what_is_under_way() -> None:
    hand = StandingClock(1000.0)
    ending = Ending(5, hand)
    with ending.counted():
        assert (ending.begun, ending.closed, ending.over) == (False, False, False)
        ending.begin()
        hand.now += 4.9
        ending.begin()  # a second word changes nothing
        assert (ending.begun, ending.closed, ending.over) == (True, False, False)
        hand.now += 0.1
        assert (ending.closed, ending.over) == (True, False)
    assert ending.over


def test_it_waits_for_nothing_longer_than_a_call_may_last() -> None:
    hand = StandingClock(1000.0)
    ending = Ending(0, hand)
    with ending.counted():
        ending.begin()
        hand.now += TIME_OF_A_CALL - 0.1
        assert not ending.over
        hand.now += 0.1
        assert ending.over


class Waits:
    """An application whose answers wait until they may come; those without an end of their own begin at once."""

    def __init__(self) -> None:
        self.go_on, self.came = anyio.Event(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        if scope["type"] != "http":
            return
        self.came += 1
        start = {"type": "http.response.start", "status": 200, "headers": [(b"connection", b"keep-alive")]}
        if scope["method"] == "GET":
            await send(start)
            await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
            await anyio.sleep_forever()
        await self.go_on.wait()
        await send(start)
        await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def ended_by_hand(
    *, keeps_sessions: bool = False
) -> AsyncIterator[tuple[Waits, Ending, StandingClock, httpx2.AsyncClient]]:
    app, hand = Waits(), StandingClock(1000.0)
    ending = Ending(5, hand)
    ended = ending_by_itself(UnderWay(app, ending, keeps_sessions), ending)
    async with ended as port, httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=30, verify=NO_TLS) as http:
        yield app, ending, hand, http


async def test_what_is_under_way_is_answered_and_its_connection_ends_with_it() -> None:
    answers = list[httpx2.Response]()
    async with ended_by_hand() as (app, ending, hand, http):

        async def call() -> None:
            answers.append(await http.post("/mcp", json=PING))

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(call)
            await until(lambda: app.came == 3)
            ending.begin()
            hand.now += 6
            await anyio.sleep(0.3)  # it has looked, and not ended
            app.go_on.set()
    assert [(one.text, one.headers["connection"]) for one in answers] == [("done", "close")] * 3


async def test_during_the_notice_calls_are_taken() -> None:
    async with ended_by_hand() as (app, ending, _, http):
        app.go_on.set()
        ending.begin()
        assert [(await http.post("/mcp", json=PING)).text for _ in range(3)] == ["done"] * 3


async def test_connections_between_two_requests_are_closed_and_a_call_on_one_that_is_left_is_answered() -> None:
    async with ended_by_hand() as (app, ending, hand, http):
        app.go_on.set()
        await http.post("/mcp", json=PING)
        reader, writer = await asyncio.open_connection(HOST, http.base_url.port)
        with ending.counted():  # somebody is still waited for
            ending.begin()
            hand.now += 6
            await until(lambda: not has_kept(http))
            writer.write(b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            answer = await reader.read()
            with pytest.raises(httpx2.ConnectError):
                await http.post("/mcp", json=PING)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert app.came == 2


def has_kept(http: httpx2.AsyncClient) -> bool:
    """Whether a client has a connection that it would use again."""
    return any(one.is_available() and not one.has_expired() for one in http._transport._pool.connections)  # type: ignore[attr-defined]


async def test_who_listens_is_let_go_in_order_and_nobody_new_listens() -> None:
    read = list[bytes]()
    async with ended_by_hand() as (_, ending, hand, http), http.stream("GET", "/mcp") as stream:
        async for piece in stream.aiter_bytes():
            read.append(piece)
            ending.begin()
            assert (await http.get("/mcp")).status_code == 503
            hand.now += 6  # the loop ends without an error: the stream was not cut
    assert read == [b": hello\n\n"]


@pytest.mark.parametrize(("keeps", "status"), [(True, 503), (False, 200)])
async def test_no_session_is_opened_where_it_would_not_last(keeps: bool, status: int) -> None:  # noqa: FBT001
    async with ended_by_hand(keeps_sessions=keeps) as (app, ending, _, http):
        app.go_on.set()
        ending.begin()
        opening = await http.post("/mcp", json=HELLO)
        known = await http.post("/mcp", json=PING, headers={"Mcp-Session-Id": "x"})
        newest = await http.post("/mcp", json=PING, headers={"MCP-Protocol-Version": "2026-07-28"})
    assert (opening.status_code, known.status_code, newest.status_code) == (status, 200, 200)


def test_what_is_no_message_opens_no_session() -> None:
    assert not opens_session({"path": "/uploads/x", "method": "POST", "headers": []})
    assert not opens_session({"path": "/mcp", "method": "DELETE", "headers": []})


@pytest.mark.parametrize(("mode", "sticky"), [("auto", False), ("legacy", False), ("legacy", True)])
async def test_the_official_client_gets_its_answers_from_a_server_that_ends(mode: Any, sticky: bool) -> None:  # noqa: FBT001
    ending = Ending(0)
    app = whole_application(ending=ending, team=True, sticky=sticky, calls_per_second=1, caller_calls_per_second=100)
    said = list[bool]()
    async with (
        ending_by_itself(app, ending) as port,
        official_client(f"http://{HOST}:{port}/mcp", mode=mode) as client,
    ):
        await client.list_tools()  # or it asks for them once it has its first answer

        async def call() -> None:
            said.append((await client.call_tool("get_user_stats", {})).is_error)

        async with anyio.create_task_group() as group:
            for _ in range(2):  # one a second: the other waits
                group.start_soon(call)
            await until(lambda: len(said) + ending.calls == 2)
            ending.begin()
    assert said == [False] * 2


LISTENS = modern("subscriptions/listen", notifications={"toolsListChanged": True})


@pytest.mark.parametrize("revision", ["newest", "older"])
async def test_a_stream_of_the_protocol_ends_in_order(revision: str) -> None:
    ending = Ending(0)
    app = whole_application(ending=ending, team=True, sticky=True)
    async with ending_by_itself(app, ending) as port, httpx2.AsyncClient(timeout=30, verify=NO_TLS) as http:
        address = f"http://{HOST}:{port}/mcp"
        if revision == "newest":
            asking = http.stream("POST", address, headers=LISTENS[0], json=LISTENS[1])
        else:
            session = (await http.post(address, json=HELLO, headers=ACCEPTED)).headers["mcp-session-id"]
            headers = {**ACCEPTED, "mcp-session-id": session, "mcp-protocol-version": OLDER}
            asking = http.stream("GET", address, headers=headers)
        async with asking as stream:
            assert stream.status_code == 200
            await until(lambda: ending.streams)
            ending.begin()
            with anyio.fail_after(10):
                await stream.aread()


async def test_a_session_is_kept_where_the_balancer_is_sticky_or_there_is_none() -> None:
    kept = list[bool]()
    for settings in ({"team": True}, {"team": True, "sticky": True}, {"team": False}, {"state": "redis://localhost"}):
        async with served(whole_application(**settings)) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
            answer = await http.post(f"http://{HOST}:{port}/mcp", json=HELLO, headers=ACCEPTED)
            kept.append("mcp-session-id" in answer.headers)
    assert kept == [False, True, True, False]
