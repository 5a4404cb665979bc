"""A report: what was asked for, over which days, about which collections, and what of that has to be asked. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.api.actions import collections
from flipsnack_mcp.workflows.begun import BegunWork
from flipsnack_mcp.workflows.finding import Choice, date_in

Measure = Literal["views", "impressions", "time_spent", "downloads"]
ReportState = Literal["running", "complete", "stopped", "failed"]
SavedAs = Literal["csv", "markdown", "html"]

USUAL_DAYS = 30
SLACK = timedelta(days=1)
"""Flipsnack states no zone for its days: a day that is over here may go on for some hours there."""
MOST_LOOKED_AT = 60
"""Collections whose conversion an audit looks at, a call each."""


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
    """One collection of a report, as the list has it. What version 0.1.0 chose has a title only."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    collection_hash: str
    title: str
    status: str = ""
    created_date: str = ""
    publish_date: str = ""
    direct_link: str = ""
    has_cover: bool = True

    @classmethod
    def of(cls, row: collections.CollectionSummary) -> Self:
        """A row of the list."""
        return cls(
            collection_hash=row.collection_hash,
            title=cleaned(row.title),
            status=row.status,
            created_date=row.created_date or "",
            publish_date=row.publish_date or "",
            direct_link=row.direct_link or "",
            has_cover=bool(row.cover_image),
        )

    @property
    def is_draft(self) -> bool:
        """Whether nobody can read it."""
        return self.status == "editable"

    @property
    def created(self) -> date | None:
        """Its first day, as Flipsnack writes it; None where that cannot be read."""
        return date_in(self.created_date)

    @property
    def when(self) -> str:
        """When readers got it; of a draft when it was made."""
        return self.created_date if self.is_draft else self.publish_date or self.created_date

    def was_there(self, period: Period) -> bool:
        """Whether it may have had readers in a period: both days are Flipsnack's own, so that no zone comes between."""
        return self.created is None or self.created <= period.end


@dataclass(frozen=True)
class Question:
    """One collection over one period: one call."""

    target: ReportedCollection
    period: Period


class Report(BegunWork):
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
    save_as: SavedAs | None = None
    draft_days: int | None = None
    """After how many days a draft is old, where it is an audit."""
    stopped: bool = False
    """Whether a person had it stopped."""
    today: date
    """When it was begun: what is closed stays the same for all of it."""
    made: str = ""
    """The same to the second, in UTC; earlier versions did not write it down."""
    targets: tuple[ReportedCollection, ...] = ()
    offset: int | None = 0
    """How far the list was looked through; None once everything is chosen."""
    listed: int | None = None
    """How many rows the list has; None until its first page was read."""
    unseen: int = 0
    """How many more than its rows the list counts, read twice."""

    @property
    def periods(self) -> tuple[Period, ...]:
        """What each collection is asked about."""
        return (self.period, self.period.before) if self.compare else (self.period,)

    @property
    def not_over(self) -> str:
        """In words that days of the period were still to come, so that it counts less than the one before it; or nothing."""
        return f"not over: counted on {self.today}" if self.period.end > self.today else ""

    @property
    def counted(self) -> tuple[ReportedCollection, ...]:
        """What is asked about: those that were there, and drafts where they are wanted."""
        return tuple(one for one in self.targets if self.wants(one) and one.was_there(self.period))

    @property
    def at_most(self) -> int | None:
        """How many collections it can come to while they are chosen; None where nobody knows."""
        if self.offset is None or self.listed is None:
            return None
        to_come = len(self.counted) + max(0, self.listed - self.offset)
        return min(to_come, len(self.choice.collections) or to_come)

    @property
    def drafts(self) -> tuple[ReportedCollection, ...]:
        """What is known to have no readers."""
        return tuple(one for one in self.targets if not self.wants(one))

    @property
    def later(self) -> tuple[ReportedCollection, ...]:
        """What was not there yet."""
        return tuple(one for one in self.targets if self.wants(one) and not one.was_there(self.period))

    def wants(self, target: ReportedCollection) -> bool:
        """Whether its readers count. Who names a draft wants to know: it may have been online then."""
        chosen = self.choice
        return not target.is_draft or "editable" in chosen.only_status or target.collection_hash in chosen.collections

    @property
    def questions(self) -> Iterator[Question]:
        """All that there is to ask; about the days before there was a collection nothing."""
        return (Question(one, each) for one in self.counted for each in self.periods if one.was_there(each))

    @property
    def doubtful(self) -> tuple[ReportedCollection, ...]:
        """What of an audit may have a conversion that failed, the newest first.

        One that succeeded has a cover. Where every row has one, it may be there whatever became of the document: its
        address can be made of a hash alone. Then drafts come first, since what failed was hardly published.
        """
        if self.draft_days is None:
            return ()
        without = [one for one in self.targets if not one.has_cover]
        every = without or sorted(self.targets, key=lambda one: not one.is_draft)
        return tuple(every[:MOST_LOOKED_AT])

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Named collections that the list does not have, or not among those that fit."""
        found = {one.collection_hash for one in self.targets}
        return tuple(one for one in self.choice.collections if one not in found) if self.offset is None else ()
