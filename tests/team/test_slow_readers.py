"""Who reads an answer slowly or not at all: it costs a bounded memory, and ends; whoever reads on gets all of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.team.connections import Patience
from tests.team.over_http import HOST, served

QUICK = Patience(request=5.0, keep_alive=1, unfinished=20, answer=0.3)
ASKED = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PIECE = b"x" * 20_000
MANY = 1000


class Answers:
    """An application that answers at length, in one piece or in many, and remembers how far it came."""

    def __init__(self) -> None:
        self.sent, self.over = 0, anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/once":
            await send({"type": "http.response.body", "body": PIECE * MANY})
            self.sent = MANY
        else:
            await self.stream(receive, send)
        self.over.set()

    async def stream(self, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def until_gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(until_gone)
            for _ in range(MANY):
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                self.sent += 1
                await anyio.lowlevel.checkpoint()  # where the connection is gone, sending waits for nothing
            await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()


@asynccontextmanager
async def reading_little(app: Answers, asked: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A client whose system takes little at a time for it."""
    async with served(app, patience=QUICK) as port:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.setblocking(False)  # noqa: FBT003 - as it is called
        await asyncio.get_running_loop().sock_connect(one, (HOST, port))
        reader, writer = await asyncio.open_connection(sock=one, limit=1)
        writer.write(ASKED % asked)
        try:
            yield reader
        finally:
            writer.close()


async def test_an_answer_in_pieces_that_nobody_takes_is_not_made_and_ends() -> None:
    app = Answers()
    async with reading_little(app, b"pieces"):
        with anyio.fail_after(20):
            await app.over.wait()
    assert app.sent < MANY / 2  # what the system holds for both sides, and no more


async def test_a_whole_answer_that_nobody_takes_is_let_go() -> None:
    app = Answers()
    async with reading_little(app, b"once") as reader:
        with anyio.fail_after(20):
            await app.over.wait()
            await anyio.sleep(2 * QUICK.answer)  # it is not read meanwhile
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(MANY * len(PIECE))


@pytest.mark.parametrize("asked", [b"pieces", b"once"])
async def test_an_answer_that_is_read_on_and_on_comes_to_its_end(asked: bytes) -> None:
    app, read = Answers(), 0
    async with reading_little(app, asked) as reader:
        with anyio.fail_after(60):
            while read < MANY * len(PIECE):
                came = await reader.read(1_000_000)
                assert came, "it was cut"
                read += len(came)
    assert app.sent == MANY
