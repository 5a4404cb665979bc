"""Removing one flipbook from a collection."""

from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.requests.envelope import Refusal


def delete(call: Call) -> None:
    """Remove a flipbook. Sandbox's own choice: also the last one, which leaves an empty collection (never 37)."""
    flipbook_hash = call.mandatory("flipbookHash")
    collection = call.collection()
    kept = [item for item in collection.items if item.hash != flipbook_hash]
    if len(kept) == len(collection.items):
        raise Refusal(47)
    collection.items = kept
    # Sandbox's own choice: a package that still has the flipbook is out of date.
    collection.packaging = None
