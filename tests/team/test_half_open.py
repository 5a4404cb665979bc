"""Connections that never finish a request: each ends, and none keeps a client out."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.team.connections import USUAL_PATIENCE, Patience
from tests.commands.processes import Run
from tests.listening import NO_TLS
from tests.team.over_http import ACCEPTED, HELLO, HOST, OLDER, PING, served, whole_application
from tests.virtual_clock import VirtualLoop

LINE, HOST_LINE = b"POST /mcp HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n"
HEAD = LINE + HOST_LINE + b"Content-Type: application/json\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

# What a client sends before it falls silent.
UNFINISHED = {
    "nothing": b"",
    "one letter": b"P",
    "half a request line": b"POST /mc",
    "a request line": LINE,
    "half a header": LINE + b"Host: 127.0",
    "headers without an end": HEAD,
    "headers but for the last letter": HEAD + b"\r",
    "an announced body that never comes": HEAD + b"Content-Length: 100\r\n\r\n",
    "half of a body": HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 50,
    "a body but for its last letter": HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 99,
    "chunks that never begin": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "a chunk without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a chunk but for its last letter": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "a body that waits to be wanted": HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "one letter of a second request": WHOLE + b"G",
    "half of a second request": WHOLE + LINE + HOST_LINE,
    "a second request without its body": WHOLE + HEAD + b"Content-Length: 10\r\n\r\n",
    "empty lines": b"\r\n" * 3,
}


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers once the whole request is there."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        if message["type"] == "http.disconnect":
            return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


QUICK = Patience(request=0.2, keep_alive=1, unfinished=20)


async def until_closed(reader: asyncio.StreamReader) -> None:
    """Read what comes until the other side hangs up, or ends it."""
    try:
        await reader.read()
    except ConnectionError:
        return


async def never_ended(sent: Mapping[str, bytes], then: bytes = b"") -> list[str]:
    """Who of these, all connected at the same time, is still connected long after; some go on letter by letter."""
    waiting = list(sent)

    async def one(name: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(sent[name])
        async with anyio.create_task_group() as group:
            group.start_soon(drip, writer, then)
            await until_closed(reader)
            group.cancel_scope.cancel()
        waiting.remove(name)
        writer.close()

    async with served(reads_all, patience=QUICK) as port:
        with anyio.move_on_after(10):
            async with anyio.create_task_group() as group:
                for name in sent:
                    group.start_soon(one, name, port)
    return waiting


async def drip(writer: asyncio.StreamWriter, letter: bytes) -> None:
    while letter and not writer.is_closing():
        writer.write(letter)
        await anyio.sleep(0.02)


async def test_an_unfinished_request_is_ended() -> None:
    assert len(UNFINISHED) < QUICK.unfinished, "none is to end because others need its room"
    assert await never_ended(UNFINISHED) == []


async def test_a_request_that_drips_is_ended_as_well() -> None:
    """It is given a time as a whole: each letter does not begin it anew."""
    dripping = {"head": LINE + b"X-A: ", "body": HEAD + b"Content-Length: 100000\r\n\r\n", "all": b""}
    assert await never_ended(dripping, b"a") == []


async def test_a_body_without_end_is_not_read_for_ever_after_its_answer_however_fast_it_comes() -> None:
    async with served(Wants(), patience=QUICK) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        assert b"401" in await reader.readline()
        with anyio.fail_after(30), pytest.raises(ConnectionError):
            await chunks_without_end(writer)
        writer.close()


async def chunks_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()
        await anyio.lowlevel.checkpoint()


async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes longer over its answer than anybody is given for a request."""
    if scope["type"] == "http":
        await receive()
        await anyio.sleep(1.5 * QUICK.request)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await anyio.sleep(1.5 * QUICK.request)
        await send({"type": "http.response.body", "body": b" and last"})


async def test_an_answer_may_take_as_long_as_it_takes() -> None:
    async with served(slowly, patience=QUICK) as port, httpx2.AsyncClient(timeout=30, verify=NO_TLS) as http:
        for _ in range(2):
            assert (await http.post(f"http://{HOST}:{port}/", content=b"x" * 1000)).text == "first and last"


@pytest.mark.parametrize("sent", [b"", HEAD + b"Content-Length: 2\r\n\r\n1"], ids=["heads", "bodies"])
async def test_the_oldest_unfinished_one_makes_room(sent: bytes) -> None:
    patient = Patience(request=60.0, keep_alive=1, unfinished=20, settling=0)
    async with served(reads_all, patience=patient) as port:
        first, one = await asyncio.open_connection(HOST, port)
        one.write(sent)
        others = [await asyncio.open_connection(HOST, port) for _ in range(20)]
        for _, other in others:
            other.write(sent)
        with anyio.fail_after(5):
            await until_closed(first)
            async with httpx2.AsyncClient(verify=NO_TLS) as http:
                assert (await http.get(f"http://{HOST}:{port}/")).text == "ok"
        for writer in (one, *(other for _, other in others)):
            writer.close()


class Wants:
    """An application that reads what is sent to /wanted, and turns everything else away by its head."""

    def __init__(self) -> None:
        self.whole = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/wanted":
            await reads_all(scope, receive, send)
            self.whole += 1
        else:
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


async def test_those_who_are_turned_away_or_silent_take_no_room_from_a_body_that_is_wanted() -> None:
    app, patient = Wants(), Patience(request=60.0, keep_alive=60, unfinished=20, settling=0)
    async with served(app, patience=patient) as port:
        wanted, one = await asyncio.open_connection(HOST, port)
        one.write(HEAD.replace(b"/mcp", b"/wanted") + b"Content-Length: 2\r\n\r\n1")
        others = [await asyncio.open_connection(HOST, port) for _ in range(60)]
        for number, (_, other) in enumerate(others):
            other.write(HEAD + b"Content-Length: 100\r\n\r\n" if number % 2 else b"PO")
        with anyio.fail_after(10):
            await until_closed(others[0][0])
            one.write(b"2")
            assert b"200 OK" in await wanted.readline()
        for writer in (one, *(other for _, other in others)):
            writer.close()
    assert app.whole == 1


async def test_a_large_body_has_as_much_time_as_it_needs_where_it_comes_fast_enough() -> None:
    slow, piece = Patience(request=0.3, keep_alive=1, unfinished=20), b"x" * 10_000
    async with served(reads_all, patience=slow) as port, httpx2.AsyncClient(timeout=30, verify=NO_TLS) as http:

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(4):
                yield piece
                await anyio.sleep(0.15)

        assert (await http.post(f"http://{HOST}:{port}/", content=pieces())).text == "ok"


async def test_connections_between_two_requests_are_kept_for_a_balancer_and_keep_nobody_out() -> None:
    """As nginx keeps them: none is ended because others have not begun, and of too many the longest unused makes room."""
    patient = Patience(request=60.0, keep_alive=60, unfinished=5, idle=10, settling=0)
    async with served(reads_all, patience=patient) as port:
        kept = list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
        for _ in range(11):
            kept.append(await asyncio.open_connection(HOST, port))
            await asked_for_ok(*kept[-1])
        silent = [await asyncio.open_connection(HOST, port) for _ in range(10)]
        with anyio.fail_after(10):
            for reader, _ in silent[: -patient.unfinished]:
                await until_closed(reader)
            await until_closed(kept[0][0])
            for reader, writer in kept[1:]:
                await asked_for_ok(reader, writer)
        for _, writer in (*kept, *silent):
            writer.close()


async def asked_for_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})])
async def test_a_session_that_nobody_uses_is_dropped() -> None:
    app = whole_application(idle=60.0)
    transport = httpx2.ASGITransport(app=app)
    async with living(app), httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
        session = (await http.post("/mcp", json=HELLO, headers=ACCEPTED)).headers["mcp-session-id"]
        asks = {**ACCEPTED, "mcp-session-id": session, "mcp-protocol-version": OLDER}
        statuses = list[int]()
        for pause in (50.0, 50.0, 70.0):  # each request gives it its whole time again
            await anyio.sleep(pause)
            statuses.append((await http.post("/mcp", json=PING, headers=asks)).status_code)
    assert statuses == [200, 200, 404]


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[None]:
    """An application from its start to its end, as a server over HTTP says both to it."""
    said, heard = anyio.create_memory_object_stream[dict[str, str]](2)
    ready = anyio.Event()

    async def answered(message: Mapping[str, Any]) -> None:
        assert not message["type"].endswith("failed"), message
        ready.set()

    async with said, heard, anyio.create_task_group() as group:
        group.start_soon(app, {"type": "lifespan", "state": {}}, heard.receive, answered)
        await said.send({"type": "lifespan.startup"})
        await ready.wait()
        yield
        await said.send({"type": "lifespan.shutdown"})


def test_hundreds_of_half_open_requests_keep_nobody_out(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    with run.served(tmp_path_factory.mktemp("uploads")) as address:
        port = int(address.rpartition(":")[2].partition("/")[0])
        kinds = list(UNFINISHED.values())
        opened = [socket.create_connection((HOST, port), timeout=30) for _ in range(900)]
        try:
            for number, one in enumerate(opened):
                one.sendall(kinds[number % len(kinds)])
            for _ in range(3):
                answer = httpx2.post(address, json=HELLO, headers=ACCEPTED, timeout=30, verify=NO_TLS)
                assert answer.status_code == 200
                assert "protocolVersion" in json.dumps(answer.text)
            left = 2 * USUAL_PATIENCE.unfinished + len(kinds)  # heads and bodies, and what was ended with an answer
            while sum(map(has_ended, opened)) < len(opened) - left:  # whoever comes later makes them go
                assert httpx2.post(address, json=HELLO, headers=ACCEPTED, timeout=30, verify=NO_TLS).status_code == 200
        finally:
            for one in opened:
                one.close()


async def test_hundreds_who_come_at_once_are_all_answered() -> None:
    """They are connected before the first of them is read."""
    patient = Patience(request=60.0, keep_alive=1, unfinished=20)
    async with served(reads_all, patience=patient) as port:
        opened = [socket.create_connection((HOST, port)) for _ in range(100)]
        for one in opened:
            one.sendall(WHOLE)
        readers = [await asyncio.open_connection(sock=one) for one in opened]
        for reader, writer in readers:
            assert await reader.readuntil(b"ok")
            writer.close()


def has_ended(one: socket.socket) -> bool:
    """Whether the other side has hung up, by what is there to be read without waiting."""
    one.settimeout(0)
    try:
        while one.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
