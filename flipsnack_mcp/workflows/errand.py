"""One call of a person while it lasts: whom to ask, until when, and where to tell how it goes."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Self

import anyio

from flipsnack_mcp.api.action import Action, ResultT_co
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.client import Flipsnack, Terms
from flipsnack_mcp.api.upload import Document, Sent

Tell = Callable[[str], Awaitable[None]]
TIME_TO_LOOK = 6.0
WORTH_TELLING, TELL_AGAIN = 2.0, 5.0


async def silent(message: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Errand:
    """Asks Flipsnack on behalf of one call."""

    flipsnack: Flipsnack
    deadline: float = math.inf
    """On anyio's clock."""
    tell: Tell = silent
    sent: Sent | None = None
    """Told about every piece of a document, where somebody else than `tell` wants to know."""
    lane: Lane = Lane.INTERACTIVE
    """Of all that it sends; a single request can only step further back."""

    async def send(
        self, action: Action[ResultT_co], document: Document | None = None, lane: Lane = Lane.INTERACTIVE
    ) -> ResultT_co:
        """Carry out one action within this call's time, telling about every wait and about bytes on their way."""
        waits, sent = Waiting(self.tell), self.sent or Throttled(self.tell, "upload")
        return await self.flipsnack.send(action, document, Terms(max(lane, self.lane), self.deadline, waits, sent))

    def within(self, seconds: float) -> Self:
        """The same errand for a question that must not take longer."""
        return replace(self, deadline=min(self.deadline, anyio.current_time() + seconds))

    @property
    def leaving_time(self) -> Self:
        """The same errand for a change, ending early enough to look what came of it when its answer is lost."""
        return replace(self, deadline=self.deadline - TIME_TO_LOOK)


class Waiting:
    """Told when a wait is worth telling, and then now and again while it lasts."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._next = tell, 0.0

    async def __call__(self, why: str, seconds: float) -> None:
        now = anyio.current_time()
        if seconds < WORTH_TELLING or now < self._next:
            return
        self._next = now + TELL_AGAIN
        await self._tell(f"next call in about {seconds:.0f} s: {why}")


class Throttled:
    """Bytes told at most once a second: a transfer has thousands of pieces."""

    def __init__(self, tell: Tell, what: str) -> None:
        self._tell, self._what, self._next = tell, what, 0.0

    async def __call__(self, done: int, total: int | None) -> None:
        now = anyio.current_time()
        if now < self._next and done != total:
            return
        self._next = now + 1.0
        of = f" of {size_of(total)}, {100 * done // total} %" if total else ""
        await self._tell(f"{self._what}: {size_of(done)}{of}")


def size_of(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1024**2:.1f} MB" if size >= 1024**2 else f"{size / 1024:.1f} KB"
