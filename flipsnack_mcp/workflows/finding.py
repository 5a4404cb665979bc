"""Finding a collection again when its hash is not known or no longer true."""

from __future__ import annotations

from datetime import datetime

from flipsnack_mcp.api.actions.collections import CollectionSummary, ListCollections
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.workflows.errand import Errand

ZONE_STEP = 15 * 60
"""Every time zone lies a multiple of 15 minutes from UTC, and Flipsnack does not say which one its dates are in."""


async def by_title(errand: Errand, title: str, order_by: str = "date_created") -> list[CollectionSummary]:
    """The collections with exactly that title, newest first."""
    query = cleaned(title, 200)
    action = ListCollections.model_validate({"query": query, "order_by": order_by, "order": "desc", "limit": 50})
    found = await errand.send(action)
    return [row for row in found.collections if row.title.strip() == title.strip()]


async def direct_link(errand: Errand, collection_hash: str, title: str) -> str | None:
    """A collection's address for readers, which only the list tells; None where it cannot be had."""
    if not title.strip():
        return None
    try:
        rows = await by_title(errand, title)
    except FlipsnackError:
        return None
    return next((row.direct_link for row in rows if row.collection_hash == collection_hash), None)


def created_between(row: CollectionSummary, start: float, end: float) -> bool:
    """Whether a row was created in a span of UTC time, whatever zone Flipsnack's dates are in."""
    try:
        written = datetime.fromisoformat(f"{(row.created_date or '').replace(' ', 'T')}+00:00").timestamp()
    except ValueError:
        return False
    slack = 60.0
    offset = round((written - start) / ZONE_STEP) * ZONE_STEP
    return abs(offset) <= 14 * 3600 and start - slack <= written - offset <= end + slack
