"""Leads in the store: each once, for so many days, and how many there were for longer.

The leads of a day lie together on pages, so that thousands are read in one breath. Which pages there are and how many leads
came stands in the record of their day, so nothing here ever looks through all leads of an account. A mark of each says for a
while that it came: a repetition is known by it, also where nothing but counts is kept, and after it was erased.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain, compress
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
AROUND_THE_WORDS = 200
"""Characters of a lead on its page beside what was filled in."""
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
    at: float = 0.0
    """When the last of its leads was kept, by the store's time."""
    counts: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """Flipbook, kind, and how many."""

    @classmethod
    def of(cls, body: Body | None) -> "LeadDay":
        """Read it; nothing yet where there is no record."""
        return cls(**{**body, "counts": [(*one,) for one in body["counts"]]}) if body else cls()

    def count(self, flipbook_hash: str, kind: str) -> None:
        """One more. Where a day has more kinds of them than anybody has, the rest are not told apart."""
        counts = Counter({(named, what): many for named, what, many in self.counts})
        one = (flipbook_hash, kind)
        counts[one if one in counts or len(counts) < MOST_COUNTED else ("", UNKNOWN)] += 1
        self.counts = [(named, what, many) for (named, what), many in counts.items()]


@dataclass(frozen=True)
class HookBody:
    """One body that a webhook brought, read."""

    account: str
    received: float
    digest: str
    lead: Lead | None

    @property
    def mark(self) -> str:
        """The name of the record by which a repetition is known."""
        return f"{self.account} {self.digest}"


def hook_body(account: str, body: object, received: float) -> HookBody:
    """Read a body.

    Raises:
        RecursionError: It is nested as no lead is.
    """
    return HookBody(account, received, digest_of(body), lead_of(body, received))


async def keep(store: Store, account: str, body: object, received: float, days: int) -> bool:
    """Keep what a webhook brought, once, or count it alone where it is no lead or none is to be kept; whether it is new."""
    return (await keep_all(store, [hook_body(account, body, received)], days))[0]


async def keep_all(store: Store, brought: Sequence[HookBody], days: int) -> list[bool]:
    """The same of several at once."""

    def work(records: Records) -> list[bool]:
        marks = list(dict.fromkeys(one.mark for one in brought))
        there = zip(marks, records.several(LEAD_MARK, marks), strict=True)
        unknown = {mark for mark, body in there if body is None}
        new = list[bool]()
        for one in brought:  # in which the same may be twice
            new.append(one.mark in unknown)
            unknown.discard(one.mark)
        keep_new(records, list(compress(brought, new)), days)
        return new

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
        there = zip(days, days_there(records, account, days), strict=True)
        return {(day, named, kind): many for day, (_, one) in there for named, kind, many in one.counts}

    return await store.transact(work)


async def accounts_with_leads(store: Store) -> list[str]:
    """The accounts for which anything ever came."""
    return await store.transact(lambda records: [account for account, _ in records.all(LEADS_OF)])


def keep_new(records: Records, new: Sequence[HookBody], days: int) -> None:
    """Keep what is known not to be there, by account and day."""
    for account, day in dict.fromkeys((one.account, utc_day(one.received)) for one in new):
        begin_day(records, account, day)
        some = [one for one in new if (one.account, utc_day(one.received)) == (account, day)]
        add_to_day(records, f"{account} {day}", some, days)


def add_to_day(records: Records, day: str, new: Sequence[HookBody], days: int) -> None:
    """Count what is new on a day, keep the leads in it, and mark each as known."""
    there = LeadDay.of(records.get(LEAD_DAY, day))
    for one in new:
        records.put(LEAD_MARK, one.mark, {}, keep=max(days * DAY_OF_LEADS, REPEATED_FOR))
        there.count(*((one.lead.flipbook_hash, one.lead.kind) if one.lead else ("", UNKNOWN)))
    rows = [as_kept(one.lead, one.digest, one.received + days * DAY_OF_LEADS) for one in new if one.lead and days]
    if rows:
        there.at = records.now
        write(records, day, there, rows, days)
    records.put(LEAD_DAY, day, asdict(there), keep=MOST_DAYS * DAY_OF_LEADS)


def write(records: Records, day: str, there: LeadDay, rows: Sequence[Body], days: int) -> None:
    """Write leads on the last page of their day, and on new ones where that is full."""
    page = records.get(LEAD_PAGE, f"{day} {there.pages}") if there.filled < FULL_PAGE else None
    written = dict[int, Body]()
    for row in rows:
        if page is None or there.filled >= FULL_PAGE:
            there.pages, there.filled, page = there.pages + 1, 0, {"leads": [], "ends": 0.0}
        page["leads"].append(row)
        there.filled += sum(map(len, chain(*row["fields"].items()))) + AROUND_THE_WORDS
        written[there.pages] = page
    for number, one in written.items():
        one["ends"] = max(records.now + days * DAY_OF_LEADS, one["ends"])
        records.put(LEAD_PAGE, f"{day} {number}", one, keep=one["ends"] - records.now)


def begin_day(records: Records, account: str, day: str) -> None:
    """Write down that something came on this day."""
    known = days_known(records, account)
    if day not in known:
        records.put(LEADS_OF, account, {"days": [*known, day][-MOST_DAYS:]})


def pages_between(records: Records, account: str, since: float, until: float) -> list[str]:
    """The names of the pages of these days, in the order in which they were begun."""
    days = days_there(records, account, days_between(records, account, since, until))
    return [f"{name} {number}" for name, there in days for number in range(1, there.pages + 1)]


def days_there(records: Records, account: str, days: Sequence[str]) -> list[tuple[str, LeadDay]]:
    """What the records of these days say, each with its name."""
    names = [f"{account} {day}" for day in days]
    return [*zip(names, map(LeadDay.of, records.several(LEAD_DAY, names)), strict=True)]


def days_between(records: Records, account: str, since: float, until: float) -> list[str]:
    """The days between two moments on which something came."""
    first, last = utc_day(since), utc_day(until - A_MOMENT)
    return sorted(day for day in days_known(records, account) if first <= day <= last)


def days_known(records: Records, account: str) -> list[str]:
    """The days on which anything came for an account, in the order in which they began: a clock may have been wrong."""
    body = records.get(LEADS_OF, account)
    return body["days"] if body else []


def utc_day(moment: float) -> str:
    """The day of a moment, in UTC; of one that no calendar has, the nearest."""
    if not 0 <= moment < FAR:
        return "1970-01-01" if moment < 0 else "9999-12-30"
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


FAR = datetime(9999, 12, 30, tzinfo=UTC).timestamp()


def as_kept(lead: Lead, digest: str, until: float) -> Body:
    """A lead as it stands on a page."""
    told = {"kind": lead.kind, "received": lead.received, "until": until, "submitted": lead.submitted, "digest": digest}
    return {**told, "flipbook": lead.flipbook_hash, "title": lead.flipbook_title, "fields": dict(lead.fields)}


def lead_again(row: Mapping[str, Any]) -> Lead:
    """A lead from its page."""
    return Lead(row["kind"], row["received"], row["submitted"], row["flipbook"], row["title"], row["fields"])
