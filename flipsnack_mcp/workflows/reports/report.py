"""A report: what was asked for, over which days, which collections that is, and what is known about them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.workflows.choosing import Choice
from flipsnack_mcp.workflows.reports.figures import Line, Measure

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


def day_of(seconds: float) -> date:
    """The day of a moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


class ReportedCollection(BaseModel):
    """One collection of a report."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    collection_hash: str
    title: str

    @classmethod
    def of(cls, row: CollectionSummary) -> Self:
        """A row of the list."""
        return cls(collection_hash=row.collection_hash, title=cleaned(row.title))


class Report(BaseModel):
    """What was asked for, and which collections it came to."""

    model_config = ConfigDict(frozen=True, defer_build=True)

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

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Named collections that the list does not have, or not among those that fit."""
        found = {one.collection_hash for one in self.targets}
        return tuple(one for one in self.choice.collections if one not in found) if self.offset is None else ()


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
