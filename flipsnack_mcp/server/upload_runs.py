"""create_collection and get_upload: one upload, told in parts as long as it takes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.server.calls import CreateCollectionCall, GetUploadCall
from flipsnack_mcp.server.results import Publication, UploadRow, UploadStatus
from flipsnack_mcp.server.runs import document_of, upload_change, upload_cost
from flipsnack_mcp.server.tool import Work, bare
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.publishing import COMPARED, differences
from flipsnack_mcp.workflows.uploads.following import Followed, follow
from flipsnack_mcp.workflows.uploads.journal import RUNNING, Entry
from flipsnack_mcp.workflows.uploads.uploading import Source

EARLIER = (
    "The same {} and title was uploaded less than a day ago; this is that upload. again=true uploads it once more, "
    "which costs another of the month's uploads."
)
STILL_THAT = (
    "The last upload of this document and title is not finished yet, so this is that one; nothing was sent again."
)
AS_IT_IS = "It stays as it is, though this call asks for another {}: use update_collection."
STOPPING = "The process that uploads it was asked to stop it, which takes up to 10 seconds."
FAILED_CONVERSION = (
    "The conversion failed. The upload is spent all the same; ask the person before uploading another file."
)
NOT_TOLD = "Flipsnack does not say how far the conversion is; look at the collection in a few minutes."


async def create_collection(work: Work, call: CreateCollectionCall) -> Publication:
    """Upload a document in the background, as a draft unless a status was given, and wait for it."""
    if call.dry_run:
        return await planned_upload(work, call)
    uploads = work.app.uploads
    await uploads.reconcile(work.errand)
    action = asked(call)
    async with AsyncExitStack() as kept_open:
        found = await document_of(work, call, kept_open)
        source = Source(action, found.document)
        entry, new = await uploads.begin(source, kept_open, again=call.again)
        followed = await followed_on(work, entry, call.wait_seconds)
        if followed.gone and not new:
            # again=False: what is gone does not stand, and of several calls that find it gone one uploads.
            entry, new = await uploads.begin(source, kept_open, again=False)
            followed = await followed_on(work, entry, call.wait_seconds)
    if new and (error := uploads.error_of(entry.upload_id)):
        raise traceable(error, entry)
    said = differences(action, followed.collection) if new and followed.collection else ()
    found_said = () if new else earlier(call, entry, followed.collection)
    return Publication.model_validate(told(work, followed, [*found.warnings, *said, *found_said]))


def traceable(error: FlipsnackError, entry: Entry) -> FlipsnackError:
    """An error after which the upload may be there names the call that looks for it."""
    if error.changed is Changed.PERHAPS:
        error.next_step = (
            f'Call get_upload(upload_id="{entry.upload_id}") in a minute: it looks for the collection. '
            "If it finds none, ask the person before uploading again."
        )
    return error


def earlier(call: CreateCollectionCall, entry: Entry, collection: Collection | None) -> list[str]:
    """What a person should know who gets an earlier upload instead of a new one."""
    said = STILL_THAT if call.again and not call.dry_run else EARLIER.format("document" if entry.size else "address")
    if collection is None:
        return [said]
    given = [name for name in COMPARED if name in call.model_fields_set]
    wished = [name for name in given if getattr(call, name) not in (None, getattr(collection, name))]
    return [said, AS_IT_IS.format(", ".join(wished))] if wished else [said]


async def followed_on(work: Work, entry: Entry, seconds: float) -> Followed:
    """The upload as far as it is; a state file that fails by now does not undo it."""
    try:
        return await follow(work.errand, work.app.uploads, entry, seconds)
    except StoreUnusable as error:
        raise FlipsnackError(
            f"The upload {entry.upload_id} has begun, but how it goes cannot be read: {error.happened}",
            f'{error.next_step} Then call get_upload(upload_id="{entry.upload_id}").',
            changed=Changed.PERHAPS,
            retry="Do not upload it again.",
        ) from None


async def planned_upload(work: Work, call: CreateCollectionCall) -> Publication:
    """What an upload would send and cost, without sending anything."""
    action = asked(call)
    async with AsyncExitStack() as kept_open:
        found = await document_of(work, call, kept_open)
        sent = await upload_change(action, found)
        standing = await work.app.uploads.standing(Source(action, found.document))
    asked_for = {name: value for name in COMPARED if (value := getattr(action, name)) is not None}
    given = [f"{name}: {value}" for name, value in {**asked_for, **(action.settings or {})}.items()]
    cost = await upload_cost(work)
    return Publication(
        dry_run=True,
        changes=[sent, *given, cost],
        warnings=[*found.warnings, *(earlier(call, standing, None) if standing else [])],
    )


def asked(call: CreateCollectionCall) -> CreateCollection:
    """The action; without a status it asks for a draft, explicitly."""
    action: CreateCollection = bare(call)
    return action if action.status else action.model_copy(update={"status": "editable"})


async def get_upload(work: Work, call: GetUploadCall) -> UploadStatus:
    """See how an upload is doing, wait for it, stop it; or list those of the last day."""
    uploads = work.app.uploads
    await uploads.reconcile(work.errand)
    if not call.upload_id:
        return UploadStatus(uploads=[row(one) for one in await uploads.journal.recent()])
    entry = await uploads.journal.entry(call.upload_id.strip().lower())
    if entry is None:
        raise FlipsnackError(
            "There is no such upload.", "Call get_upload without upload_id for the uploads of the last day."
        )
    if call.cancel:
        if entry.state not in RUNNING:
            raise FlipsnackError(
                "This upload has ended; it cannot be stopped any more.",
                "To remove its collection, use delete_collection.",
            )
        await uploads.stop(entry.upload_id)
        entry = await uploads.journal.entry(entry.upload_id) or entry
    return UploadStatus.model_validate(told(work, await follow(work.errand, uploads, entry, call.wait_seconds), []))


def told(work: Work, followed: Followed, said: list[str]) -> dict[str, Any]:
    """The answer about an upload."""
    entry, seen = followed.entry, followed.collection
    running = entry.state in RUNNING
    return {
        "state": "uploading" if running else entry.state,
        "upload_id": entry.upload_id,
        "progress": work.app.uploads.speed(entry) if running else None,
        "collection_hash": entry.collection_hash or None,
        "title": (seen.title if seen else entry.title) or None,
        "status": seen.status if seen else None,
        "direct_link": followed.direct_link,
        "warnings": [*said, *followed.warnings, *troubles(followed)],
        "states": followed.states,
        "next_step": next_step(entry),
    }


def troubles(followed: Followed) -> list[str]:
    """What a person should know about an upload that did not simply end well."""
    if followed.collection and followed.collection.conversion == "failed":
        return [FAILED_CONVERSION]
    if followed.collection and followed.collection.conversion == "unknown":
        return [NOT_TOLD]
    if followed.entry.stop and followed.entry.state in RUNNING:
        return [STOPPING]
    return [followed.entry.said] if followed.entry.said else []


def next_step(entry: Entry) -> str | None:
    """The call that goes on from here."""
    again = f'get_upload(upload_id="{entry.upload_id}", wait_seconds=30)'
    if entry.state in RUNNING:
        return f"Still uploading. Call {again} to wait on."
    if entry.state == "interrupted" and not entry.checked and not entry.collection_hash:
        return f"Call {again} in a minute: it looks for the collection once more."
    return f"Still converting. Call {again} to wait on." if entry.state == "converting" else None


def row(entry: Entry) -> UploadRow:
    """One line of the list."""
    started = datetime.fromtimestamp(entry.started, UTC).isoformat(timespec="seconds")
    return UploadRow(
        upload_id=entry.upload_id,
        state="uploading" if entry.state in RUNNING else entry.state,
        title=entry.title,
        name=entry.name,
        started=started,
        collection_hash=entry.collection_hash or None,
    )
