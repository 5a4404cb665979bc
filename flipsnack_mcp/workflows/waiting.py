"""Waiting for Flipsnack, for a bounded time: polls at growing intervals, each of them told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Generic, TypeVar

import anyio

from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.errors import (
    MaintenanceError,
    OutOfTimeError,
    RateLimitedError,
    UnreachableError,
    UnreadableAnswerError,
)
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.progress import polled

INTERVALS = (2.0, 3.0, 5.0, 8.0, 10.0)
PASSING = (MaintenanceError, OutOfTimeError, RateLimitedError, UnreachableError, UnreadableAnswerError)
"""What ends a wait with the state so far. It was asked several times by then."""
LATE = 5.0
"""Seconds a poll may go beyond the time to wait."""
SPARE = 1.0
"""Seconds a call keeps for its own answer."""

SeenT = TypeVar("SeenT")


@dataclass(frozen=True)
class Watched(Generic[SeenT]):
    """The last look, and what was seen when."""

    last: SeenT
    states: tuple[str, ...]


@dataclass(frozen=True)
class Watch(Generic[SeenT]):
    """What is looked at, and how to read it."""

    name: str
    look: Callable[[Errand, Lane], Awaitable[SeenT]]
    state: Callable[[SeenT], str]

    def pending(self, seen: SeenT) -> bool:
        """Whether it can still come to an end by itself."""
        return self.state(seen) == "processing"

    async def until_settled(self, errand: Errand, seconds: float, first: SeenT | None = None) -> Watched[SeenT]:
        """Look until it is no longer processing, or the time is up. Cancelling stops it at once."""
        start = anyio.current_time()
        end = min(start + seconds, errand.deadline - SPARE)
        seen = await self.look(errand, Lane.INTERACTIVE) if first is None else first
        states = [f"{self.state(seen)} after 0 s"]
        for interval in chain(INTERVALS, repeat(INTERVALS[-1])):
            now = anyio.current_time()
            if not self.pending(seen) or now >= end:
                return Watched(seen, tuple(states))
            await errand.tell(polled(self.name, self.state(seen), now - start, len(states)))
            await anyio.sleep(min(interval, end - now))
            try:
                seen = await self.look(errand.within(end + LATE - anyio.current_time()), Lane.BACKGROUND)
            except PASSING as error:
                states.append(f"no answer after {anyio.current_time() - start:.0f} s: {error.happened}")
                return Watched(seen, tuple(states))
            states.append(f"{self.state(seen)} after {anyio.current_time() - start:.0f} s")
        raise AssertionError  # the intervals never end
