"""A line to a Redis server on which requests and answers get lost, and a server that gives one answer to everything."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import SocketStream

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

    async def carry(near: SocketStream) -> None:
        async with near, await anyio.connect_unix(str(server.socket_path)) as far:
            while True:
                try:
                    request = await near.receive()
                    line.asked.append(request)
                    if line.lose_request(request):
                        return
                    await far.send(request)
                    answer = await far.receive()
                    if line.lose_answer(request):
                        return
                    await near.send(answer)
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return

    async with served(carry) as path:
        line.url = f"unix://{path}?db=0&prefix={prefix}"
        yield line


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """The address of a server that says this to everything."""

    async def say(near: SocketStream) -> None:
        async with near:
            try:
                while True:
                    await near.receive()
                    await near.send(answer)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    async with served(say) as path:
        yield f"unix://{path}?db=0"


@asynccontextmanager
async def served(handler: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[Path]:
    async with AsyncExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="line-", dir="/tmp"))) / "s"
        group = await stack.enter_async_context(anyio.create_task_group())
        listener = await stack.enter_async_context(await anyio.create_unix_listener(path))
        group.start_soon(listener.serve, handler)
        yield path
        group.cancel_scope.cancel()
