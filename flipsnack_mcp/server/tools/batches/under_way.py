"""get_upload: one upload and its conversion, or all of the last day, waited for and with their links."""

from datetime import UTC, datetime
from typing import Annotated, Self

import anyio
from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from flipsnack_mcp.api import Effect, FlipsnackError
from flipsnack_mcp.server.callers.accounts import NoSuchWorkError
from flipsnack_mcp.server.callers.rights import check_theirs
from flipsnack_mcp.server.tools.addresses import open_addresses, told_of_arrival, wait_for_arrival
from flipsnack_mcp.server.tools.arguments import GivenId, ToolInput, WaitSeconds
from flipsnack_mcp.server.tools.batches.stopping import STEP_PATIENCE
from flipsnack_mcp.server.tools.tool import Answered, ToolCall
from flipsnack_mcp.server.tools.uploads import (
    EARLIER,
    Creation,
    cover_of,
    state_of,
    upload_facts,
    warn_about,
)
from flipsnack_mcp.workflows.addresses.handed import HandedUpload
from flipsnack_mcp.workflows.uploads.following import Followed, follow
from flipsnack_mcp.workflows.uploads.journal import RUNNING, UPLOAD, JournalEntry
from flipsnack_mcp.workflows.uploads.looking_after import NOT_LOOKED, look_after

ROWS = 100
"""Of the uploads of a day."""
WAIT_ON = "Some are still under way. Call get_upload(wait_seconds=45) to wait on for all of them."


class GetUploadInput(ToolInput):
    """See what happened to an upload: how far it is, if it is still running or failed, how it ended. Waits for it. Without upload_id: recent uploads of the last day, with links."""

    tool_name = "get_upload"
    tool_title = "Upload status"
    effect = Effect.READS
    over = "state of create_collection"
    idempotent = True

    upload_id: Annotated[GivenId | None, Field(description="From create_collection")] = None
    wait_seconds: WaitSeconds = 30
    cancel: SkipJsonSchema[bool] = False
    """As it was before there was stop_work."""

    @property
    @override
    def changes_something(self) -> bool:
        return self.cancel

    @model_validator(mode="after")
    def one_to_stop(self) -> Self:
        """Only a named upload can be stopped."""
        if self.cancel and not self.upload_id:
            raise ValueError("say which upload to stop: give its upload_id")
        return self


class UploadRow(Answered):
    """One upload of the last day."""

    upload_id: str
    state: str
    title: str
    """As the collection is called today; as it was asked for, where that is not known."""
    name: str
    """Of the file."""
    started: str
    """UTC."""
    collection_hash: str | None = None
    status: str | None = None
    direct_link: str | None = None
    reason: str | None = None


class UploadStatus(Creation):
    """One upload, or a list of them."""

    uploads: Annotated[list[UploadRow] | None, Field(description="Without upload_id")] = None


async def get_upload(call: ToolCall, arguments: GetUploadInput) -> UploadStatus:
    """See how an upload is doing, wait for it, stop it; or list those of the last day."""
    uploads = call.app.uploads
    await uploads.reconcile(call.context)
    if not arguments.upload_id:
        return await uploads_of_the_day(call, arguments.wait_seconds)
    began = anyio.current_time()
    seen = await wait_for_arrival(call, arguments.upload_id, arguments.wait_seconds)
    entry = await uploads.journal.find((seen and seen.handed.became) or arguments.upload_id)
    if entry is None and seen:
        return UploadStatus.model_validate(await told_of_arrival(call, seen))
    if entry is None:  # nor an address of somebody else to which nothing has come
        raise NoSuchWorkError(
            "There is no such upload.", "Call get_upload without upload_id for the uploads of the last day."
        )
    if arguments.cancel:
        entry = await stopped_upload(call, entry)
    left = max(0.0, arguments.wait_seconds - (anyio.current_time() - began))
    followed = await follow(call.context, uploads, entry, left)
    call.aside = cover_of(followed)
    earlier = [EARLIER.format("document")] if entry.upload_id != arguments.upload_id else []
    return UploadStatus.model_validate(upload_facts(followed, [*earlier, *followed.entry.document_warnings]))


async def stopped_upload(call: ToolCall, entry: JournalEntry) -> JournalEntry:
    """An upload of whoever calls, as it is once it was asked to stop."""
    check_theirs(entry.principal, entry.caller)
    if entry.state not in RUNNING:
        raise FlipsnackError(
            "This upload has ended; it cannot be stopped any more.", "To remove its collection, use delete_collection."
        )
    await call.app.jobs.stop(UPLOAD, entry.upload_id, call.context.patience(STEP_PATIENCE))
    return await call.app.uploads.journal.find(entry.upload_id) or entry


async def uploads_of_the_day(call: ToolCall, seconds: float) -> UploadStatus:
    """The uploads of the last day, once those under way are through or the time is up."""
    entries = await call.app.uploads.journal.recent()
    every = await look_after(call.context, call.app.uploads, entries[:ROWS], seconds)
    going_on = any(one.is_under_way for one in every)
    looked = dict.fromkeys(said for one in every for said in one.warnings if said.startswith(NOT_LOOKED))
    left = [f"{len(entries) - ROWS} earlier uploads of the day are not listed."] if len(entries) > ROWS else []
    rows = [*(waiting_row(one) for one in await open_addresses(call)), *(upload_row(one) for one in every)]
    return UploadStatus(uploads=rows, warnings=[*looked, *left], next_step=WAIT_ON if going_on else None)


def waiting_row(handed: HandedUpload) -> UploadRow:
    """One line of the list, of an address to which nothing has come yet."""
    at = datetime.fromtimestamp(handed.made_shown, UTC).isoformat(timespec="seconds")
    title = str(handed.arguments.get("title") or "")
    return UploadRow(upload_id=handed.upload_id, state="waiting", title=title, name="", started=at)


def upload_row(followed: Followed) -> UploadRow:
    """One line of the list."""
    entry, seen = followed.entry, followed.collection or followed.listed
    at = datetime.fromtimestamp(entry.shown or entry.started, UTC).isoformat(timespec="seconds")
    return UploadRow(
        upload_id=entry.upload_id,
        state=state_of(entry),
        title=(seen.title if seen else entry.listed) or entry.title,
        name=entry.name,
        started=at,
        collection_hash=entry.collection_hash or None,
        status=seen.status if seen else None,
        direct_link=followed.direct_link,
        reason=" ".join(warn_about(followed)) or None,
    )
