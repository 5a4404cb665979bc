"""Made-up statistics: numbers per day, derived from collection and date only, so that periods add up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256

from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.dates import day

_HALF_LIFE = 21


@dataclass(frozen=True)
class Visits:
    """What readers did: Flipsnack's four numbers. `time_spent` is in seconds."""

    impressions: int = 0
    views: int = 0
    time_spent: int = 0
    downloads: int = 0

    def __add__(self, other: "Visits") -> "Visits":
        return Visits(
            self.impressions + other.impressions,
            self.views + other.views,
            self.time_spent + other.time_spent,
            self.downloads + other.downloads,
        )

    def shape(self) -> dict[str, int]:
        return {
            "impressions": self.impressions,
            "views": self.views,
            "time_spent": self.time_spent,
            "downloads": self.downloads,
        }


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`. Sandbox's own choice: both count."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        for offset in range((self.end - self.start).days + 1):
            yield self.start + timedelta(days=offset)


def daily(collection: Collection, period: Period, now: float) -> list[Visits]:
    """Give the numbers of each day of the period on which the collection existed."""
    lived = _read_in(collection, period, now)
    return [*_each(collection.visits_key, day(collection.created_at), lived)] if lived else []


def altogether(collection: Collection, period: Period, now: float) -> Visits:
    """Add them up."""
    lived = _read_in(collection, period, now)
    return _sum(collection.visits_key, day(collection.created_at), lived) if lived else Visits()


def everything(collection: Collection, now: float) -> Visits:
    return altogether(collection, Period(day(collection.created_at), day(now)), now)


def _read_in(collection: Collection, period: Period, now: float) -> Period | None:
    # Sandbox's own choice: nobody reads a collection that was never published; today counts as a whole day.
    if collection.unread or collection.publication() is None:
        return None
    return Period(max(period.start, day(collection.created_at)), min(period.end, day(now)))


def _each(key: str, born: date, lived: Period) -> Iterator[Visits]:
    return (_on(key, (one - born).days, one) for one in lived.days())


@lru_cache(maxsize=4096)
def _sum(key: str, born: date, lived: Period) -> Visits:
    return sum(_each(key, born, lived), Visits())


def page_shapes(days: list[Visits], pages: int) -> list[dict[str, int]]:
    """Give the numbers of each page; they add up over periods because each is a sum of whole numbers per day."""
    return [_page(days, number) for number in range(1, pages + 1)]


def _page(days: list[Visits], number: int) -> dict[str, int]:
    # Readers lose interest: the tenth page gets about half of what the first gets.
    share = 1000 * 10 // (9 + number)
    views = sum(one.views * share // 1000 for one in days)
    # Sandbox's own choice: milliseconds. The documented example fits no other guess (127443 beside a total of 53).
    spent = sum(one.time_spent * share for one in days)
    return {
        "page": number,
        "time_spent": spent,
        "clicks": sum(one.views * share // 9000 for one in days),
        "views": views,
    }


@lru_cache(maxsize=65_536)
def _on(key: str, age: int, when: date) -> Visits:
    popularity = 30 + _number(key) % 400
    # Interest fades to a tenth: a weekly offer is read in its week, and a little afterwards.
    faded = popularity // 10 + popularity * _HALF_LIFE // (_HALF_LIFE + age)
    chance = _number(f"{key} {when.isoformat()}")
    impressions = faded * (60 + chance % 80) // 100
    views = impressions * (50 + chance // 100 % 120) // 100
    return Visits(impressions, views, views * (4 + chance // 100_000 % 30), views // (30 + chance // 10_000_000 % 60))


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:6])
