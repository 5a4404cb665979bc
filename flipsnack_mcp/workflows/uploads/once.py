"""One request with a document: sent once, and looked for where its answer was lost."""

import logging
from contextlib import suppress

from flipsnack_mcp.api import Action, Changed, Document, FlipsnackError, ResultT_co
from flipsnack_mcp.api.actions import collections, publishing
from flipsnack_mcp.files.documents import DocumentChanged
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.last_look import LastLook
from flipsnack_mcp.workflows.uploads.journal import JournalEntry
from flipsnack_mcp.workflows.uploads.reconciling import FOUND_AGAIN, Known, end_unseen, look_for

ONE_MORE_THERE = "{} By now the collection has one flipbook more, so it is not to be added again."

log = logging.getLogger(__name__)


async def create_once(
    context: CallContext,
    action: publishing.CreateCollection,
    document: Document | None,
    before: frozenset[str],
    known: Known,
) -> tuple[collections.Collection, tuple[str, ...]]:
    """Send an upload once. After a lost answer it is looked for, never sent again: it may have cost quota.

    `before` are the collections it could be mistaken for.
    """
    title = action.title or ""
    try:
        created = await context.send(action, document)
        if created.collection_hash:
            return created, ()
        lost = "Flipsnack took the upload but named no hash."
    except DocumentChanged as error:
        raise end_unseen(str(error), await look_for(context, title, before, known)) from None
    except FlipsnackError as error:
        if error.changed is Changed.NOTHING:
            raise
        lost = error.happened
    found = await look_for(context, title, before, known)
    if found is None:
        raise end_unseen(lost)
    return found, (FOUND_AGAIN,)


async def add_once(
    context: CallContext,
    action: Action[collections.Collection],
    document: Document | None,
    before: collections.Collection,
) -> tuple[collections.Collection, tuple[str, ...]]:
    """Send a document to a collection once. After a lost answer it is looked for there, never sent again."""
    try:
        return await send_to(context.leaving_time, action, document), ()
    except FlipsnackError as error:
        if error.changed is Changed.NOTHING:
            raise
        with suppress(FlipsnackError):
            known = collections.GetCollection(collection_hash=before.collection_hash)
            after = await context.send(known)
            if len(after.flipbooks) > len(before.flipbooks):
                return after, (ONE_MORE_THERE.format(error.happened),)
        raise


async def send_to(
    context: CallContext, action: Action[ResultT_co], document: Document | None, last: LastLook | None = None
) -> ResultT_co:
    """Send a document to a collection that is there already; after a last look where it overwrites something."""
    try:
        return await (last.then_send(context, action, document) if last else context.send(action, document))
    except DocumentChanged as error:
        raise FlipsnackError(
            str(error),
            "Look at the collection with get_collection before trying again.",
            changed=Changed.PERHAPS,
            retry="Do not simply repeat it.",
        ) from None


def failed_inside(error: Exception, entry: JournalEntry) -> FlipsnackError:
    """The error for what went wrong in this server itself; its own text can hold anything, also a signed address."""
    log.error("the upload failed with %s", type(error).__name__)
    unsent = entry.state == "waiting"
    when = "before anything of the document was sent" if unsent else "while the document was being sent"
    return FlipsnackError(
        f"Something went wrong in this server {when} ({type(error).__name__}).",
        "Tell the person." if unsent else "Call get_upload in a minute; it looks what became of it.",
        changed=Changed.NOTHING if unsent else Changed.PERHAPS,
        retry="You can try again." if unsent else "Do not simply repeat it.",
    )
