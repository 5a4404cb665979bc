"""From an upload to a collection that can be read: bytes, conversion, link. Whoever asks next goes on from there."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import direct_link, new_ones
from flipsnack_mcp.workflows.uploads.journal import RUNNING, Entry
from flipsnack_mcp.workflows.uploads.uploading import Uploads
from flipsnack_mcp.workflows.waiting import SPARE

ENDS = {"complete": "complete", "failed": "failed"}
GONE = "The collection of this upload does not exist any more."
UNTOLD = (
    "Its collection is no longer there under this hash: it was deleted, or it was published and has a new one.{} "
    "Look with list_collections; again=true would upload the document once more, which costs another upload."
)
DELETED = 43
"""Flipsnack's code for a collection that was deleted; a draft that was published answers as one that never was."""


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
    except Gone:
        entry = await uploads.journal.note(entry, state="failed", said=GONE, collection_hash="")
        return Followed(entry, gone=True)
    except Untold as untold:
        return Followed(entry.model_copy(update={"state": "interrupted"}), warnings=(str(untold),))
    except FlipsnackError as error:
        return Followed(entry, warnings=(*entry.warnings, unseen(error)))
    return await watched(errand, uploads, entry, first, seconds)


async def watched(errand: Errand, uploads: Uploads, entry: Entry, first: Collection, seconds: float) -> Followed:
    """The conversion of a collection that is there."""
    try:
        watching = uploads.conversions.of(first.collection_hash, first)
        ended = await watching.until_settled(errand, seconds, first)
    except FlipsnackError as error:
        return Followed(entry, warnings=(*entry.warnings, unseen(error)))
    seen = ended.last
    known = {
        "state": ENDS.get(seen.conversion, "converting"),
        "collection_hash": first.collection_hash,
        "listed": seen.title,
    }
    entry = await uploads.journal.note(entry, **known)
    link = seen.direct_link or (
        await direct_link(errand, first.collection_hash, seen.title) if is_public(seen) else None
    )
    return Followed(entry, seen, link, entry.warnings, ended.states)


def unseen(error: FlipsnackError) -> str:
    """What is said where the conversion could not be looked at."""
    return f"The upload is in, but looking at its conversion failed: {error.happened}"


def is_public(collection: Collection) -> bool:
    """Whether readers have an address for it."""
    return collection.conversion == "complete" and collection.status != "editable"


async def present(errand: Errand, uploads: Uploads, entry: Entry) -> Collection:
    """The collection of an upload, also under the new hash it got when it was published elsewhere.

    Raises:
        Gone: It was deleted.
        Untold: It may have been deleted, or be another one by now.
    """
    try:
        return await errand.send(GetCollection(collection_hash=entry.collection_hash))
    except NotFoundError as error:
        deleted = error.code == DELETED
    title = entry.listed or entry.title
    others = {one.collection_hash for one in await uploads.journal.others(entry.upload_id)}
    new = await new_ones(errand, title, frozenset({*entry.before, *others})) if title.strip() else []
    if deleted and not new:
        raise Gone
    if deleted or len(new) != 1:
        raise Untold(UNTOLD.format(f" New ones of its title: {', '.join(new)}." if new else ""))
    return await errand.send(GetCollection(collection_hash=new[0]))


class Gone(Exception):  # noqa: N818 - it is no error
    """The collection of an upload was deleted."""


class Untold(Exception):  # noqa: N818 - it is no error
    """What became of the collection of an upload cannot be told; says so."""
