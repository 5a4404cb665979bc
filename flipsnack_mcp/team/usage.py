"""What each caller uses of a server at the moment; of those who are gone, nothing."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FORGOTTEN_AFTER = 60.0
"""Seconds without a request after which nothing is known of a caller: what one may do is whole again long before."""


@dataclass
class Refill:
    """How much may still be begun: full after a second, and never more than that."""

    each_second: float
    left: float
    counted_at: float

    def take(self, now: float) -> int:
        """Begin one; else whole seconds until one can be begun."""
        self.left = min(self.each_second, self.left + (now - self.counted_at) * self.each_second)
        self.counted_at = now
        if self.left < 1:
            return math.ceil((1 - self.left) / self.each_second)
        self.left -= 1
        return 0


@dataclass
class Usage:
    """What is known of one caller."""

    calls: Refill
    messages: Refill
    under_way: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    """Requests that are being answered, streams (True) by themselves."""
    bodies: list[bytearray] = field(default_factory=list[bytearray])
    """What was posted with them."""
    seen_at: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing of it is under way."""
        return not any(self.under_way.values())


class Usages:
    """What is known of all callers; of those who are gone, nothing."""

    def __init__(self, each_second: int, times_as_many: int, now: Callable[[], float]) -> None:
        self._calls, self._messages, self._now = each_second, each_second * times_as_many, now
        self._known: dict[str, Usage] = {}
        self._looked_at = -math.inf

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: str) -> Usage:
        """That of a caller."""
        now = self._now()
        if now - self._looked_at >= FORGOTTEN_AFTER:
            self._looked_at = now
            gone = [one for one, known in self._known.items() if known.idle and now - known.seen_at >= FORGOTTEN_AFTER]
            for one in gone:
                del self._known[one]
        if name not in self._known:
            calls, messages = (Refill(many, many, now) for many in (self._calls, self._messages))
            self._known[name] = Usage(calls, messages)
        self._known[name].seen_at = now
        return self._known[name]


@contextmanager
def counted_in(usage: Usage, now: Callable[[], float], *, stream: bool) -> Iterator[None]:
    """One more of this kind, as long as it lasts."""
    usage.under_way[stream] += 1
    try:
        yield
    finally:
        usage.under_way[stream] -= 1
        usage.seen_at = now()


@contextmanager
def held_for(usage: Usage) -> Iterator[bytearray]:
    """A body that is in memory as long as its request lasts."""
    body = bytearray()
    usage.bodies.append(body)
    try:
        yield body
    finally:
        usage.bodies = [one for one in usage.bodies if one is not body]
