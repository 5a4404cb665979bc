"""Addresses as they are given out, where nobody's disk can be read: to send a document to, and to fetch a file from."""

from datetime import UTC, timedelta
from typing import Any, NamedTuple

import anyio

from flipsnack_mcp.api import Action, ConfigurationError
from flipsnack_mcp.server.app import TO_SET, App
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS
from flipsnack_mcp.workflows.addresses.handed import HANDED, HandedNow, HandedUpload
from flipsnack_mcp.workflows.addresses.handing import TAKEN_BY_ADDRESS, Handing
from flipsnack_mcp.workflows.jobs import new_job_id

SPOOL_SETTING = "FLIPSNACK_SPOOL_DIR"
UPLOADS_AT, FILES_AT = "uploads", "files"
"""Where addresses begin, below that of the server."""
WOULD_BE_SENT = "an upload address would be given, and the PDF that is sent there would be uploaded"
TO_SEND = (
    "Nothing is uploaded yet. Give the person upload_address: opened in a browser it takes the PDF; so does "
    "`curl -T FILE ADDRESS`. It is good for one document and 15 minutes, and whoever has it can use it. "
    'Then call get_upload(upload_id="{}", wait_seconds=45).'
)
NOT_YET_ARRIVED = 'Nothing has arrived at its address yet. Call get_upload(upload_id="{}", wait_seconds=45) to wait on.'
ARRIVED_JUST_NOW = 'The document has arrived and is looked into. Call get_upload(upload_id="{}", wait_seconds=30).'
NOTHING_CAME = "No document came to its address within 15 minutes, so nothing was uploaded."
ANOTHER_ADDRESS = "Call {} again for a new address, once the person has the right document."
BEING_ADDED = 'The document is being sent to the collection. Call get_upload(upload_id="{}", wait_seconds=30).'
ADDED_BY_ADDRESS = "The document was added to the collection; get_collection shows how far its conversion is."
ADDING_UNSEEN = "The server that sent the document ended meanwhile: look at the collection with get_collection."
LOOK_AGAIN_AFTER_ARRIVAL = 1.0
"""Seconds between two looks whether something has arrived, at whichever replica."""


class FileAddress(NamedTuple):
    """Where a file is fetched from, and until when."""

    file_address: str
    expires_at: str


def by_address(call: ToolCall, action: Action[Any]) -> bool:
    """Whether a call names no document, so that one has to be sent here."""
    return call.app.handing is not None and call.options.file_path is None and getattr(action, "file_url", "") is None


def address_of_ours(app: App, *parts: str) -> str:
    """An address below the one that people reach this server at.

    Raises:
        ConfigurationError: Nobody has said what that is.
    """
    if not app.settings.public_url:
        raise ConfigurationError("FLIPSNACK_PUBLIC_URL is not set, so there is no address to give.", TO_SET)
    return "/".join((app.settings.public_url.rstrip("/"), *parts))


def ends_at(app: App) -> str:
    """When an address ends that is given out now."""
    return (app.reports.moment.astimezone(UTC) + timedelta(seconds=ADDRESS_SECONDS)).isoformat(timespec="seconds")


async def give_upload_address(call: ToolCall, action: Action[Any]) -> dict[str, Any]:
    """The answer to a call that names no document: where it can be sent."""
    handing = handing_of(call)
    kind = TAKEN_BY_ADDRESS[call.tool]
    arguments = action.model_dump(mode="json", include=set(kind.model_fields), exclude_none=True)
    asked = HandedUpload(
        upload_id=new_job_id(),
        account=call.app.settings.account,
        tool=call.tool,
        arguments=arguments,
        again=call.options.again,
        **call.beginner._asdict(),
    )
    address_of_ours(call.app)
    call.app.check_folder(SPOOL_SETTING)
    drawn = await handing.handed.give(asked)
    call.ended = ""  # what is sent there has a line of its own in the history
    return {
        "state": "waiting",
        "upload_id": asked.upload_id,
        "upload_address": address_of_ours(call.app, UPLOADS_AT, drawn.secret),
        "expires_at": ends_at(call.app),
        "next_step": TO_SEND.format(asked.upload_id),
    }


async def give_file_address(call: ToolCall, content: bytes, name: str) -> FileAddress:
    """Where a small file can be fetched."""
    address_of_ours(call.app)
    drawn = await handing_of(call).files.keep(content, name, call.tool, call.beginner)
    return FileAddress(address_of_ours(call.app, FILES_AT, drawn.secret), ends_at(call.app))


async def give_package_address(call: ToolCall, collection_hash: str, name: str) -> FileAddress:
    """Where a collection's package can be fetched."""
    address_of_ours(call.app)
    drawn = await handing_of(call).files.name_package(collection_hash, name, call.tool, call.beginner)
    return FileAddress(address_of_ours(call.app, FILES_AT, drawn.secret), ends_at(call.app))


def handing_of(call: ToolCall) -> Handing:
    """What comes and goes by addresses; there is no tool that gives any where there is none."""
    if call.app.handing is None:
        raise TypeError("no addresses are given out here")
    return call.app.handing


async def wait_for_arrival(call: ToolCall, upload_id: str, seconds: float) -> HandedNow | None:
    """What became of an upload address of this caller, once a document has come or the time is up; None where it is none.

    What has come to somebody else's is an upload of the account by then, and found as any other.
    """
    if call.app.handing is None:
        return None
    end = anyio.current_time() + call.context.patience(seconds)
    while True:
        seen = await call.app.handing.handed.look(upload_id)
        if seen is None or not CALLER.get().may_act_on(seen.handed.principal):
            return None
        under_way = seen.handed.state in {"taken", "sending"} or (seen.handed.state == "waiting" and seen.good)
        if not under_way or anyio.current_time() >= end:
            return seen
        await anyio.sleep(LOOK_AGAIN_AFTER_ARRIVAL)


async def open_addresses(call: ToolCall) -> list[HandedUpload]:
    """The upload addresses of whoever calls to which nothing has come yet."""
    return await call.app.handing.handed.open_of(CALLER.get().principal) if call.app.handing else []


async def closed_address(call: ToolCall, upload_id: str) -> bool:
    """Whether an upload address of this caller was ended by that, to which nothing had come."""
    seen = await call.app.handing.handed.look(upload_id) if call.app.handing else None
    if seen is None or call.app.handing is None or not CALLER.get().may_act_on(seen.handed.principal):
        return False
    return await call.app.handing.handed.close(upload_id)


async def told_of_arrival(call: ToolCall, seen: HandedNow) -> dict[str, Any]:
    """The answer about an upload address at which nothing has arrived that became an upload of the journal."""
    handed, known = seen.handed, seen.handed.upload_id
    facts: dict[str, Any] = {
        "upload_id": known,
        "title": handed.arguments.get("title"),
        "collection_hash": handed.arguments.get("collection_hash"),
        "warnings": [handed.said] if handed.said else [*handed.warnings],
    }
    again = ANOTHER_ADDRESS.format(handed.tool)
    if handed.state == "sending" and not await is_being_sent(call, known):
        return {**facts, "state": "interrupted", "next_step": ADDING_UNSEEN}
    if handed.state == "waiting" and not seen.good:
        return {**facts, "state": "failed", "warnings": [NOTHING_CAME], "next_step": again}
    state, step = {
        "waiting": ("waiting", NOT_YET_ARRIVED.format(known)),
        "taken": ("uploading", ARRIVED_JUST_NOW.format(known)),
        "begun": ("uploading", ARRIVED_JUST_NOW.format(known)),
        "sending": ("uploading", BEING_ADDED.format(known)),
        "done": ("complete", ADDED_BY_ADDRESS),
        "refused": ("failed", again),
        "failed": ("failed", None),
        "stopped": ("stopped", None),
    }[handed.state]
    return {**facts, "state": state, "next_step": step}


async def is_being_sent(call: ToolCall, upload_id: str) -> bool:
    """Whether a process is at it."""
    jobs = call.app.jobs
    return bool(jobs.running(HANDED, upload_id) or await jobs.elsewhere(HANDED, upload_id))
