"""One search: Flipsnack's own first, and where that finds nothing, the account's list, by words that may be mistyped."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from flipsnack_mcp.api import hash_from, is_link
from flipsnack_mcp.api.actions.collections import CollectionList, CollectionSummary, ListCollections
from flipsnack_mcp.api.links import page_in_link, slug_in_link, taken_out
from flipsnack_mcp.workflows.finding import LONGEST_QUERY, ROWS_OF_A_REQUEST, Choice, windows
from flipsnack_mcp.workflows.searching.words import distance, distance_so_far, nearest_titles

NEAREST = 5
SHORT = 500
FARTHEST = 1000
"""Of a row whose title says nothing of why Flipsnack found it."""
Ask = Callable[[ListCollections], Awaitable[CollectionList]]


@dataclass(frozen=True)
class Search:
    """What is looked for: words, a link or a hash, among those that fit."""

    query: str = ""
    among: Choice = field(default_factory=Choice)
    order_by: Literal["date_published", "date_created", "name"] | None = None
    order: Literal["asc", "desc"] | None = None
    offset: int = 0
    limit: int = 20
    begun: bool = False
    """Whether somebody is typing still: the beginning of a hash is one, and a short list is looked through at once."""

    @property
    def pasted(self) -> str:
        """The hash in a pasted link, or what may be one by itself."""
        try:
            return hash_from(self.query)
        except ValueError:
            return ""

    @property
    def end_of_link(self) -> str:
        """The last word of a link that names no hash: it may be one that reads as a word, which the account's list tells."""
        return slug_in_link(self.query).rpartition("-")[2] if is_link(self.query) else ""

    @property
    def by_link(self) -> bool:
        """Whether a link with a hash is all that is asked for."""
        return is_link(self.query) and bool(self.pasted)

    @property
    def page(self) -> str:
        """Where a pasted link leads that has no hash, as Flipsnack's documentation shows them."""
        return page_in_link(taken_out(self.query)) if is_link(self.query) and not self.pasted else ""

    @property
    def typed(self) -> str:
        """The words that are looked for; of a link that names no hash, those of its title."""
        if not is_link(self.query):
            return self.query
        return self.pasted or slug_in_link(self.query).replace("-", " ")

    @property
    def narrowed_by_flipsnack(self) -> bool:
        """Whether Flipsnack knows all that is asked for, and its windows are ours."""
        narrow = self.among.created_after is None and self.among.created_before is None
        return narrow and len(self.among.only_status) <= 1 and not self.by_link

    def question(self, offset: int, limit: int, *, query: str, status: bool = True) -> ListCollections:
        """A window of the list, in the order that was asked for."""
        return ListCollections(
            query=query[:LONGEST_QUERY] or None,
            status=self.among.only_status[0] if status and len(self.among.only_status) == 1 else None,
            order_by=self.order_by,
            order=self.order,
            offset=offset,
            limit=limit,
        )

    def fits(self, row: CollectionSummary) -> bool:
        """Whether a row is among those."""
        return self.among.fits(row) and (not self.by_link or row.collection_hash == self.pasted)

    def distance(self, row: CollectionSummary) -> int | None:
        """How far a row is from what was typed."""
        hash_typed = self.pasted or self.end_of_link
        begun = self.begun and self.pasted and row.collection_hash.startswith(self.pasted)
        named = begun or (hash_typed and row.collection_hash == hash_typed)
        return 0 if named else (distance_so_far if self.begun else distance)(self.typed, row.title)


@dataclass(frozen=True)
class SearchResult:
    """A window of what was found."""

    rows: tuple[CollectionSummary, ...] = ()
    total: int = 0
    next_offset: int | None = None
    looked_through: bool = False
    """Whether it was found here, in the account's list."""
    nearest: tuple[CollectionSummary, ...] = ()
    """What is like it, where nothing was found."""


async def search(ask: Ask, wanted: Search) -> SearchResult:
    """What is found, best first where no order was asked for."""
    if wanted.query and not wanted.typed:  # a link to no collection at all
        return SearchResult()
    if wanted.begun and wanted.query and await is_short(ask, wanted):
        return await search_here(ask, wanted)
    if wanted.page and (rows := await rows_there(ask, wanted)):
        return window(wanted, rows)
    if wanted.narrowed_by_flipsnack:
        seen = await ask(wanted.question(wanted.offset, wanted.limit, query=wanted.typed))
        if seen.total or not wanted.query:
            return SearchResult(tuple(best_first(wanted, seen.collections)), seen.total, seen.next_offset)
    else:
        rows = [row for row in await all_rows(ask, wanted, wanted.typed) if wanted.fits(row)]
        if rows or not wanted.query:
            return window(wanted, best_first(wanted, rows))
    return await search_here(ask, wanted)


async def is_short(ask: Ask, wanted: Search) -> bool:
    """Whether the account's list is read with a few requests, which then serve for all that is typed in a moment."""
    return (await ask(wanted.question(0, ROWS_OF_A_REQUEST, query="", status=False))).total <= SHORT


async def rows_there(ask: Ask, wanted: Search) -> list[CollectionSummary]:
    """What of the account's list stands where a link leads: titles repeat, and change when links do not."""
    rows = await all_rows(ask, wanted, "")
    return [row for row in rows if page_in_link(row.direct_link or "") == wanted.page and wanted.among.fits(row)]


async def search_here(ask: Ask, wanted: Search) -> SearchResult:
    """What the account's own list has of it, or what is nearest there."""
    rows = await all_rows(ask, wanted, "", status=False)
    hits = [row for row in rows if wanted.fits(row) and wanted.distance(row) is not None]
    if hits:
        return window(wanted, best_first(wanted, hits), looked_through=True)
    places = nearest_titles(wanted.typed, [row.title for row in rows], NEAREST)
    return SearchResult(looked_through=True, nearest=tuple(rows[place] for place in places))


async def all_rows(ask: Ask, wanted: Search, query: str, *, status: bool = True) -> list[CollectionSummary]:
    """All windows of the list, each collection once, down to one that tells nothing new."""
    found = dict[str, CollectionSummary]()
    async for seen in windows(
        lambda offset: ask(wanted.question(offset, ROWS_OF_A_REQUEST, query=query, status=status))
    ):
        for row in seen.collections:
            found.setdefault(row.collection_hash, row)
    return [*found.values()]


def best_first(wanted: Search, rows: Iterable[CollectionSummary]) -> list[CollectionSummary]:
    """The nearest to what was typed first, unless another order was asked for; equal ones stay as they are."""
    if not wanted.query or wanted.order_by:
        return [*rows]

    def farness(row: CollectionSummary) -> int:
        return FARTHEST if (found := wanted.distance(row)) is None else found

    return sorted(rows, key=farness)


def window(wanted: Search, rows: list[CollectionSummary], *, looked_through: bool = False) -> SearchResult:
    """The part of the rows that was asked for."""
    shown, end = rows[wanted.offset :][: wanted.limit], wanted.offset + wanted.limit
    return SearchResult(tuple(shown), len(rows), end if end < len(rows) else None, looked_through)
