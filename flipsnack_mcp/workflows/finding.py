"""Finding collections: those that a report or a change over many is about, and one whose hash is not known or not true."""

import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator

from flipsnack_mcp.api import FlipsnackError, Lane, StatusName, bare, errors, quoted
from flipsnack_mcp.api.actions.collections import CollectionList, CollectionSummary, ListCollections
from flipsnack_mcp.api.links import PLAIN_FACT
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.searching.words import holds_all

ROWS_OF_A_REQUEST = 100
"""Rows of one request; Flipsnack documents no limit, this is the tool's own."""
LONGEST_QUERY = 200
LONGEST_DATE = 40
"""Of one in a form of its own: "Monday, September 28, 2026 10:00:00 AM" is shorter."""
TITLE_HERE, HASH_HERE = "{title-in-plain-ascii}", "{collection_hash}"
WINDOW = 50
BEFORE = 100
"""More than are looked through afterwards: one that only slid into the window, because others went, is not new."""


def in_a_tuple(value: object) -> object:
    """Several, also where one stands alone, as older records have it; None is none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


QUERY_FITS_NONE = (
    "None fits what was given: all words of query have to stand in a title. Look with list_collections, which forgives "
    "slips, and name them in collections."
)
NAMELESS = "Flipsnack's list has collections, and of none of them a hash by which more can be asked or changed."
UNSEEN = "Flipsnack counts {} more than its list showed, read twice: if they are meant too, they are not among these."
NONE_FITS = "None fits what was given. Look with list_collections what there is, and name them in collections."


@dataclass(frozen=True)
class Choice:
    """What has to be true of a collection. Named ones are taken as they are named; the rest narrows the list."""

    collections: tuple[str, ...] = ()
    query: str | None = None
    """Whole words that its title has, all of them. No slip is forgiven: what fits is changed, deleted or counted."""
    only_status: Annotated[tuple[StatusName, ...], BeforeValidator(in_a_tuple)] = ()
    """Any of these, or whatever it is."""
    created_after: date | None = None
    """The first day that still counts."""
    created_before: date | None = None
    """The last day that still counts."""
    exclude: tuple[str, ...] = ()
    """Those that are left out, whatever else is true of them."""

    @property
    def when_none_fits(self) -> str:
        """What to do where nothing is meant by it."""
        return QUERY_FITS_NONE if self.query else NONE_FITS

    @property
    def by_name_only(self) -> bool:
        """Whether the named collections are all there is to know."""
        return bool(self.collections) and self == Choice(self.collections)

    def fits(self, row: CollectionSummary) -> bool:
        """Whether a row of the list is meant."""
        return (
            (not self.collections or row.collection_hash in self.collections)
            and row.collection_hash not in self.exclude
            and (not self.only_status or row.status in self.only_status)
            and (self.query is None or holds_all(self.query, row.title))
            and self._created_in_time(row.created_date or "")
        )

    def _created_in_time(self, created: str) -> bool:
        # Flipsnack's dates have no zone: only the day is compared, as it is written.
        if self.created_after is None and self.created_before is None:
            return True
        day = date_in(created)
        return day is not None and (self.created_after or day) <= day <= (self.created_before or day)


async def choose(context: CallContext, choice: Choice) -> list[CollectionSummary]:
    """The collections that fit, newest first, each once. Named ones that the list does not have are left out."""
    return (await chosen_of_all(context, choice))[0]


async def chosen_of_all(context: CallContext, choice: Choice) -> tuple[list[CollectionSummary], int]:
    """The same, and how many more the list counts than it shows.

    A list that tells a row twice may leave another out, so it is read once more where rows are missing.
    """
    known = dict[str, CollectionSummary]()
    if unseen := await read_through(context, choice, known):
        unseen = await read_through(context, choice, known)
    return [row for row in known.values() if choice.fits(row)], unseen


async def read_through(context: CallContext, choice: Choice, known: dict[str, CollectionSummary]) -> int:
    """Add the rows of the list, as far as there is something to look for; how many of those at its start are missing."""
    missing, nameless, totals = set(choice.collections) - known.keys(), 0, list[int]()
    async for seen in windows_of(context, choice):
        for row in seen.collections:
            nameless += not row.collection_hash
            if row.collection_hash:
                known.setdefault(row.collection_hash, row)
        missing -= known.keys()
        totals.append(seen.total)
        if choice.collections and not missing:
            return 0
    return max(0, totals[0] - len(known) - nameless)


def windows_of(context: CallContext, choice: Choice) -> AsyncIterator[CollectionList]:
    """The account's own list, window by window."""
    return windows(partial(read_window, context, choice))


async def windows(read: Callable[[int], Awaitable[CollectionList]]) -> AsyncIterator[CollectionList]:
    """A list, window by window. One that tells nothing new is the last: some are the same from wherever they are asked."""
    passed = set[str]()
    offset: int | None = 0
    while offset is not None:
        seen = await read(offset)
        names = {row.collection_hash for row in seen.collections}
        yield seen
        offset = seen.next_offset if names - passed else None
        passed |= names


async def read_window(context: CallContext, choice: Choice, offset: int) -> CollectionList:
    """One window of the account's own list: what Flipsnack's search finds or passes over is not documented."""
    action = ListCollections(
        status=choice.only_status[0] if len(choice.only_status) == 1 else None,
        order_by="date_created",
        order="desc",
        offset=offset,
        limit=ROWS_OF_A_REQUEST,
    )
    seen = await context.send(action)
    if seen.collections and not any(row.collection_hash for row in seen.collections):
        raise errors.UnreadableAnswerError(NAMELESS, "Try once more; if it stays so, tell the person.")
    return seen


async def newest(
    context: CallContext,
    limit: int = ROWS_OF_A_REQUEST,
    lane: Lane = Lane.INTERACTIVE,
    order_by: Literal["date_created", "date_published"] = "date_created",
) -> list[CollectionSummary]:
    """The rows of the collections that were made or published last, the newest first."""
    asked = ListCollections(order_by=order_by, order="desc", limit=limit)
    found = await context.send(asked, lane=lane)
    return [row for row in found.collections if row.collection_hash]


async def published_last(context: CallContext, title: str) -> list[CollectionSummary]:
    """The collections with exactly that title among those that were published last.

    By the account's list, as here always: what Flipsnack's search makes of a title, and when it knows a new one, is not
    documented.
    """
    rows = await newest(context, order_by="date_published")
    return [row for row in rows if bare(row.title) == bare(title)]


async def alike(context: CallContext, title: str, limit: int) -> list[CollectionSummary]:
    """The collections that an upload with this title could be among the newest: all of them, where it has none."""
    rows = await newest(context, limit)
    return [row for row in rows if not title.strip() or bare(row.title) == bare(title)]


async def candidates(context: CallContext, title: str) -> frozenset[str]:
    """What an upload with this title could be mistaken for: asked before it is sent, nothing else tells old from new.

    Flipsnack's dates have no zone, and titles repeat.
    """
    return frozenset(row.collection_hash for row in await alike(context, title, BEFORE))


async def new_ones(context: CallContext, title: str, before: frozenset[str]) -> list[CollectionSummary]:
    """The collections that an upload with this title could be and that were not there before, newest first."""
    rows = await alike(context, title, WINDOW)
    return [row for row in rows if row.collection_hash not in before]


def as_known(row: CollectionSummary) -> str:
    """A collection as a person knows it: by its title, and by what tells it from its namesakes."""
    told = (one for one in (row.status, day_of(row), row.collection_hash) if PLAIN_FACT.fullmatch(one))
    return f"{quoted(row.title, 80)} ({', '.join(told)})"


def day_of(row: CollectionSummary) -> str:
    """When a collection was published; of a draft, when it was made."""
    return day_in(row.publish_date or row.created_date or "")


def day_in(told: str) -> str:
    """The day of a date; all of it where it is not written as Flipsnack documents: half of another form is no date."""
    return told[:LONGEST_DATE] if (day := date_in(told)) is None else day.isoformat()


def date_in(told: str) -> date | None:
    """The day with which a date begins, None where that cannot be read: in no span of days can it be told to lie."""
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        return None


async def direct_link(context: CallContext, collection_hash: str, title: str) -> str | None:
    """A collection's address for readers, which only the list tells; None where it cannot be had."""
    if not title.strip():
        return None
    asked = ListCollections(query=title.strip()[:LONGEST_QUERY], order_by="date_created", order="desc", limit=WINDOW)
    try:
        found = await context.send(asked)
    except FlipsnackError:
        return None
    return next((row.direct_link for row in found.collections if row.collection_hash == collection_hash), None)


def pattern_of_links(rows: Iterable[CollectionSummary]) -> str | None:
    """How to make the address for readers of each of these out of its row; None where no one rule makes all of them."""
    patterns = {pattern_of_link(row) for row in rows if row.direct_link and row.status != "editable"}
    return patterns.pop() if len(patterns) == 1 else None


def pattern_of_link(row: CollectionSummary) -> str | None:
    """The address with names for what a row has; None where it does not end with that."""
    address, title = row.direct_link or "", slug_of(row.title)
    named = {
        f"{title}-{row.collection_hash}": f"{TITLE_HERE}-{HASH_HERE}",
        row.collection_hash: HASH_HERE,
        title: TITLE_HERE,
    }
    folder, _, last = address.removesuffix(".html").rpartition("/")
    return f"{folder}/{named[last]}{address[len(folder) + 1 + len(last) :]}" if last and last in named else None


def slug_of(title: str) -> str:
    """A title as addresses have it: its plain letters and figures, joined by hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))
