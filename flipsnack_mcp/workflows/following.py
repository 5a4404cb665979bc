"""From an upload to a collection that can be read: bytes, conversion, link. Whoever asks next goes on from there."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import direct_link, found_again
from flipsnack_mcp.workflows.journal import RUNNING, Entry
from flipsnack_mcp.workflows.uploading import Uploads
from flipsnack_mcp.workflows.waiting import SPARE

ENDS = {"complete": "complete", "failed": "failed"}
GONE = "The collection of this upload does not exist any more."


@dataclass(frozen=True)
class Followed:
    """An upload and its collection, as far as they are known."""

    entry: Entry
    collection: Collection | None = None
    direct_link: str | None = None
    warnings: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    gone: bool = False
    """Whether its collection was deleted since."""


async def follow(errand: Errand, uploads: Uploads, entry: Entry, seconds: float) -> Followed:
    """Wait for the bytes, then for the conversion, for so many seconds in all."""
    end = anyio.current_time() + seconds
    if entry.state in RUNNING:
        entry = await uploads.watch(errand, entry, min(seconds, errand.deadline - SPARE - anyio.current_time()))
    if not entry.collection_hash:
        return Followed(entry, warnings=entry.warnings)
    return await conversion(errand, uploads, entry, max(0.0, end - anyio.current_time()))


async def conversion(errand: Errand, uploads: Uploads, entry: Entry, seconds: float) -> Followed:
    """Wait for the conversion. What is known of the upload is never lost to a look that fails."""
    try:
        first = await present(errand, uploads, entry)
        if first is None:
            entry = await uploads.journal.note(entry, state="failed", said=GONE, collection_hash="")
            return Followed(entry, gone=True)
        watching = uploads.conversions.of(first.collection_hash, first)
        watched = await watching.until_settled(errand, seconds, first)
    except FlipsnackError as error:
        looked = f"The upload is in, but looking at its conversion failed: {error.happened}"
        return Followed(entry, warnings=(*entry.warnings, looked))
    seen = watched.last
    known = {
        "state": ENDS.get(seen.conversion, "converting"),
        "collection_hash": first.collection_hash,
        "listed": seen.title,
    }
    entry = await uploads.journal.note(entry, **known)
    link = seen.direct_link or (
        await direct_link(errand, first.collection_hash, seen.title) if is_public(seen) else None
    )
    return Followed(entry, seen, link, entry.warnings, watched.states)


def is_public(collection: Collection) -> bool:
    """Whether readers have an address for it."""
    return collection.conversion == "complete" and collection.status != "editable"


async def present(errand: Errand, uploads: Uploads, entry: Entry) -> Collection | None:
    """The collection of an upload, also under the new hash it got when it was published elsewhere; None if gone."""
    try:
        return await errand.send(GetCollection(collection_hash=entry.collection_hash))
    except NotFoundError:
        title = entry.listed or entry.title
        if not title.strip():
            return None
        others = {one.collection_hash for one in await uploads.journal.others(entry.upload_id)}
        return await found_again(errand, title, frozenset({*entry.before, *others}))
