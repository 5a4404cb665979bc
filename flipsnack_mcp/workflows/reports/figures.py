"""The figures of a report: those of each collection, their sums, ranks and changes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from math import inf
from typing import Any, Literal, Self

from flipsnack_mcp.api.actions import statistics
from flipsnack_mcp.workflows.finding import UNSEEN
from flipsnack_mcp.workflows.reports.brought import Brought, what_came
from flipsnack_mcp.workflows.reports.report import Measure, Report, ReportedCollection

A_DRAFT, LATER = "a draft, which nobody can read", "created after the period"
UNLISTED = "not in the account's list, or excluded by a filter"


@dataclass(frozen=True)
class Numbers:
    """Flipsnack's four numbers of a collection over a period, or the sum of many; time in seconds.

    None is one that it did not tell, and the sum of which one part is not known.
    """

    impressions: int | None = 0
    views: int = 0
    time_spent: int | None = 0
    downloads: int | None = 0

    @classmethod
    def of(cls, stats: statistics.CollectionStats) -> Self | None:
        """The numbers of an answer; None without views: who is unread goes by them."""
        found = {one.name: getattr(stats, one.name) for one in fields(cls)}
        return None if stats.views is None else cls(**found)

    def __add__(self, other: Self) -> Self:
        pairs = zip(astuple(self), astuple(other), strict=True)
        sums: list[Any] = [None if None in pair else sum(pair) for pair in pairs]
        return type(self)(*sums)

    @property
    def average_time(self) -> float | None:
        """Seconds of reading for each view; 0 where nobody read."""
        if self.time_spent is None:
            return None
        return round(self.time_spent / self.views, 1) if self.views else 0.0


MEASURES = tuple(one.name for one in fields(Numbers))


@dataclass(frozen=True)
class Line:
    """One collection of a report that was counted."""

    target: ReportedCollection
    numbers: Numbers
    previous: Numbers | None = None
    """Those of the period before, where they were asked for."""
    is_new: bool = False
    """Whether it was not there in the period before."""
    account: str = ""
    """What its account is called, in a report over several."""
    brought: Brought | None = None
    """Leads and orders, where whoever asks may know of them."""

    @property
    def came(self) -> int:
        """How many leads and orders it brought together."""
        return sum(what_came(self.brought).values())

    def rise(self, measure: Measure) -> int:
        """By how much a number went up; none for what is new, which took nobody's readers and had none to lose."""
        now, before = getattr(self.numbers, measure), getattr(self.previous, measure, None)
        return 0 if self.is_new or now is None or before is None else now - before


@dataclass(frozen=True)
class Uncounted:
    """What was not counted, and why: a collection, all of an account, or those that its list does not show."""

    why: str
    target: ReportedCollection | None = None
    account: str = ""
    kind: Literal["failed", "draft", "later"] = "failed"
    count: int = 1
    """Of how many this is said."""


@dataclass(frozen=True)
class Gathered:
    """What is known by now."""

    lines: tuple[Line, ...] = ()
    failed: tuple[tuple[ReportedCollection, str], ...] = ()
    conversions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of those that an audit looks at, by hash."""

    @property
    def count(self) -> int:
        """How many collections are at their end."""
        return len(self.lines) + len(self.failed)

    def is_whole(self, report: Report) -> bool:
        """Whether every collection is chosen and at its end, and looked at where that is wanted."""
        looked = all(one.collection_hash in self.conversions for one in report.doubtful)
        return report.offset is None and self.count >= len(report.counted) and looked

    def uncounted(self, report: Report, account: str = "") -> list[Uncounted]:
        """All that is not among the lines, with the reason."""
        missing = (ReportedCollection(collection_hash=one, title="") for one in report.unlisted)
        hidden = report.unseen
        return [
            *([Uncounted(UNSEEN.format(hidden), account=account, count=hidden)] if hidden else []),
            *(Uncounted(why, one, account) for one, why in self.failed),
            *(Uncounted(UNLISTED, one, account) for one in missing),
            *(Uncounted(LATER, one, account, "later") for one in report.later),
            *(Uncounted(A_DRAFT, one, account, "draft") for one in report.drafts),
        ]


@dataclass(frozen=True)
class Tally:
    """What the lines of a report come to. Drafts count, and are in no rank unless there is nothing else."""

    counted: int
    totals: Numbers
    previous: Numbers | None
    unknown: Mapping[str, int]
    """Of how many a number is not known, by its name, and of the period before as `previous_`; then it has no whole sum."""
    known: Mapping[str, int]
    """What the others come to, where some are known."""
    best: tuple[Line, ...]
    worst: tuple[Line, ...]
    """From the least upwards; none that is among the best."""
    winners: tuple[Line, ...]
    losers: tuple[Line, ...]
    unread: tuple[Line, ...]
    """Without a single view."""
    drafts: tuple[Line, ...]
    brought: Brought | None
    """Leads and orders of all together, where they are told."""
    busiest: tuple[Line, ...]
    """Those that brought any, the most first."""


def tallied(lines: Iterable[Line], sort_by: Measure, best: int, worst: int) -> Tally:
    """Add up the lines and rank them."""
    order = ranked(lines, sort_by)
    online = [one for one in order if not one.target.is_draft] or order
    placed = [one for one in online if getattr(one.numbers, sort_by) is not None]
    # Both sums are over the same collections: one whose earlier period failed would look like growth.
    compared = [one.previous for one in order if one.previous is not None]
    both = (("", [one.numbers for one in order]), ("previous_", compared))
    told = {f"{when}{name}": [getattr(one, name) for one in some] for when, some in both for name in MEASURES}
    unknown = {name: every.count(None) for name, every in told.items() if None in every}
    known = {name: [one for one in told[name] if one is not None] for name in unknown}
    brought = [one.brought for one in order if one.brought is not None]
    busiest = sorted((one for one in order if one.brought), key=lambda one: -one.came)
    moved = sorted((one for one in online if one.rise(sort_by)), key=lambda one: -one.rise(sort_by))
    return Tally(
        counted=len(order),
        totals=sum((one.numbers for one in order), Numbers()),
        previous=sum(compared, Numbers()) if compared and len(compared) == len(order) else None,
        unknown=unknown,
        known={name: sum(some) for name, some in known.items() if some},
        best=tuple(placed[:best]),
        worst=tuple(placed[best:][::-1][:worst]),
        winners=tuple(one for one in moved[:worst] if one.rise(sort_by) > 0),
        losers=tuple(one for one in moved[::-1][:worst] if one.rise(sort_by) < 0),
        unread=tuple(one for one in online if not one.numbers.views),
        drafts=tuple(one for one in order if one.target.is_draft) if online is not order else (),
        brought=sum(brought, Brought()) if brought else None,
        busiest=tuple(one for one in busiest[:best] if one.came),
    )


def ranked(lines: Iterable[Line], sort_by: Measure) -> Sequence[Line]:
    """The most first, what is not known last; equal ones by views, then by title: the order is the same every time."""

    def place(line: Line) -> tuple[float, int, str, str]:
        figure = getattr(line.numbers, sort_by)
        first = inf if figure is None else -figure
        return first, -line.numbers.views, line.target.title, line.target.collection_hash

    return sorted(lines, key=place)


def growth(now: Numbers, before: Numbers) -> dict[str, float]:
    """By how many percent each number changed; one that was 0, or is not known, has no such change."""
    pairs = {one.name: (getattr(now, one.name), getattr(before, one.name)) for one in fields(now)}
    return {name: round(100 * (new - old) / old, 1) for name, (new, old) in pairs.items() if old and new is not None}
