"""A line to a Redis server on which requests and answers get lost, and a server that gives one answer to everything."""

import asyncio
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import ByteStream

from tests.redis_server import RedisServer


@dataclass
class LineToRedis:
    """What goes over it, and what is done to it."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    """Each request, as it was sent."""
    lose_request: Callable[[bytes], bool] = lambda _: False
    """Which requests never arrive; the line is cut with them."""
    lose_answer: Callable[[bytes], bool] = lambda _: False
    """Which requests are carried out without anybody being told; the line is cut as well."""

    @property
    def scripts(self) -> int:
        """How many times a script was asked for."""
        return sum(b"EVAL" in one for one in self.asked)


@asynccontextmanager
async def line_to(server: RedisServer, prefix: str = "line") -> AsyncIterator[LineToRedis]:
    """Another address of a server, over which each request goes as one piece."""
    line = LineToRedis()

    async def carry(near: ByteStream) -> None:
        lost = False

        def meets_request(request: bytes) -> bool:
            nonlocal lost
            line.asked.append(request)
            lost = lost or line.lose_answer(request)
            return not line.lose_request(request)

        await carried(near, server, meets_request, lambda _: not lost)

    async with served(carry) as path:
        line.url = f"unix://{path}?db=0&prefix={prefix}"
        yield line


@asynccontextmanager
async def tls_to(server: RedisServer, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port of this machine where a server is reached by TLS, whether or not it was built with that."""

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(1 << 16):
                target.write(piece)
                await target.drain()
        target.close()

    async def carry(near: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        far, requests = await asyncio.open_unix_connection(str(server.socket_path))
        await asyncio.gather(pump(near, requests), pump(far, answers))

    listener = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def carried(
    near: ByteStream, server: RedisServer, there: Callable[[bytes], bool], back: Callable[[bytes], bool]
) -> None:
    """Carry bytes both ways as long as what meets them agrees; then both ends are cut."""

    async def pump(source: ByteStream, target: ByteStream, agrees: Callable[[bytes], bool]) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while agrees(piece := await source.receive()):
                await target.send(piece)
        group.cancel_scope.cancel()

    async with near, await anyio.connect_unix(str(server.socket_path)) as far, anyio.create_task_group() as group:
        group.start_soon(pump, near, far, there)
        group.start_soon(pump, far, near, back)


COMMAND = re.compile(rb"\*\d+\r\n")


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """The address of a server that says this to every command; several may come in one piece, as Python 3.12 sends them."""

    async def say(near: ByteStream) -> None:
        async with near:
            try:
                while True:
                    await near.send(answer * len(COMMAND.findall(await near.receive())))
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    async with served(say) as path:
        yield f"unix://{path}?db=0"


@asynccontextmanager
async def served(handler: Callable[[ByteStream], Awaitable[None]]) -> AsyncIterator[Path]:
    async with AsyncExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="line-", dir="/tmp"))) / "s"
        group = await stack.enter_async_context(anyio.create_task_group())
        listener = await stack.enter_async_context(await anyio.create_unix_listener(path))
        group.start_soon(listener.serve, handler)
        yield path
        group.cancel_scope.cancel()
