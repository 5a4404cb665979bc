"""Leads in the store: each once, for so many days, and how many there were for longer.

The leads of a day lie together on pages, so that thousands are read in one breath. Which pages there are and how many leads
came stands in the record of their day, so nothing here ever looks through all leads of an account. A mark of each says for a
while that it came: a repetition is known by it, also where nothing but counts is kept, and after it was erased.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

from flipsnack_mcp.store.records import Body, Records, Store
from flipsnack_mcp.workflows.leads.lead import UNKNOWN, Lead, digest_of, lead_of

LEADS_OF, LEAD_DAY, LEAD_PAGE, LEAD_MARK = "leads of", "lead day", "lead page", "lead mark"
DAY_OF_LEADS = 86_400.0
REPEATED_FOR = 7 * DAY_OF_LEADS
"""Seconds in which a lead may be sent again. Flipsnack says five times, each later than the one before."""
EVER = float("inf")
A_MOMENT = 0.001
"""Of a period the end is not a part."""
MOST_DAYS = 1100
"""For so many days it is known how many leads came."""
FULL_PAGE = 16_000
"""Characters after which another page begins: one is written anew for each lead that comes to it."""
MOST_COUNTED = 1000
"""Flipbooks and kinds that are told apart in a day."""
Counted = Mapping[tuple[str, str, str], int]
"""Day, flipbook and kind."""


@dataclass
class LeadDay:
    """What the record of a day says. It outlives the leads."""

    pages: int = 0
    filled: int = 0
    """Characters on the last page."""
    counts: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """Flipbook, kind, and how many."""

    @classmethod
    def of(cls, body: Body | None) -> "LeadDay":
        """Read it; nothing yet where there is no record."""
        if body is None:
            return cls()
        return cls(body["pages"], body["filled"], [(named, kind, many) for named, kind, many in body["counts"]])

    @property
    def body(self) -> Body:
        """As it is kept."""
        return {"pages": self.pages, "filled": self.filled, "counts": self.counts}

    def count(self, flipbook_hash: str, kind: str) -> None:
        """One more. Where a day has more kinds of them than anybody has, the rest are not told apart."""
        counts = Counter({(named, what): many for named, what, many in self.counts})
        one = (flipbook_hash, kind)
        counts[one if one in counts or len(counts) < MOST_COUNTED else ("", UNKNOWN)] += 1
        self.counts = [(named, what, many) for (named, what), many in counts.items()]


async def keep(store: Store, account: str, body: object, received: float, days: int) -> bool:
    """Keep what a webhook brought, once, or count it alone where it is no lead or none is to be kept; whether it is new."""
    lead, digest = lead_of(body, received), digest_of(body)

    def work(records: Records) -> bool:
        mark = f"{account} {digest}"
        if records.get(LEAD_MARK, mark) is not None:
            return False
        day = utc_day(received)
        records.put(LEAD_MARK, mark, {"at": received}, keep=max(days * DAY_OF_LEADS, REPEATED_FOR))
        widen(records, account, day)
        there = LeadDay.of(records.get(LEAD_DAY, f"{account} {day}"))
        there.count(*((lead.flipbook_hash, lead.kind) if lead else ("", UNKNOWN)))
        if lead and days:
            write(
                records, account, day, there, {**as_kept(lead, digest), "until": received + days * DAY_OF_LEADS}, days
            )
        records.put(LEAD_DAY, f"{account} {day}", there.body, keep=MOST_DAYS * DAY_OF_LEADS)
        return True

    return await store.transact(work)


async def kept(store: Store, account: str, *, since: float, until: float) -> list[Lead]:
    """The leads that came from one moment until another, newest first."""

    def work(records: Records) -> list[Lead]:
        pages = records.several(LEAD_PAGE, pages_between(records, account, since, until))
        rows = chain.from_iterable(page["leads"] for page in pages if page)
        living = (one for one in rows if since <= one["received"] < until and one["until"] > records.wall)
        return [lead_again(one) for one in living]

    found = await store.transact(work)
    return sorted(found, key=lambda one: one.received)[::-1]  # of one moment, the one that came last stands first


async def counted(store: Store, account: str, *, since: float, until: float) -> Counted:
    """How many came on each day that begins or goes on between two moments."""

    def work(records: Records) -> Counted:
        days = days_between(records, account, since, until)
        there = records.several(LEAD_DAY, [f"{account} {day}" for day in days])
        counts = (
            ((day, named, kind), many)
            for day, body in zip(days, there, strict=True)
            for named, kind, many in LeadDay.of(body).counts
        )
        return dict(counts)

    return await store.transact(work)


async def accounts_with_leads(store: Store) -> list[str]:
    """The accounts for which anything ever came."""
    return await store.transact(lambda records: [account for account, _ in records.all(LEADS_OF)])


def write(records: Records, account: str, day: str, there: LeadDay, row: Body, days: int) -> None:
    """Write a lead on the last page of its day, or on a new one."""
    page = records.get(LEAD_PAGE, page_named(account, day, there.pages)) if there.filled < FULL_PAGE else None
    if page is None:
        there.pages, there.filled, page = there.pages + 1, 0, {"leads": []}
    there.filled += sum(map(len, chain(*row["fields"].items()))) + 200
    seconds = days * DAY_OF_LEADS
    body = {"leads": [*page["leads"], row], "ends": max(records.now + seconds, page.get("ends", 0.0))}
    records.put(LEAD_PAGE, page_named(account, day, there.pages), body, keep=body["ends"] - records.now)


def widen(records: Records, account: str, day: str) -> None:
    """Write down on which days anything came, where this is the first or the last of them."""
    body = records.get(LEADS_OF, account)
    wider = {"first": min(body["first"], day), "last": max(body["last"], day)} if body else {"first": day, "last": day}
    if wider != body:
        records.put(LEADS_OF, account, wider)


def pages_between(records: Records, account: str, since: float, until: float) -> list[str]:
    """The names of the pages of these days, in the order in which they were begun."""
    days = days_between(records, account, since, until)
    there = records.several(LEAD_DAY, [f"{account} {day}" for day in days])
    return [
        page_named(account, day, number)
        for day, body in zip(days, there, strict=True)
        for number in range(1, LeadDay.of(body).pages + 1)
    ]


def days_between(records: Records, account: str, since: float, until: float) -> list[str]:
    """The days between two moments on which something can have come."""
    body = records.get(LEADS_OF, account)
    if body is None or since >= until:
        return []
    first, last = max(body["first"], utc_day(since)), min(body["last"], utc_day(until - A_MOMENT))
    return [*days_from(first, last)][-MOST_DAYS:]


def days_from(first: str, last: str) -> Iterator[str]:
    """Each day from one to another."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)


def utc_day(moment: float) -> str:
    """The day of a moment, in UTC; of one that no calendar has, the nearest."""
    if not 0 <= moment < FAR:
        return "1970-01-01" if moment < 0 else "9999-12-30"
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


FAR = datetime(9999, 12, 30, tzinfo=UTC).timestamp()


def page_named(account: str, day: str, number: int) -> str:
    """The name of a page."""
    return f"{account} {day} {number}"


def as_kept(lead: Lead, digest: str) -> dict[str, Any]:
    """A lead as it stands on a page."""
    told = {"kind": lead.kind, "received": lead.received, "submitted": lead.submitted, "digest": digest}
    return {**told, "flipbook": lead.flipbook_hash, "title": lead.flipbook_title, "fields": dict(lead.fields)}


def lead_again(row: Mapping[str, Any]) -> Lead:
    """A lead from its page."""
    return Lead(row["kind"], row["received"], row["submitted"], row["flipbook"], row["title"], row["fields"])
