"""Everything that changes or destroys a collection: looked at first, confirmed where something is lost, saved, then done."""

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Annotated, Any

from mcp.types import InputRequiredResult
from pydantic import BaseModel, Field

from flipsnack_mcp.api import Action, Changed, FlipsnackError, wire_parameters
from flipsnack_mcp.api.actions.collections import Collection, GetCollection, UpdateCollection
from flipsnack_mcp.files.documents import OpenDocument
from flipsnack_mcp.server.consent.preview import Destruction, hashes_in
from flipsnack_mcp.server.tools.tool import Answered, HistoryId, Planned, ToolCall, Warnings, WasDryRun
from flipsnack_mcp.server.tools.uploads import file_of, upload_cost, upload_sentence
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.changing import asked_of, change, changes, delete
from flipsnack_mcp.workflows.uploads.sending import send_to

NEW_HASH = "Publishing a draft gives it a new hash and link."
OFFLINE = "Its link and every embed of it stop working; the person will be asked."


class Change(Answered):
    """One field before and after."""

    field: Annotated[str, Field(description="Name")]
    before: Annotated[str, Field(description="Was")]
    after: Annotated[str, Field(description="Is")]


class Update(Answered):
    """What an update changed."""

    collection_hash: Annotated[str, Field(description="As it is now")]
    previous_collection_hash: Annotated[str | None, Field(description="Where it was another")] = None
    changes: Annotated[list[Change], Field(description="Before and after")]
    dry_run: WasDryRun = None
    history_id: HistoryId = None
    warnings: Warnings = []


class Removal(Answered):
    """What is gone, or would be."""

    deleted: Annotated[bool, Field(description="Is gone")]
    collection_hash: Annotated[str, Field(description="The collection")]
    flipbook_hash: Annotated[str | None, Field(description="The flipbook")] = None
    dry_run: WasDryRun = None
    changes: Planned = None
    history_id: HistoryId = None


class ChangedCollection(Collection):
    """A collection that a change or a document was sent to, or would be."""

    dry_run: WasDryRun = None
    changes: Planned = None
    history_id: HistoryId = None
    warnings: Warnings = []


async def change_collection(call: ToolCall, action: Action[Collection]) -> ChangedCollection:
    """Send a change, with its document where it takes one: what every action that writes does, if no more is said."""
    async with AsyncExitStack() as open_until_sent:
        document, look = await file_of(call, action, open_until_sent)
        before = await call.context.send(GetCollection(collection_hash=hashes_in(action)["collection_hash"]))
        facts: dict[str, Any] = {"warnings": list(look.warnings)}
        if call.options.dry_run:
            planned = await planned_change(call, action, document, look.pages)
            return ChangedCollection(**before.model_dump(), **facts, dry_run=True, changes=planned)
        saved = await call.save(before)
        result = await send_to(call.context, action, document)
        return ChangedCollection(**result.model_dump(), **facts, history_id=saved)


async def planned_change(
    call: ToolCall, action: Action[Any], document: OpenDocument | None, pages: int | None
) -> list[str]:
    """What would be sent, and what it would cost."""
    if not action.uploads:
        given = ", ".join(f"{name} {value}" for name, value in wire_parameters(action).items())
        return [f"Flipsnack would be sent {action.api_name} with {given}"]
    cost = [await upload_cost(call)] if action.uploads == "PDF" else []
    return [await upload_sentence(action, document, pages), *cost]


async def destroy(call: ToolCall, action: Action[Any]) -> BaseModel | InputRequiredResult:
    """Show what would be destroyed, have it confirmed, look again, save how it was, and only then do it."""
    subject = Destruction(call.context, action)
    if call.options.dry_run:
        preview = await subject.preview()
        return tell_removal(action, deleted=False, dry_run=True, changes=[preview.text])
    await call.app.allowance.check()
    if question := await call.ask(call.options.confirmation, subject):
        return question
    saved = await call.save(subject.collection)
    await delete_within_allowance(call, action)
    return tell_removal(action, deleted=True, history_id=saved)


async def delete_within_allowance(call: ToolCall, action: Action[Any]) -> None:
    """Delete within the allowance; what certainly did not happen does not count."""
    taken = await call.app.allowance.take()
    try:
        await delete(call.context, action)
    except FlipsnackError as error:
        if error.changed is Changed.NOTHING:
            await call.app.allowance.give_back(taken)
        raise


def tell_removal(action: Action[Any], **facts: Any) -> Removal:
    """The answer about a deletion."""
    return Removal.model_validate({**hashes_in(action), **facts})


async def update_collection(call: ToolCall, action: UpdateCollection) -> Update | InputRequiredResult:
    """Change a collection, and say what was and what is. Taking it offline is confirmed like a deletion."""
    if call.options.dry_run:
        return await planned_update(call, action)
    if action.status == "editable" and (question := await ask_to_take_offline(call, action)):
        return question
    said: list[str] = []

    async def save(before: Collection) -> None:
        if call.confirmed:  # its public link is destroyed: without a record, not at all
            await call.save(before)
        else:  # the answer tells it too
            said.extend(await keep_if_possible(call.save(before), "How it was could not be kept in the history"))

    updated = await change(call.context, action, save)
    before, now = action.collection_hash, updated.after.collection_hash or action.collection_hash
    told = list(updated.warnings)
    if before != now:
        noted = await keep_if_possible(
            call.app.uploads.journal.rename(before, now), "The new hash could not be noted for get_upload"
        )
        told += [f"The hash changed from {before} to {now}.", *noted]
    return Update(
        collection_hash=now,
        previous_collection_hash=before if before != now else None,
        changes=[Change(**asdict(one)) for one in updated.changes],
        history_id=call.saved,
        warnings=[*told, *said],
    )


async def keep_if_possible(keeping: Awaitable[Any], otherwise: str) -> list[str]:
    """Keep it. A store that fails does not stop a change, as it does a deletion: the answer says so."""
    try:
        await keeping
    except StoreUnusable as error:
        return [f"{otherwise}: {error.happened}"]
    return []


async def ask_to_take_offline(call: ToolCall, action: UpdateCollection) -> InputRequiredResult | None:
    """None once a person said yes to taking a published collection offline, or where it is none."""
    subject = Destruction(call.context, action)
    if not call.request.state:
        await subject.glance()
        if subject.collection.status == "editable":
            return None
    return await call.ask(call.options.confirmation, subject)


async def planned_update(call: ToolCall, action: UpdateCollection) -> Update:
    """What an update would change, without any request that changes something."""
    before = await call.context.send(GetCollection(collection_hash=action.collection_hash))
    after = asked_of(action, before)
    was_draft, is_draft = before.status == "editable", after.status == "editable"
    found = [Change(**asdict(one)) for one in changes(before, after)]
    more = [Change(field=name, before="", after=value) for name, value in (action.settings or {}).items()]
    return Update(
        collection_hash=action.collection_hash,
        dry_run=True,
        changes=[*found, *more],
        warnings=[NEW_HASH if was_draft else OFFLINE] if was_draft != is_draft else [],
    )
