"""Periods of whole days, and when nothing can change in them any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from typing_extensions import override

USUAL_DAYS = 30
SLACK = timedelta(days=1)
"""Flipsnack states no zone for its days: a day that is over here may go on for some hours there."""


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both counted."""

    start: date
    end: date

    @property
    def before(self) -> Period:
        """The period of the same length that ends the day before."""
        length = self.end - self.start
        end = self.start - timedelta(days=1)
        return Period(end - length, end)

    def closed(self, today: date) -> bool:
        """Whether its statistics are final, wherever in the world its days ended."""
        return self.end < today - SLACK

    @override
    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


def usual(today: date) -> Period:
    """The last 30 full days."""
    return Period(today - timedelta(days=USUAL_DAYS), today - timedelta(days=1))


def day_of(seconds: float) -> date:
    """The day of a moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()
