"""How an upload ended that nobody saw to its end: what the account says about it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from flipsnack_mcp.api import Changed, FlipsnackError, bare, quoted
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, GetCollection
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import as_known, new_ones
from flipsnack_mcp.workflows.uploads.journal import JournalEntry

Known: TypeAlias = Callable[[], Awaitable[frozenset[str] | None]]
"""The collections that are known to be others', at this moment; None while that cannot be told."""

FOUND_AGAIN = "The answer to the upload was lost or named no collection; the new one was found in the account."
NOT_YET = "It was interrupted; whether it got through could not be looked up yet. Ask again in a minute."
NOT_SO_FAR = (
    "It was interrupted, and no collection of it was found so far; Flipsnack may still be working on it. "
    "Nothing is to be uploaded again before get_upload has looked once more, in a minute."
)
SEVERAL = (
    "It was interrupted, and {} new collections have its title, so which one it became cannot be told: {}. "
    "Look at them before anything is uploaded again."
)
NEVER_SENT = "The server ended, or could not write down what it does, before anything of it was sent."
NO_COLLECTION_FOUND = (
    "It was interrupted, and no collection of it was found. If it is to be uploaded again, make the same "
    "create_collection call with again=true; should the first one have got through after all, that costs a second upload."
)


async def look_for(context: CallContext, title: str, before: frozenset[str], known: Known) -> Collection | None:
    """The collection that an upload with a lost answer made, where it can be found."""
    others = await known()
    if others is None:
        return None
    try:
        new = await new_ones(context, title, before | others)
        return await context.send(GetCollection(collection_hash=new[0].collection_hash)) if len(new) == 1 else None
    except FlipsnackError:
        return None


def end_unseen(happened: str, found: Collection | None = None) -> FlipsnackError:
    """The error for an upload whose end nobody saw."""
    where = (
        f"It is there as {quoted(found.title, 80)} ({found.collection_hash}). "
        if found
        else "No new collection was found yet. "
    )
    return FlipsnackError(
        f"{happened} {where}".strip(),
        'Call list_collections with order_by="date_created" in a minute; if it is not there, ask the person before uploading again.',
        changed=Changed.PERHAPS,
        retry="Do not upload again at once: it may cost a second upload of the month.",
    )


async def look_up(context: CallContext, entry: JournalEntry, taken: frozenset[str] | None) -> dict[str, Any]:
    """What is to be noted about an orphan.

    `taken` are the collections that other uploads made; None while one is under way that could be mistaken for this.
    """
    if entry.state == "waiting":
        return {"state": "failed", "said": NEVER_SENT}
    not_yet = {"state": "interrupted", "said": NOT_YET}
    if taken is None:
        return not_yet
    try:
        new = await new_ones(context, entry.title, taken | frozenset(entry.before))
        if len(new) != 1:
            return describe_missing(entry, new)
        collection = await context.send(GetCollection(collection_hash=new[0].collection_hash))
    except FlipsnackError:
        return not_yet
    known = {"collection_hash": collection.collection_hash, "listed": collection.title, "said": ""}
    return {**known, "state": "converting", "warnings": (FOUND_AGAIN,)}


def describe_missing(entry: JournalEntry, new: list[CollectionSummary]) -> dict[str, Any]:
    """What is noted about an upload of which not exactly one collection is there."""
    if new:
        return {
            "state": "interrupted",
            "said": SEVERAL.format(len(new), ", ".join(map(as_known, new))),
            "checked": True,
        }
    if not entry.settled:
        return {"state": "interrupted", "said": NOT_SO_FAR}
    return {"state": "interrupted", "said": NO_COLLECTION_FOUND, "checked": True}


def taken_by(others: Sequence[JournalEntry], entry: JournalEntry, orphans: frozenset[str]) -> frozenset[str] | None:
    """The collections that other uploads made; None while one is under way that could be mistaken for this.

    Orphans are not under way, and do not wait for each other.
    """
    title = bare(entry.title)
    under_way = [bare(one.title) for one in others if one.state == "uploading" and one.upload_id not in orphans]
    if any(not (other and title) or other == title for other in under_way):
        return None
    return frozenset(one.collection_hash for one in others if one.collection_hash)
