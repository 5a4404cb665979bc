"""A client, the line it asks over, and documents to send: what the tests of `api` and `workflows` stand on."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import httpx2
import pytest
from httpx2._transports import asgi
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.counting.settled_calls import BudgetStore
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.samples_of import meaning

KEY, SECRET = "45FD-267-7SG7832", "123ABCDE-456-7890-FGH"
ErrorT = TypeVar("ErrorT", bound=FlipsnackError)
PDF = b"%PDF-1.7\n<< /Type /Page >>\n<< /Type /Page >>\n%%EOF\n"


class Clock:
    """Today's date, moved on by the virtual loop: `create_once` compares Flipsnack's dates with the real time."""

    def __init__(self) -> None:
        self.start = time.time() - anyio.current_time()

    def __call__(self) -> float:
        return self.start + anyio.current_time()


def unlimited(
    clock: Callable[[], float] | None = None, *, account: str = "small", inclusive_to: bool = False, **pace: float
) -> Sandbox:
    """A sandbox with the limits of no key; call it inside the loop."""
    slow: dict[str, Any] = {"calls_per_second": 0, "calls_per_minute": 0, **pace}
    given: dict[str, Any] = {"account": account, "inclusive_to": inclusive_to}
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock or Clock(), pace=Pace(**slow), **given)


class Outgoing(httpx2.AsyncByteStream):
    """A body that says when all of it was sent."""

    def __init__(self, inner: httpx2.AsyncByteStream, sent: Callable[[], None]) -> None:
        self._inner, self._sent = inner, sent

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece
        self._sent()


asgi.create_event = asyncio.Event  # or it looks for trio on the disk at each request


class Line(httpx2.AsyncBaseTransport):
    """To an application in memory, with a socket's read timeout and the look of a connection that is dropped."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx2.ASGITransport(app=app)

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with anyio.CancelScope() as patience:

            def wait_for_the_answer() -> None:
                patience.deadline = anyio.current_time() + request.extensions["timeout"]["read"]

            if request.method == "POST":
                assert isinstance(request.stream, httpx2.AsyncByteStream)
                request.stream = Outgoing(request.stream, wait_for_the_answer)
            else:
                wait_for_the_answer()
            try:
                return await self._inner.handle_async_request(request)
            except ConnectionResetError:
                raise httpx2.ReadError("connection reset by peer", request=request) from None
        raise httpx2.ReadTimeout("no answer", request=request)


Failure = Callable[..., Exception]
"""Makes the error of a connection from its text and the request."""


def bad_tls(text: str, *, request: httpx2.Request) -> ssl.SSLError:  # noqa: ARG001 - a Failure
    """What a damaged record raises: httpx maps it to none of its own errors."""
    return ssl.SSLError(text)


class Unplugged(Line):
    """Lets the first requests through, then raises an error a few times instead of sending anything."""

    def __init__(self, app: ASGIApp, error: Failure, times: int, first: int = 0) -> None:
        super().__init__(app)
        self._error, self._first, self.left, self.tried = error, first, times, 0

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.tried += 1
        if self.left and self.tried > self._first:
            self.left -= 1
            raise self._error(f"no way to {request.url}", request=request)
        return await super().handle_async_request(request)


def asking(app: ASGIApp, access: Access | None = None, budget: BudgetStore | None = None) -> Flipsnack:
    """A client of an application, with a request budget of its own or a shared one."""
    return over(lambda: Line(app), access, budget)


def over(
    line: Callable[[], httpx2.AsyncBaseTransport], access: Access | None = None, budget: BudgetStore | None = None
) -> Flipsnack:
    return Flipsnack(access or Access(KEY, SECRET), Pacer(budget or BudgetInMemory()), line)


@dataclass
class Recorder:
    """An application that writes down what arrives and answers the bodies it was given, the last one for ever."""

    bodies: list[bytes] = field(default_factory=lambda: [b'{"code": 20, "status": "OK"}'])
    seen: list[tuple[Request, bytes]] = field(default_factory=list)
    status: int = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seen.append((request, await request.body()))
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        await Response(body, self.status, media_type="application/json")(scope, receive, send)


@dataclass
class Paper:
    """A document in memory."""

    content: bytes = PDF
    name: str = "offers.pdf"
    content_type: str = "application/pdf"
    fails: Exception | None = None
    reads: int = 0
    piece: int = 16

    @property
    def size(self) -> int:
        return len(self.content)

    async def pieces(self) -> AsyncIterator[bytes]:
        self.reads += 1
        for start in range(0, len(self.content), self.piece):
            await anyio.lowlevel.checkpoint()
            yield self.content[start : start + self.piece]
            if self.fails is not None:
                raise self.fails


async def error_of(sending: Awaitable[object], kind: type[ErrorT]) -> ErrorT:
    """What sending ends with; it may end with nothing else."""
    with pytest.raises(kind) as caught:
        await sending
    return caught.value


def each(name: str, rows: Mapping[str, object]) -> pytest.MarkDecorator:
    """A test for each row, under its name."""
    return pytest.mark.parametrize(name, rows.values(), ids=rows.keys())


every_action = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.api_name) for kind in ACTIONS])


def sampled(kind: type[Action[Any]]) -> Action[Any]:
    """The action that asks what the documented request asks."""
    return kind.model_validate(meaning(kind.api_name).sample.arguments)
