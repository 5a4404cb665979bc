"""Finding a collection again when its hash is not known or no longer true."""

from __future__ import annotations

from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, GetCollection, ListCollections
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.workflows.errand import Errand

LONGEST_QUERY = 200
WINDOW = 50
BEFORE = 100
"""More than are looked through afterwards: one that only slid into the window, because others went, is not new."""


async def by_title(
    errand: Errand, title: str, order_by: str = "date_created", limit: int = WINDOW
) -> list[CollectionSummary]:
    """The collections with exactly that title, newest first."""
    given = {"query": title.strip()[:LONGEST_QUERY], "order_by": order_by, "order": "desc", "limit": limit}
    found = await errand.send(ListCollections.model_validate(given))
    return [row for row in found.collections if cleaned(row.title) == cleaned(title)]


async def alike(errand: Errand, title: str, limit: int) -> list[CollectionSummary]:
    """The collections that an upload with this title could be, newest first: all, where it has none."""
    if title.strip():
        return await by_title(errand, title, limit=limit)
    return (await errand.send(ListCollections(order_by="date_created", order="desc", limit=limit))).collections


async def candidates(errand: Errand, title: str) -> frozenset[str]:
    """What an upload with this title could be mistaken for: asked before it is sent, nothing else tells old from new.

    Flipsnack's dates have no zone, and titles repeat.
    """
    return frozenset(row.collection_hash for row in await alike(errand, title, BEFORE))


async def new_ones(errand: Errand, title: str, before: frozenset[str]) -> list[str]:
    """The collections that an upload with this title could be and that were not there before, newest first."""
    rows = await alike(errand, title, WINDOW)
    return [row.collection_hash for row in rows if row.collection_hash not in before]


async def found_again(errand: Errand, title: str, before: frozenset[str]) -> Collection | None:
    """The collection that an upload with a lost answer made: the one that was not there before, if it is one."""
    new = await new_ones(errand, title, before)
    return await errand.send(GetCollection(collection_hash=new[0])) if len(new) == 1 else None


async def direct_link(errand: Errand, collection_hash: str, title: str) -> str | None:
    """A collection's address for readers, which only the list tells; None where it cannot be had."""
    if not title.strip():
        return None
    try:
        rows = await by_title(errand, title)
    except FlipsnackError:
        return None
    return next((row.direct_link for row in rows if row.collection_hash == collection_hash), None)
