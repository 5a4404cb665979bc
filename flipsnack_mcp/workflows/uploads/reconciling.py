"""How an upload ended that nobody saw to its end: what the account says about it."""

from __future__ import annotations

from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import new_ones
from flipsnack_mcp.workflows.publishing import FOUND_AGAIN
from flipsnack_mcp.workflows.uploads.journal import Entry

NOT_YET = "It was interrupted; whether it got through could not be looked up yet. Ask again in a minute."
NOT_SO_FAR = (
    "It was interrupted, and no collection of it was found so far; Flipsnack may still be working on it. "
    "Nothing is to be uploaded again before get_upload has looked once more, in a minute."
)
SEVERAL = (
    "It was interrupted, and {} new collections have its title, so which one it became cannot be told: {}. "
    "Look at them before anything is uploaded again."
)
NEVER_SENT = "The server ended before anything of it was sent."
NOT_FOUND = (
    "It was interrupted, and no collection of it was found. If it is to be uploaded again, make the same "
    "create_collection call with again=true; should the first one have got through after all, that costs a second upload."
)

Facts = dict[str, object]


async def how_it_ended(errand: Errand, entry: Entry, taken: frozenset[str] | None) -> Facts:
    """What is to be noted about an upload with an unknown end.

    `taken` are the collections that other uploads made; None while one is under way that could be mistaken for this.
    """
    not_yet: Facts = {"state": "interrupted", "said": NOT_YET, "beat": 0.0}
    if taken is None:
        return not_yet
    try:
        new = await new_ones(errand, entry.title, taken | frozenset(entry.before))
        if len(new) != 1:
            return missing(entry, new)
        collection = await errand.send(GetCollection(collection_hash=new[0]))
    except FlipsnackError:
        return not_yet
    return {
        "state": "converting",
        "collection_hash": collection.collection_hash,
        "listed": collection.title,
        "warnings": (FOUND_AGAIN,),
        "said": "",
    }


def missing(entry: Entry, new: list[str]) -> Facts:
    """What is noted about an upload of which not exactly one collection is there."""
    if new:
        return {"state": "interrupted", "said": SEVERAL.format(len(new), ", ".join(new)), "checked": True}
    if not entry.settled:
        return {"state": "interrupted", "said": NOT_SO_FAR, "beat": 0.0}
    return {"state": "interrupted", "said": NOT_FOUND, "checked": True}
