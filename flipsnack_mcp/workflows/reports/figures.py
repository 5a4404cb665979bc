"""Sums, ranking and changes of a report: pure arithmetic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self

from flipsnack_mcp.api.actions.statistics import CollectionStats

Measure = Literal["views", "impressions", "time_spent", "downloads"]


@dataclass(frozen=True)
class Numbers:
    """Flipsnack's four numbers of a collection over a period, or the sum of many; time in seconds."""

    impressions: int = 0
    views: int = 0
    time_spent: int = 0
    downloads: int = 0

    @classmethod
    def of(cls, stats: CollectionStats) -> Self | None:
        """The numbers of an answer, one that is missing as 0; None where it has none at all."""
        found = {one.name: getattr(stats, one.name) for one in fields(cls)}
        return None if set(found.values()) == {None} else cls(**{name: one or 0 for name, one in found.items()})

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def average_time(self) -> float:
        """Seconds of reading for each view; 0 where nobody read."""
        return round(self.time_spent / self.views, 1) if self.views else 0.0


@dataclass(frozen=True)
class Line:
    """One collection of a report."""

    collection_hash: str
    title: str
    numbers: Numbers
    previous: Numbers | None = None
    """Those of the period before, where they were asked for."""


@dataclass(frozen=True)
class Tally:
    """What the lines of a report come to."""

    counted: int
    totals: Numbers
    previous: Numbers | None
    best: tuple[Line, ...]
    worst: tuple[Line, ...]
    """From the least upwards; none that is among the best."""
    unread: tuple[Line, ...]
    """Without a single view."""


def tallied(lines: Iterable[Line], sort_by: Measure, best: int, worst: int) -> Tally:
    """Add up the lines and rank them."""
    order = ranked(lines, sort_by)
    # Both sums are over the same collections: one whose earlier period failed would look like growth.
    compared = [one.previous for one in order if one.previous is not None]
    return Tally(
        counted=len(order),
        totals=total(one.numbers for one in order),
        previous=total(compared) if compared and len(compared) == len(order) else None,
        best=tuple(order[:best]),
        worst=tuple(order[best:][::-1][:worst]),
        unread=tuple(one for one in order if not one.numbers.views),
    )


def ranked(lines: Iterable[Line], sort_by: Measure) -> Sequence[Line]:
    """The most first; equal ones by views, then by title, so that the order is the same every time."""
    return sorted(
        lines, key=lambda one: (-getattr(one.numbers, sort_by), -one.numbers.views, one.title, one.collection_hash)
    )


def total(many: Iterable[Numbers]) -> Numbers:
    """The sum of many."""
    return sum(many, Numbers())


def growth(now: Numbers, before: Numbers) -> dict[str, float]:
    """By how many percent each number changed; one that was 0 has no such change."""
    pairs = {one.name: (getattr(now, one.name), getattr(before, one.name)) for one in fields(now)}
    return {name: round(100 * (new - old) / old, 1) for name, (new, old) in pairs.items() if old}
