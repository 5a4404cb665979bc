"""The account's list as a plan looks at it: before its collections are changed, and after, instead of at each of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import ROWS_OF_A_REQUEST, Choice, windows_of
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import PlanSnapshot
from flipsnack_mcp.workflows.progress import SECONDS_A_CALL, Progress, work_at

LIST_HOLDS = 120.0
"""Seconds for which a list tells how collections are before they are changed: a hundred changes take as long."""
CHANGES_AT_ONCE = ROWS_OF_A_REQUEST
"""Changes between two lists."""


@dataclass(frozen=True)
class Listing:
    """Rows of the list, and what they were read for."""

    rows: Mapping[str, CollectionSummary]
    wanted: frozenset[str]
    read_at: float
    """When it was asked for, on anyio's clock."""
    windows: int = 0
    """How many requests it took."""

    def holds_for(self, item: Item) -> bool:
        """Whether it tells how a collection is now, or that it is not there."""
        return item.collection_hash in self.wanted and anyio.current_time() - self.read_at <= LIST_HOLDS

    def with_target(self, item: Item) -> tuple[str, ...]:
        """The collections that look as an item shall."""
        return tuple(known for known, row in self.rows.items() if (row.title, row.status) == item.target)


async def read_listing(context: CallContext, seen: PlanSnapshot) -> Listing:
    """Read for what is to be changed next and what was changed last; to the end where a hash will be or was new."""
    coming = [one for one in seen.left if one.needs_list][:CHANGES_AT_ONCE]
    known = {one.new_hash or one.collection_hash for one in (*coming, *seen.unchecked)}
    whole = any(one.publishes for one in (*coming, *seen.unchecked))
    rows, read_at = dict[str, CollectionSummary](), anyio.current_time()
    windows = 0
    async for window in windows_of(context, Choice()):
        rows |= {row.collection_hash: row for row in window.collections if row.collection_hash}
        windows += 1
        if not whole and known <= rows.keys():
            break
    return Listing(rows, frozenset(known), read_at, windows)


UNREAD = Listing({}, frozenset(), -math.inf)


def how_far_along(seen: PlanSnapshot, listing: Listing = UNREAD, seconds_a_call: float = 0.0) -> Progress:
    """How far a plan is, and for how long it will go on if nothing goes wrong."""
    left = calls_to_come(seen, listing) * max(seconds_a_call, SECONDS_A_CALL)
    return work_at(seen.plan.doing, seen.plan.count - len(seen.left), seen.plan.count, "collections", left)


def calls_to_come(seen: PlanSnapshot, listing: Listing) -> int:
    """How many times Flipsnack is still to be asked for a plan."""
    to_read = sum(one.needs_list for one in seen.left)
    due = bool(to_read) and not listing.windows
    windows = max(listing.windows, -(-seen.plan.count // CHANGES_AT_ONCE))
    return sum(one.calls for one in seen.left) + (1 + due + to_read // CHANGES_AT_ONCE) * windows
