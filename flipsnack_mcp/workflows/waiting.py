"""Waiting for Flipsnack, for a bounded time: polls at growing intervals, each of them told.

Conversions that are waited for at the same time need one look at the list instead of many, where that tells enough.
The list says nothing of a conversion, but has a cover, which is made from a converted page 1. So a collection that was
converting and still has none needs no look of its own; one that has a cover, or is not on the list, does.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Generic, TypeVar

import anyio

from flipsnack_mcp.api import Lane, errors
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import newest
from flipsnack_mcp.workflows.progress import duration, polled

INTERVALS = (2.0, 3.0, 5.0, 8.0, 10.0)
PASSING = (
    errors.MaintenanceError,
    errors.OutOfTimeError,
    errors.RateLimitedError,
    errors.UnreachableError,
    errors.UnreadableAnswerError,
)
"""What ends a wait with the state so far. It was asked several times by then."""
LATE = 5.0
"""Seconds a poll may go beyond the time to wait."""
MANY = 3
"""From so many on it is worth it."""
WAITED_FOR = 12.0
"""Seconds since its last poll in which a conversion counts as waited for: a little over the longest interval."""
LIST_SERVES = 4.0
"""Seconds for which one look at the list serves all who wait."""
SURE = 30.0
"""Seconds after which a collection is looked at itself, whatever the list says: what failed gets no cover."""

SeenT = TypeVar("SeenT")


def pauses_between_looks() -> Iterator[float]:
    """Seconds from one look to the next, ever longer and then alike."""
    return chain(INTERVALS, repeat(INTERVALS[-1]))


@dataclass(frozen=True)
class Watched(Generic[SeenT]):
    """The last look, and what was seen when."""

    last: SeenT
    states: tuple[str, ...]


@dataclass(frozen=True)
class Watch(Generic[SeenT]):
    """What is looked at, and how to read it."""

    name: str
    look: Callable[[CallContext, Lane], Awaitable[SeenT]]
    state: Callable[[SeenT], str]

    async def until_settled(self, context: CallContext, seconds: float, first: SeenT | None = None) -> Watched[SeenT]:
        """Look until it is no longer processing, or the time is up. Cancelling stops it at once."""
        start = anyio.current_time()
        end = start + context.patience(seconds)
        seen = await self.look(context, Lane.INTERACTIVE) if first is None else first
        states = [f"{self.state(seen)} after 0 s"]
        pauses = pauses_between_looks()
        while self.state(seen) == "processing" and (now := anyio.current_time()) < end:
            await context.tell(polled(self.name, self.state(seen), now - start, len(states)))
            await anyio.sleep(pause := min(next(pauses), end - now))
            lane = Lane.BACKGROUND if pause < end - now else Lane.INTERACTIVE  # whose answer is waited for then
            try:
                seen = await self.look(context.within(end + LATE - anyio.current_time()), lane)
            except PASSING as error:
                states.append(f"no answer after {duration(round(anyio.current_time() - start))}: {error.happened}")
                break
            states.append(f"{self.state(seen)} after {duration(round(anyio.current_time() - start))}")
        return Watched(seen, tuple(states))


@dataclass
class Conversions:
    """The conversions that this process waits for."""

    looked: dict[str, float] = field(default_factory=dict[str, float])
    """When the collection of an upload was last looked at by itself, where many are looked after together."""
    _polled: dict[str, float] = field(default_factory=dict[str, float])
    _coverless: frozenset[str] = frozenset()
    _listed_at: float = -LIST_SERVES
    _turn: anyio.Lock = field(default_factory=anyio.Lock)

    def of(self, collection_hash: str, first: Collection | None = None) -> Watch[Collection]:
        """Watch one of them, of which a first look may be known."""
        last, looked_at = first, -SURE

        async def look(context: CallContext, lane: Lane) -> Collection:
            nonlocal last, looked_at
            if last and await self._surely_converting(context, lane, collection_hash, looked_at):
                return last
            last = await context.send(GetCollection(collection_hash=collection_hash), lane=lane)
            looked_at = anyio.current_time()
            return last

        return Watch("conversion", look, lambda seen: seen.conversion)

    async def _surely_converting(
        self, context: CallContext, lane: Lane, collection_hash: str, looked_at: float
    ) -> bool:
        now = anyio.current_time()
        self._polled = {name: at for name, at in self._polled.items() if now - at < WAITED_FOR} | {collection_hash: now}
        if len(self._polled) < MANY or now - looked_at >= SURE:
            return False
        return collection_hash in await self._without_cover(context, lane)

    async def _without_cover(self, context: CallContext, lane: Lane) -> frozenset[str]:
        async with self._turn:  # one asks, the others have its answer
            if anyio.current_time() - self._listed_at >= LIST_SERVES:
                rows = await newest(context, lane=lane)
                self._coverless = frozenset(row.collection_hash for row in rows if not row.cover_image)
                self._listed_at = anyio.current_time()
            return self._coverless
