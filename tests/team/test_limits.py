"""How much one caller may ask: what is refused, with which words, and that others notice nothing of it."""

import asyncio
import json
from collections import Counter
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.for_a_team import TeamSettings
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.team import limits
from flipsnack_mcp.team.limits import Limits, Strangers
from flipsnack_mcp.team.usage import FORGOTTEN_AFTER, Usages
from tests.listening import NO_TLS
from tests.team.over_http import (
    ACCEPTED,
    HOST,
    asked,
    message_in,
    modern,
    official_client,
    served,
    status_of,
    until,
    whole_application,
)
from tests.virtual_clock import StandingClock, VirtualLoop

CALL = asked("tools/call", name="list_collections", arguments={})
OLDER = {**ACCEPTED, "MCP-Protocol-Version": "2025-11-25"}
NEWEST = {**ACCEPTED, "MCP-Protocol-Version": "2026-07-28"}


class Called:
    """Lets everybody in under the name that they give, as somebody else would who looks at tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope.get("headers", ())).get(b"x-name", b"anna").decode()
        CALLER.set(Caller(named, principal=f"token {named}"))
        await self.app(scope, receive, send)


class Waits:
    """An application whose answers wait until they may come."""

    def __init__(self) -> None:
        self.go_on, self.came = anyio.Event(), Counter[str]()
        self.bodies = list[bytes]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.came[CALLER.get().name] += 1
        if scope["method"] == "POST":
            self.bodies.append((await receive())["body"])
        if scope["path"] == "/mcp" and not scope["query_string"]:
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def limited(app: ASGIApp, **settings: Any) -> Called:
    return Called(Limits(app, TeamSettings(**settings)))


def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=60, verify=NO_TLS)


async def test_of_five_hundred_calls_at_once_sixteen_are_made_and_nobody_else_notices() -> None:
    app, seen = Waits(), Counter[int]()
    content = json.dumps(CALL).encode()
    async with served(limited(app, caller_calls_per_second=1000)) as port:

        async def call() -> None:
            seen[await status_of(port, OLDER.items(), content)] += 1

        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(call)
            await until(lambda: seen[429] == 484)
            # Sixteen are still under way.
            other = await status_of(port, {**OLDER, "X-Name": "ben"}.items(), content, "/mcp?now")
            app.go_on.set()
    assert other == 200
    assert seen == {200: 16, 429: 484}
    assert app.came == {"anna": 16, "ben": 1}


@pytest.mark.parametrize("headers", [OLDER, NEWEST], ids=["older", "newest"])
async def test_a_refusal_says_what_happened_and_when_to_come_back(headers: dict[str, str]) -> None:
    app = Waits()
    async with served(limited(app, caller_calls=1)) as port, client() as http:
        address = f"http://{HOST}:{port}/mcp"
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: http.post(address, json=CALL, headers=headers))
            await until(lambda: app.came)
            refused = await http.post(address, json=CALL, headers=headers)
            app.go_on.set()
    error = refused.json()["error"]
    assert (refused.status_code, refused.headers["retry-after"], error["data"]) == (429, "1", {"retry_after": 1})
    assert "1 requests under way" in error["message"]
    assert "Nothing was done. Send it again once one of them has ended." in error["message"]


async def test_who_calls_too_fast_is_told_when_to_send_it_again() -> None:
    app, _ = by_hand(Waits(), caller_calls_per_second=1)
    await in_memory(app)
    (_, body) = await sent_for(app)
    assert "Nothing was done. Send it again in 1 s." in json.loads(body["body"])["error"]["message"]


async def in_memory(app: ASGIApp, body: object = CALL, **more: str) -> int:
    """The status of a request to an application without a socket."""
    return (await headers_of(app, body, **more))[0]


async def headers_of(
    app: ASGIApp, body: object = CALL, *, path: str = "/mcp", method: str = "POST", **headers: str
) -> tuple[int, dict[str, str]]:
    """The same, with what stands above its answer."""
    begun = (await sent_for(app, body, path=path, method=method, **headers))[0]
    return int(begun["status"]), {name.decode(): text.decode() for name, text in begun["headers"]}


async def sent_for(
    app: ASGIApp, body: object = CALL, *, path: str = "/mcp", method: str = "POST", **headers: str
) -> list[Message]:
    """All that is sent in answer."""
    sent = list[Message]()

    async def receive() -> Message:
        return {"type": "http.request", "body": body if isinstance(body, bytes) else json.dumps(body).encode()}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope: Scope = {
        "type": "http", "path": path, "method": method, "query_string": b"now", "headers": raw, "client": ("1.2.3.4", 5),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


def by_hand(app: ASGIApp, **settings: Any) -> tuple[Called, StandingClock]:
    hand = StandingClock(1000.0)
    return Called(Limits(app, TeamSettings(**settings), hand)), hand


async def test_ten_calls_a_second_may_be_begun_and_no_more_at_once_than_those() -> None:
    app, hand = by_hand(Waits())
    assert [await in_memory(app) for _ in range(12)] == [200] * 10 + [429] * 2
    hand.now += 0.1
    assert [await in_memory(app) for _ in range(2)] == [200, 429]
    hand.now += 3600
    assert [await in_memory(app) for _ in range(12)] == [200] * 10 + [429] * 2


@pytest.mark.parametrize(
    "body",
    [asked("initialize"), asked("tools/list"), {"jsonrpc": "2.0", "method": "notifications/initialized"}, b"no JSON", b"[" * 10**6, b"[1]"],
    ids=lambda body: str(body)[:40],
)  # fmt: skip
async def test_what_clients_say_beside_their_calls_has_room_of_its_own(body: object) -> None:
    app, _ = by_hand(Waits())
    assert [await in_memory(app, body) for _ in range(52)] == [200] * 50 + [429] * 2


async def test_a_call_is_known_by_its_header_or_by_its_body() -> None:
    app, _ = by_hand(Waits(), caller_calls_per_second=1)
    newest = {"mcp_protocol_version": "2026-07-28"}
    assert await in_memory(app, b"", mcp_method="tools/call", **newest) == 200
    assert await in_memory(app, CALL, mcp_method="tools/call", **newest) == 429
    assert await in_memory(app, CALL, mcp_method="tools/list") == 429  # older revisions do not look at this header
    assert await in_memory(app, json.dumps(CALL).replace("tools/call", "tools\\u002fcall").encode()) == 429
    assert await in_memory(app, asked("tools/list", name="tools/call")) == 200


async def test_each_caller_has_limits_of_their_own_and_of_those_who_are_gone_nothing_is_kept() -> None:
    hand = StandingClock(1000.0)
    inner = Limits(Waits(), TeamSettings(caller_calls_per_second=1), hand)
    app = Called(inner)
    for number in range(1000):
        assert await in_memory(app, x_name=f"caller {number}") == 200
    assert await in_memory(app, x_name="caller 7") == 429
    hand.now += FORGOTTEN_AFTER
    assert await in_memory(app, x_name="somebody") == 200
    assert len(inner.usages) == 1


LARGE = 3000


@pytest.mark.parametrize(
    ("sent", "how"),
    [(LARGE, "whole"), (LARGE, "in chunks"), (1024, "whole"), (1024, "in chunks")],
)
async def test_a_large_body_is_refused_before_it_is_read_where_it_says_so(sent: int, how: str) -> None:
    app = Waits()
    app.go_on.set()

    async def chunks() -> Any:
        for _ in range(0, sent, 8):
            yield b"x" * 8

    content = b"x" * sent if how == "whole" else chunks()
    async with served(limited(app, body_kilobytes=1)) as port, client() as http:
        answer = await http.post(f"http://{HOST}:{port}/mcp", content=content, headers=OLDER)
    if sent == LARGE:
        assert answer.status_code == 413
        assert "at most 1 kB here. Nothing was done. Send less at once." in answer.json()["error"]["message"]
        assert not app.came
    else:
        assert (answer.status_code, app.bodies) == (200, [b"x" * 1024])


async def test_the_bodies_of_one_caller_have_a_bound_together() -> None:
    app = Waits()
    whole: dict[str, Any] = {"content": b"x" * 1024, "headers": OLDER}
    async with served(limited(app, body_kilobytes=1)) as port, client() as http:
        address = f"http://{HOST}:{port}/mcp"
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(lambda: http.post(address, **whole))
            await until(lambda: app.came["anna"] == 4)
            refused = await http.post(address, **whole)
            other = await http.post(f"{address}?now", content=b"x" * 1024, headers={**OLDER, "X-Name": "ben"})
            app.go_on.set()
        again = await http.post(address, **whole)
    assert (refused.status_code, other.status_code, again.status_code) == (429, 200, 200)
    assert "4 kB" in refused.json()["error"]["message"]
    assert "once one of them has ended" in refused.json()["error"]["message"]


async def test_who_goes_while_a_body_is_read_leaves_nothing() -> None:
    app = Waits()
    inner = Limits(app, TeamSettings())
    async with served(Called(inner)) as port:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123")
        usage = inner.usages.of("token anna")
        await until(lambda: not usage.idle)
        writer.close()
        with anyio.fail_after(10):
            await until(lambda: usage.idle)
    assert not app.came


async def test_streams_are_counted_by_themselves() -> None:
    """A client listens as long as it runs: that takes no call from it, nor from the next window of the same person."""
    app, _ = by_hand(waits := Waits(), caller_calls=2)
    listen = {"mcp_method": "subscriptions/listen", "mcp_protocol_version": "2026-07-28"}

    async def listens(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "query_string": b""}, receive, send)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(lambda: in_memory(listens, **listen))
        await until(lambda: waits.came.total() == 2)
        assert await in_memory(app, **listen) == 429
        assert await in_memory(app, method="GET") == 429
        assert await in_memory(app) == 200
        waits.go_on.set()


async def silent(scope: Scope, _receive: Receive, _send: Send) -> None:
    if scope["type"] == "http":
        await anyio.sleep_forever()


async def half_an_answer(scope: Scope, _receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})
    await anyio.sleep_forever()


@pytest.mark.parametrize(("app", "status"), [(silent, 504), (half_an_answer, 200)])
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})])
async def test_no_request_lasts_longer_than_a_call_and_a_bit(app: ASGIApp, status: int) -> None:
    sent = await sent_for(limited(app))
    assert sent[0]["status"] == status
    assert not sent[-1].get("more_body", False)
    body = b"".join(one.get("body", b"") for one in sent).decode()
    assert "Look first whether it was done" in message_in(body)["error"]["message"]


async def test_an_answer_that_breaks_off_is_not_said_to_have_taken_too_long() -> None:
    async def breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    assert [one.get("body") for one in await sent_for(limited(breaks_off))] == [None, b"half"]


async def unauthorized(scope: Scope, _receive: Receive, send: Send) -> None:
    known = dict(scope["headers"]).get(b"authorization") == b"Bearer of somebody"
    challenge = [] if known else [(b"www-authenticate", b"Bearer realm")]
    await send({"type": "http.response.start", "status": 200 if known else 401, "headers": challenge})
    await send({"type": "http.response.body", "body": b"?"})


SENT_AWAY = {"www-authenticate": "Bearer realm"}
HUNG_UP = {**SENT_AWAY, "retry-after": "1", "connection": "close"}


async def test_a_flood_of_strangers_loses_its_connections_and_takes_the_challenge_from_nobody() -> None:
    """Behind a balancer all have one address: who tries tokens, whose token is over, and who has none yet."""
    hand = StandingClock(1000.0)
    app = Strangers(unauthorized, 5, hand)
    tried = [await headers_of(app, authorization=f"Bearer {number}") for number in range(7)]
    assert tried == [(401, SENT_AWAY)] * 5 + [(401, HUNG_UP)] * 2
    assert await headers_of(app, authorization="Bearer over since today") == (401, HUNG_UP)
    assert await headers_of(app, x_forwarded_for="9.9.9.9") == (401, HUNG_UP)
    assert await headers_of(app, authorization="Bearer of somebody") == (200, {})
    hand.now += 1
    assert await headers_of(app) == (401, SENT_AWAY)


async def test_who_is_let_in_is_not_counted_among_strangers() -> None:
    app = Strangers(unauthorized, 5, StandingClock(1000.0))
    assert {await in_memory(app, authorization="Bearer of somebody") for _ in range(20)} == {200}
    assert await headers_of(app) == (401, SENT_AWAY)


def test_strangers_of_many_addresses_cost_a_bounded_memory() -> None:
    app = Strangers(unauthorized, 5, StandingClock(1000.0))
    for number in range(limits.MOST_ADDRESSES + 500):
        address = (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1)
        app._ending({"client": address, "headers": []})
    assert len(app._usages) <= limits.MOST_ADDRESSES + 1


def test_an_address_of_the_newer_kind_counts_with_its_network() -> None:
    app = Strangers(unauthorized, 5, StandingClock(1000.0))

    def named(address: str) -> str:
        return app._named({"client": (address, 1), "headers": []})

    assert named("2001:db8:1:2:3:4:5:6") == named("2001:db8:1:2:9:9:9:9")
    assert named("2001:db8:1:3:3:4:5:6") != named("2001:db8:1:2:9:9:9:9")


def test_what_one_has_is_forgotten_only_when_it_is_whole_again() -> None:
    hand = StandingClock(1000.0)
    usages = Usages(10, 5, hand)
    usages.of("anna").under_way[False] += 1
    usages.of("ben")
    hand.now += 2 * FORGOTTEN_AFTER
    usages.of("carl")
    assert len(usages) == 2


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_reads_why_and_when(mode: Any) -> None:
    app = whole_application(team=True, caller_calls_per_second=1)
    async with served(app) as port, official_client(f"http://{HOST}:{port}/mcp", mode=mode) as one:
        await one.call_tool("get_user_stats", {})
        with pytest.raises(MCPError, match="You began 1 calls within a second") as refused:
            await one.call_tool("get_user_stats", {})
        assert refused.value.error.data == {"retry_after": 1}


async def test_one_person_on_loopback_has_no_limits() -> None:
    headers, call = modern("tools/call", name="list_collections", arguments={"limit": 1})
    async with served(whole_application(caller_calls_per_second=1)) as port, client() as http:
        answers = [await http.post(f"http://{HOST}:{port}/mcp", json=call, headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [200] * 3
