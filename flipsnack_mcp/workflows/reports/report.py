"""A report: what was asked for, which collections that is, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.workflows.choosing import Choice
from flipsnack_mcp.workflows.reports.figures import Line, Measure
from flipsnack_mcp.workflows.reports.periods import Period


class Target(BaseModel):
    """One collection of a report."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    collection_hash: str
    title: str

    @classmethod
    def of(cls, row: CollectionSummary) -> Target:
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
    targets: tuple[Target, ...] = ()
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

    target: Target
    period: Period


@dataclass(frozen=True)
class Gathered:
    """What is known by now."""

    lines: tuple[Line, ...]
    failed: tuple[tuple[Target, str], ...]
