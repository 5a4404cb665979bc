"""How a server ends that others stand beside: it says so, goes on for a while, is reached no more, and waits for its calls.

Uvicorn alone waits for answers that are under way, but what the SDK streams to older clients is cut by its library for
such streams as soon as uvicorn means to exit. So that comes last, when everything is answered.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.server.request import TIME_OF_A_CALL
from flipsnack_mcp.team.heads import is_stream, opens_session
from flipsnack_mcp.team.refusing import TurnedAway

ENDING = TurnedAway(
    503, "This server is ending. Nothing was done: send it again, and another one answers.", 1, closes=True
)
CLOSE = (b"connection", b"close")


@dataclass
class Ending:
    """The end of one server, and what it waits for."""

    notice: float
    """Seconds for which it goes on after it was told to end, so that balancers notice."""
    now: Callable[[], float] = time.monotonic
    begun_at: float | None = None
    calls: int = 0
    """Requests that are being answered, but for streams."""
    streams: set[anyio.CancelScope] = field(default_factory=set)
    """Answers that have no end of their own: who listens for what the server says by itself."""

    def begin(self) -> None:
        """Say so from now on. It may be called in the middle of anything, by a signal."""
        self.begun_at = self.now() if self.begun_at is None else self.begun_at

    @property
    def begun(self) -> bool:
        """Whether it was told to end."""
        return self.begun_at is not None

    @property
    def closed(self) -> bool:
        """Whether it can be reached no more."""
        return self.begun_at is not None and self.now() >= self.begun_at + self.notice

    @property
    def over(self) -> bool:
        """Whether nothing is waited for any more: all is answered, or a call has had its whole time since."""
        if self.begun_at is None or not self.closed:
            return False
        return not self.calls or self.now() >= self.begun_at + self.notice + TIME_OF_A_CALL

    def end_streams(self) -> None:
        """Let those who listen go, who come back to another server."""
        for one in self.streams:
            one.cancel()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What is waited for."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    @contextmanager
    def listening(self) -> Iterator[anyio.CancelScope]:
        """What is not waited for, but ended."""
        with anyio.CancelScope() as scope:
            self.streams.add(scope)
            try:
                yield scope
            finally:
                self.streams.discard(scope)


@dataclass(frozen=True)
class UnderWay:
    """An application of which the end knows what it still answers."""

    app: ASGIApp
    ending: Ending
    keeps_sessions: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if self._comes_too_late(scope):
            return await ENDING.tell(send)
        if is_stream(scope):
            return await self._streamed(scope, receive, send)
        with self.ending.counted():
            return await self.app(scope, receive, self._last(send))

    def _comes_too_late(self, scope: Scope) -> bool:
        """Whether it could not bring to an end what a request begins. A call on a connection that is left is answered."""
        return self.ending.begun and (is_stream(scope) or (self.keeps_sessions and opens_session(scope)))

    def _last(self, send: Send) -> Send:
        """An answer with which its connection ends, once the end has begun: the next request finds another server."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and self.ending.begun:
                kept = [one for one in message.get("headers", ()) if one[0].lower() != CLOSE[0]]
                message = {**message, "headers": [*kept, CLOSE]}
            await send(message)

        return sent

    async def _streamed(self, scope: Scope, receive: Receive, send: Send) -> None:
        await streamed_within(self.ending.listening(), partial(self.app, scope, receive), send)


@dataclass
class AnswerSeen:
    """What takes an answer on its way, and knows how far it is."""

    send: Send
    begun: bool = False
    whole: bool = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        self.whole = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self.send(message)


async def streamed_within(
    listening: AbstractContextManager[anyio.CancelScope], answer: Callable[[Send], Awaitable[None]], send: Send
) -> None:
    """An answer that has no end of its own; where its scope is cancelled it ends as any does."""
    seen = AnswerSeen(send)
    with listening as listened:
        await answer(seen)
    if listened.cancelled_caught and seen.begun and not seen.whole:
        await send({"type": "http.response.body", "body": b""})
