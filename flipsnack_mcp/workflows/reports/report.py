"""A report: what was asked for, over which days, about which collections, and the figures they come to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.api.actions import collections, statistics
from flipsnack_mcp.workflows.finding import Choice

Measure = Literal["views", "impressions", "time_spent", "downloads"]

USUAL_DAYS = 30
SLACK = timedelta(days=1)
"""Flipsnack states no zone for its days: a day that is over here may go on for some hours there."""


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both counted."""

    start: date
    end: date

    @property
    def before(self) -> Self:
        """The period of the same length that ends the day before."""
        length = self.end - self.start
        end = self.start - timedelta(days=1)
        return type(self)(end - length, end)

    def closed(self, today: date) -> bool:
        """Whether its statistics are final, wherever in the world its days ended."""
        return self.end < today - SLACK

    @override
    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


def last_full_days(today: date) -> Period:
    """The last 30 full days."""
    return Period(today - timedelta(days=USUAL_DAYS), today - timedelta(days=1))


class ReportedCollection(BaseModel):
    """One collection of a report."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    collection_hash: str
    title: str

    @classmethod
    def of(cls, row: collections.CollectionSummary) -> Self:
        """A row of the list."""
        return cls(collection_hash=row.collection_hash, title=cleaned(row.title))


class Report(BaseModel):
    """What was asked for, and which collections it came to."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    over_accounts: ClassVar[bool] = False
    """Whether each row names its account."""

    report_id: str
    choice: Choice
    period: Period
    usual: bool = False
    """Whether the period is ours, since none was given."""
    compare: bool = False
    sort_by: Measure = "views"
    top: int = 5
    save_as: Literal["csv", "markdown"] | None = None
    today: date
    """When it was begun: what is closed stays the same for all of it."""
    targets: tuple[ReportedCollection, ...] = ()
    offset: int | None = 0
    """How far the list was looked through; None once everything is chosen."""

    @property
    def periods(self) -> tuple[Period, ...]:
        """What each collection is asked about."""
        return (self.period, self.period.before) if self.compare else (self.period,)

    def is_whole(self, gathered: "Gathered") -> bool:
        """Whether every collection is chosen and at its end."""
        return self.offset is None and gathered.count >= len(self.targets)

    def left(self, gathered: "Gathered") -> int:
        """How many questions are open about the collections that are chosen by now."""
        return (len(self.targets) - gathered.count) * len(self.periods)

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Named collections that the list does not have, or not among those that fit."""
        found = {one.collection_hash for one in self.targets}
        return tuple(one for one in self.choice.collections if one not in found) if self.offset is None else ()


@dataclass(frozen=True)
class Numbers:
    """Flipsnack's four numbers of a collection over a period, or the sum of many; time in seconds."""

    impressions: int = 0
    views: int = 0
    time_spent: int = 0
    downloads: int = 0

    @classmethod
    def of(cls, stats: statistics.CollectionStats) -> Self | None:
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
    account: str = ""
    """What its account is called, in a report over several."""


@dataclass(frozen=True)
class Uncounted:
    """What could not be counted, and why: a collection, or all of an account."""

    why: str
    collection_hash: str = ""
    title: str = ""
    account: str = ""


@dataclass(frozen=True)
class Question:
    """One collection over one period: one call."""

    target: ReportedCollection
    period: Period


@dataclass(frozen=True)
class Gathered:
    """What is known by now."""

    lines: tuple[Line, ...]
    failed: tuple[tuple[ReportedCollection, str], ...]

    @property
    def count(self) -> int:
        """How many collections are at their end."""
        return len(self.lines) + len(self.failed)


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
        totals=sum((one.numbers for one in order), Numbers()),
        previous=sum(compared, Numbers()) if compared and len(compared) == len(order) else None,
        best=tuple(order[:best]),
        worst=tuple(order[best:][::-1][:worst]),
        unread=tuple(one for one in order if not one.numbers.views),
    )


def ranked(lines: Iterable[Line], sort_by: Measure) -> Sequence[Line]:
    """The most first; equal ones by views, then by title, so that the order is the same every time."""
    return sorted(
        lines, key=lambda one: (-getattr(one.numbers, sort_by), -one.numbers.views, one.title, one.collection_hash)
    )


def growth(now: Numbers, before: Numbers) -> dict[str, float]:
    """By how many percent each number changed; one that was 0 has no such change."""
    pairs = {one.name: (getattr(now, one.name), getattr(before, one.name)) for one in fields(now)}
    return {name: round(100 * (new - old) / old, 1) for name, (new, old) in pairs.items() if old}
