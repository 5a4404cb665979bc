"""create_collection: one upload, told in parts as long as it takes. And what every upload sends and costs."""

from contextlib import AsyncExitStack
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from flipsnack_mcp.api import Action, Changed, FlipsnackError, wire_parameters
from flipsnack_mcp.api.actions import collections, publishing, statistics
from flipsnack_mcp.files.documents import Kind, OpenDocument, open_document
from flipsnack_mcp.files.lookahead import LookAhead, look_ahead
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.tools.addresses import WOULD_BE_SENT, by_address, give_upload_address
from flipsnack_mcp.server.tools.tool import (
    Answered,
    ByAddress,
    NextStep,
    Planned,
    States,
    ToolCall,
    Warnings,
    WasDryRun,
)
from flipsnack_mcp.server.views.showing import Aside
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.changing import COMPARED, comparable_in, differences
from flipsnack_mcp.workflows.progress import IN_LINE, size_of, upload_at
from flipsnack_mcp.workflows.uploads.following import Followed, follow
from flipsnack_mcp.workflows.uploads.journal import RUNNING, JournalEntry
from flipsnack_mcp.workflows.uploads.source import Source

KINDS = {"PDF": Kind.PDF, "picture": Kind.IMAGE}
EARLIER = (
    "The same {} and title was uploaded less than a day ago; this is that upload. again=true uploads it once more, "
    "which costs another of the month's uploads."
)
ONE_MORE = "The same {} and title was uploaded less than a day ago: this would be one more of it."
STILL_THAT = (
    "The last upload of this document and title is not finished yet, so this is that one; nothing was sent again."
)
AS_IT_IS = "It stays as it is, though this call asks for another {}: use update_collection."
STOPPING = "The process that uploads it was asked to stop it, which takes up to 10 seconds."
FAILED_CONVERSION = (
    "The conversion failed. The upload is spent all the same; ask the person before uploading another file."
)
UNDER_WAY = RUNNING | {"converting"}
UNPUBLISHED = (
    "It is a draft and not published: nobody can read it. As public or unlisted it gets its final hash and link."
)
NOT_TOLD = "Flipsnack does not say how far the conversion is; look at the collection in a few minutes."
LOOK_LATER = "Tell the person, who can see in Flipsnack how it looks. Call {} in a few minutes to look once more."


class Creation(Answered):
    """An upload and what became of it."""

    state: Annotated[
        Literal["uploading", "converting", "complete", "failed", "interrupted", "stopped"]
        | SkipJsonSchema[Literal["waiting"]]
        | None,
        Field(description="Of the upload"),
    ] = None
    upload_id: Annotated[str | None, Field(description="For get_upload")] = None
    upload_address: ByAddress = None
    expires_at: ByAddress = None
    sent: Annotated[str | None, Field(description="Of its bytes")] = None
    collection_hash: Annotated[str | None, Field(description="Temporary while editable")] = None
    title: Annotated[str | None, Field(description="Once known")] = None
    status: Annotated[str | None, Field(description="Status")] = None
    direct_link: Annotated[str | None, Field(description="Reader's address")] = None
    warnings: Warnings = []
    states: States = []
    next_step: NextStep = None
    note: Annotated[str | None, Field(description="What is not done")] = None


class Publication(Creation):
    """An upload that was asked for, or would be."""

    dry_run: WasDryRun = None
    changes: Planned = None


async def file_of(call: ToolCall, action: Action[Any], stack: AsyncExitStack) -> tuple[OpenDocument | None, LookAhead]:
    """The file that a call names, checked, looked into and open until the stack is left.

    There is none where Flipsnack fetches it by its address.
    """
    if call.options.file_path is None:
        return None, LookAhead(None, ())
    opening = open_document(call.options.file_path, call.app.upload_dirs, KINDS[action.uploads])
    document = await stack.enter_async_context(opening)
    look = await look_ahead(document)
    return document, LookAhead(look.pages, (*document.warnings, *look.warnings))


async def upload_cost(call: ToolCall) -> str:
    """What an upload takes from the month's allowance."""
    left = (await call.context.send(statistics.GetUserStats())).api_uploads_left
    if left is None:
        return "one of the month's uploads is used"
    if left == 0:
        return "none of the month's uploads is left: Flipsnack would refuse it"
    return f"api_uploads_left: from {left} to {left - 1}"


async def upload_sentence(action: Action[Any], document: OpenDocument | None, pages: int | None) -> str:
    """What would be sent."""
    if document is None:
        address = wire_parameters(action).get("fileUrl")
        return f"Flipsnack would fetch {address}" if address else WOULD_BE_SENT
    counted = f", {as_many(pages, 'page')}" if pages is not None else ", pages not counted" * (action.uploads == "PDF")
    return f"upload {document.name}, {size_of(document.size)}{counted}, sha256 {await document.sha256()}"


async def create_collection(call: ToolCall, wanted: publishing.CreateCollection) -> Publication:
    """Upload a document in the background, as a draft unless a status was given, and wait for it."""
    action = wanted if wanted.status else wanted.model_copy(update={"status": "editable"})
    if call.options.dry_run:
        return await planned_upload(call, action)
    if by_address(call, action):
        return Publication.model_validate(await give_upload_address(call, action))
    uploads, seconds = call.app.uploads, call.options.wait_seconds
    await uploads.reconcile(call.context)
    async with AsyncExitStack() as kept_open:
        document, look = await file_of(call, action, kept_open)
        source = Source(action, document, look.warnings, beginner=call.beginner)
        entry, new = await uploads.begin(source, kept_open, again=call.options.again)
        followed = await follow_begun(call, entry, seconds)
        if followed.gone and not new:
            # again=False: what is gone does not stand, and of several calls that find it gone one uploads.
            entry, new = await uploads.begin(source, kept_open, again=False)
            followed = await follow_begun(call, entry, seconds)
    if new and (error := uploads.error_of(entry.upload_id)):
        raise name_the_look(error, entry)
    call.ended = ("uploading" if followed.entry.state in RUNNING else "done") if new else ""
    said = differences(action, followed.collection) if new and followed.collection else ()
    earlier_said = () if new else earlier_instead(call, wanted, entry, followed.collection)
    call.aside = cover_of(followed)
    return Publication.model_validate(upload_facts(followed, [*look.warnings, *said, *earlier_said]))


def name_the_look(error: FlipsnackError, entry: JournalEntry) -> FlipsnackError:
    """An error after which the upload may be there names the call that looks for it."""
    if error.changed is Changed.PERHAPS:
        error.next_step = (
            f'Call get_upload(upload_id="{entry.upload_id}") in a minute: it looks for the collection. '
            "If it finds none, ask the person before uploading again."
        )
    return error


def earlier_instead(
    call: ToolCall, wanted: publishing.CreateCollection, entry: JournalEntry, collection: collections.Collection | None
) -> list[str]:
    """What a person should know who gets an earlier upload instead of a new one."""
    said = STILL_THAT if call.options.again else EARLIER.format(what_was_sent(entry))
    return [said, *left_as_it_is(wanted, collection)]


def left_as_it_is(wanted: publishing.CreateCollection, earlier: collections.Collection | None) -> list[str]:
    """What an earlier upload is, where this call asks for something else."""
    given = [name for name in comparable_in(earlier) if name in wanted.model_fields_set] if earlier else []
    other = [name for name in given if getattr(wanted, name) not in (None, getattr(earlier, name))]
    return [AS_IT_IS.format(", ".join(other))] if other else []


def what_was_sent(entry: JournalEntry) -> str:
    """What an upload is of, in a word."""
    return "document" if entry.size else "address"


async def follow_begun(call: ToolCall, entry: JournalEntry, seconds: float) -> Followed:
    """The upload as far as it is; a state file that fails by now does not undo it."""
    try:
        return await follow(call.context, call.app.uploads, entry, seconds)
    except StoreUnusable as error:
        told = as_callers_hear(error)
        raise FlipsnackError(
            f"The upload {entry.upload_id} has begun, but how it goes cannot be read: {told.happened}",
            f'{told.next_step} Then call get_upload(upload_id="{entry.upload_id}").',
            changed=Changed.PERHAPS,
            retry="Do not upload it again.",
        ) from None


async def planned_upload(call: ToolCall, action: publishing.CreateCollection) -> Publication:
    """What an upload would send and cost, without sending anything."""
    async with AsyncExitStack() as kept_open:
        document, look = await file_of(call, action, kept_open)
        sent = await upload_sentence(action, document, look.pages)
        standing = None
        if not by_address(call, action):
            identity = await Source(action, document).identity()
            standing = await call.app.uploads.journal.standing(identity, action.title or "")
    if standing and (standing.unfinished or not call.options.again):
        stands = f"nothing is uploaded as long as what upload {standing.upload_id} became is there"
        return Publication(dry_run=True, changes=[stands], warnings=earlier_instead(call, action, standing, None))
    asked_for = {name: value for name in COMPARED if (value := getattr(action, name)) is not None}
    given = [f"{name}: {value}" for name, value in {**asked_for, **(action.settings or {})}.items()]
    cost = await upload_cost(call)
    said = [ONE_MORE.format(what_was_sent(standing))] if standing else []
    return Publication(dry_run=True, changes=[sent, *given, cost], warnings=[*look.warnings, *said])


def cover_of(followed: Followed) -> Aside:
    """The cover of what was made, for the view."""
    seen = followed.collection
    return Aside(covers={seen.collection_hash: seen.cover_image}) if seen else Aside()


def upload_facts(followed: Followed, said: list[str]) -> dict[str, Any]:
    """The answer about an upload."""
    entry, seen = followed.entry, followed.collection
    running = entry.state in RUNNING
    return {
        "state": state_of(entry),
        "upload_id": entry.upload_id,
        "sent": sent_of(followed) if running else None,
        "collection_hash": entry.collection_hash or None,
        "title": (seen.title if seen else entry.title) or None,
        "status": seen.status if seen else None,
        "direct_link": None if is_draft(followed) else followed.direct_link,
        "warnings": [*said, *followed.warnings, *warn_about(followed)],
        "states": followed.states,
        "next_step": next_look(followed),
        "note": UNPUBLISHED if is_draft(followed) else None,
    }


def sent_of(followed: Followed) -> str:
    """How far the bytes are."""
    entry, at_work = followed.entry, followed.at_work
    if entry.state == "waiting" or not at_work:
        return IN_LINE
    return upload_at(at_work.sent, entry.size, at_work.seconds)


def warn_about(followed: Followed) -> list[str]:
    """What a person should know about an upload that did not simply end well."""
    entry, seen = followed.entry, followed.collection
    if seen and seen.conversion == "failed":
        return [FAILED_CONVERSION]
    if seen and seen.conversion == "unknown":
        return [NOT_TOLD]
    if followed.at_work and followed.at_work.stopping:
        return [STOPPING]
    if entry.said:
        return [entry.said]
    # It was seen by an earlier call, and nobody looks again at what has come to its end.
    return [FAILED_CONVERSION] if entry.state == "failed" and entry.collection_hash else []


def is_draft(followed: Followed) -> bool:
    """Whether all is done and nobody can read it yet."""
    seen = followed.collection
    return followed.entry.state == "complete" and seen is not None and seen.status == "editable"


def next_look(followed: Followed) -> str | None:
    """The call that goes on from here."""
    entry = followed.entry
    again = f'get_upload(upload_id="{entry.upload_id}", wait_seconds=30)'
    if entry.state in RUNNING:
        return f"Still uploading. Call {again} to wait on."
    if entry.state == "interrupted" and not entry.checked and not entry.collection_hash:
        return f"Call {again} in a minute: it looks for the collection once more."
    if entry.state != "converting":
        return None
    return f"Still converting. Call {again} to wait on." if followed.is_under_way else LOOK_LATER.format(again)


def state_of(entry: JournalEntry) -> str:
    """The state as it is told."""
    if entry.stopped:
        return "stopped"
    return "uploading" if entry.state in RUNNING else entry.state
