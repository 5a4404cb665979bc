"""From an upload to a collection that can be read: bytes, conversion, link. Whoever asks next goes on from there."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import anyio

from flipsnack_mcp.api import FlipsnackError, NotFoundError
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, GetCollection
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import as_known, direct_link, new_ones
from flipsnack_mcp.workflows.progress import Progress, duration
from flipsnack_mcp.workflows.uploads.journal import COLLECTION_GONE, RUNNING, JournalEntry
from flipsnack_mcp.workflows.uploads.sending import UploadAtWork, Uploads
from flipsnack_mcp.workflows.uploads.source import Source
from flipsnack_mcp.workflows.waiting import Watched, pauses_between_looks

FATE_UNKNOWN = (
    "Its collection is no longer there under this hash: it was deleted, or it was published and has a new one.{} "
    "Look with list_collections; again=true would upload the document once more, which costs another upload."
)
NOT_SEEN = "The upload is in, but looking at its conversion failed: {}"
TAKES_LONG = (
    "It was uploaded {} ago and is still not converted, and may never be. Uploading it once more costs another upload."
)
UNUSUALLY_LONG = 3600.0
"""Seconds since an upload began after which its conversion may never end: by then a large document was sent as well."""
NOT_SHOWN_YET = Progress(message="conversion: Flipsnack does not show the collection yet")
SHOWN_LATE = 120.0
"""Seconds since an upload began in which a collection that nobody has seen yet is not taken for deleted."""
CODE_OF_DELETED = 43
"""Flipsnack's code for a collection that was deleted; a draft that was published answers as one that never was."""


@dataclass(frozen=True)
class Followed:
    """An upload and its collection, as far as they are known."""

    entry: JournalEntry
    collection: Collection | None = None
    direct_link: str | None = None
    warnings: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    gone: bool = False
    """Whether its collection was deleted since."""
    overdue: bool = False
    """Whether its conversion takes so long that it may never end."""
    at_work: UploadAtWork | None = None
    """As long as its bytes are under way."""
    listed: CollectionSummary | None = None
    """What a list said of it, where all of a batch are looked after at once."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is waited for: not where Flipsnack does not say how far its conversion is, or that does not end."""
        untold = self.collection is not None and self.collection.conversion == "unknown"
        return self.entry.state in RUNNING or (self.entry.state == "converting" and not (untold or self.overdue))


async def follow(context: CallContext, uploads: Uploads, entry: JournalEntry, seconds: float) -> Followed:
    """Wait for the bytes, then for the conversion, for so many seconds in all."""
    end = anyio.current_time() + seconds
    if entry.state in RUNNING:
        entry = await uploads.watch(context, entry, context.patience(seconds))
    if not entry.collection_hash:
        at_work = await uploads.look_at(entry.upload_id) if entry.state in RUNNING else None
        return Followed(entry, warnings=entry.warnings, at_work=at_work)
    return await follow_conversion(context, uploads, entry, max(0.0, end - anyio.current_time()))


async def begin_what_counts(
    context: CallContext, uploads: Uploads, source: Source, kept_open: AsyncExitStack, *, again: bool, upload_id: str
) -> tuple[JournalEntry, bool]:
    """The upload that counts, and whether it is new; one whose collection was deleted since counts no more."""
    begin = partial(uploads.begin, source, kept_open, upload_id=upload_id)
    entry, new = await begin(again=again)
    if not new and (await follow(context, uploads, entry, 0)).gone:
        return await begin(again=False)
    return entry, new


async def follow_conversion(
    context: CallContext,
    uploads: Uploads,
    entry: JournalEntry,
    seconds: float,
    row: CollectionSummary | None = None,
) -> Followed:
    """Wait for the conversion. What is known of the upload is never lost to a look that fails.

    `row` is what a list said of it just now, which has the link.
    """
    try:
        collection_hash, ended = await watch_conversion(context, uploads, entry, seconds)
    except CollectionLost as lost:
        if lost.fate:
            return Followed(entry.model_copy(update={"state": "interrupted", "said": lost.fate}))
        entry = await uploads.journal.note(entry, state="failed", said=COLLECTION_GONE, collection_hash="")
        return Followed(entry, gone=True)
    except FlipsnackError as error:
        return Followed(entry, warnings=(*entry.warnings, NOT_SEEN.format(error.happened)))
    seen = ended.last
    state = seen.conversion if seen.conversion in {"complete", "failed"} else "converting"
    known = {"collection_hash": collection_hash, "listed": seen.title, "seen": True}
    entry = await uploads.journal.note(entry, state=state, **known)
    link = seen.direct_link or (row.direct_link if row and seen.status != "editable" else None)
    if not link and seen.conversion in {"complete", "unknown"} and seen.status != "editable":
        link = await direct_link(context, collection_hash, seen.title)
    age = await uploads.journal.now() - entry.started if seen.conversion == "processing" else 0.0
    overdue = age > UNUSUALLY_LONG
    late = (TAKES_LONG.format(duration(age)),) if overdue else ()
    return Followed(entry, seen, link, (*entry.warnings, *late), ended.states, overdue=overdue)


async def watch_conversion(
    context: CallContext, uploads: Uploads, entry: JournalEntry, seconds: float
) -> tuple[str, Watched[Collection]]:
    """The hash of an upload's collection and its conversion; one that is not there yet is waited for as well.

    Raises:
        CollectionLost: It was deleted, or may have been, or may be another one by now.
        NotFoundError: It is still not there.
    """
    end = anyio.current_time() + context.patience(seconds)
    pauses = pauses_between_looks()
    while True:
        try:
            first = await find_collection(context, uploads, entry)
            watching = uploads.conversions.of(first.collection_hash, first)
            return first.collection_hash, await watching.until_settled(context, end - anyio.current_time(), first)
        except NotFoundError:
            if (left := end - anyio.current_time()) <= 0:
                raise
            await context.tell(NOT_SHOWN_YET)
            await anyio.sleep(min(next(pauses), left))


async def find_collection(context: CallContext, uploads: Uploads, entry: JournalEntry) -> Collection:
    """The collection of an upload, also under the new hash it got when it was published elsewhere.

    Raises:
        CollectionLost: It was deleted, or may have been, or may be another one by now.
        NotFoundError: It is not there yet: Flipsnack may show a new one a moment later than it names its hash.
    """
    try:
        return await context.send(GetCollection(collection_hash=entry.collection_hash))
    except NotFoundError as error:
        not_there = error
    deleted = not_there.code == CODE_OF_DELETED
    title = entry.listed or entry.title
    others = {one.collection_hash for one in await uploads.journal.others(entry.upload_id)}
    new = await new_ones(context, title, frozenset({*entry.before, *others})) if title.strip() else []
    is_new = not entry.seen and await uploads.journal.now() - entry.started < SHOWN_LATE
    if (is_new and not new) or any(row.collection_hash == entry.collection_hash for row in new):
        raise not_there
    if deleted and not new:
        raise CollectionLost
    if deleted or len(new) != 1:
        raise CollectionLost(
            FATE_UNKNOWN.format(f" New ones of its title: {', '.join(map(as_known, new))}." if new else "")
        )
    return await context.send(GetCollection(collection_hash=new[0].collection_hash))


class CollectionLost(Exception):  # noqa: N818 - it is no error
    """The collection of an upload was deleted, or what became of it cannot be told."""

    def __init__(self, fate: str = "") -> None:
        super().__init__(fate)
        self.fate = fate
        """Why it cannot be told."""
