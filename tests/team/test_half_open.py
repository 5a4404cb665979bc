"""Connections that never finish a request: each ends, and none keeps a client out."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.team import serving
from tests.commands.processes import Run

HOST = "127.0.0.1"
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


@asynccontextmanager
async def served(app: Any = reads_all, **limits: Any) -> AsyncIterator[int]:
    """The port of a server of this process that has little patience."""
    with closing(socket.create_server((HOST, 0))) as listener:
        server = uvicorn.Server(serving.configured(app, HOST, 0, "critical", **limits))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield int(listener.getsockname()[1])
            server.should_exit = True


QUICK = serving.Patience(request=0.2, keep_alive=1, unfinished=20)


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

    async with served(patience=QUICK) as port:
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


async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes longer over its answer than anybody is given for a request."""
    if scope["type"] == "http":
        await receive()
        await anyio.sleep(3 * QUICK.request)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await anyio.sleep(3 * QUICK.request)
        await send({"type": "http.response.body", "body": b" and last"})


async def test_an_answer_may_take_as_long_as_it_takes() -> None:
    async with served(slowly, patience=QUICK) as port, httpx2.AsyncClient(timeout=30) as http:
        for _ in range(2):
            assert (await http.post(f"http://{HOST}:{port}/", content=b"x" * 1000)).text == "first and last"


async def test_the_oldest_unfinished_one_makes_room() -> None:
    patient = serving.Patience(request=60.0, keep_alive=1, unfinished=20)
    async with served(patience=patient) as port:
        first, one = await asyncio.open_connection(HOST, port)
        others = [await asyncio.open_connection(HOST, port) for _ in range(20)]
        with anyio.fail_after(5):
            await until_closed(first)
            async with httpx2.AsyncClient() as http:
                assert (await http.get(f"http://{HOST}:{port}/")).text == "ok"
        for writer in (one, *(other for _, other in others)):
            writer.close()


HELLO: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
ACCEPTED = {"Accept": "application/json, text/event-stream"}


async def test_a_session_that_nobody_uses_is_dropped(session_app: Callable[..., Awaitable[Any]]) -> None:
    app = await session_app(idle=0.2)
    async with served(app, patience=QUICK) as port, httpx2.AsyncClient() as http:
        address = f"http://{HOST}:{port}/mcp"
        session = (await http.post(address, json=HELLO, headers=ACCEPTED)).headers["mcp-session-id"]
        asks = {**ACCEPTED, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25"}
        statuses = list[int]()
        for pause in (0.0, 1.0):  # each request gives it its whole time again
            await anyio.sleep(pause)
            statuses.append((await http.post(address, json=PING, headers=asks)).status_code)
    assert statuses == [200, 404]


@pytest.fixture
def session_app() -> Callable[..., Awaitable[Any]]:
    async def made(idle: float) -> Any:
        from flipsnack_mcp.commands.connecting import connect  # noqa: PLC0415
        from flipsnack_mcp.server.server import build_server  # noqa: PLC0415
        from flipsnack_mcp.settings import Settings  # noqa: PLC0415

        return serving.application(build_server(Settings(sandbox=True), connect), HOST, idle)

    return made


def test_nine_hundred_half_open_requests_keep_nobody_out(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    with run.served(tmp_path_factory.mktemp("uploads")) as address:
        port = int(address.rpartition(":")[2].partition("/")[0])
        kinds = list(UNFINISHED.values())
        opened = [socket.create_connection((HOST, port), timeout=30) for _ in range(900)]
        try:
            for number, one in enumerate(opened):
                one.sendall(kinds[number % len(kinds)])
            for _ in range(3):
                answer = httpx2.post(address, json=HELLO, headers=ACCEPTED, timeout=30)
                assert answer.status_code == 200
                assert "protocolVersion" in json.dumps(answer.text)
            ended = sum(has_ended(one) for one in opened)
        finally:
            for one in opened:
                one.close()
    assert ended >= 900 - serving.USUAL_PATIENCE.unfinished - len(kinds)


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
