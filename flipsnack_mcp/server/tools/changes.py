"""Everything that changes or destroys a collection: looked at first, confirmed where something is lost, saved, then done."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, TypeVar

from mcp.types import InputRequiredResult
from pydantic import BaseModel, Field

from flipsnack_mcp.api import Action, Changed, FlipsnackError, quoted, wire_parameters
from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, UpdateCollection
from flipsnack_mcp.files.documents import OpenDocument
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.consent.form import other_changes
from flipsnack_mcp.server.consent.preview import Destruction, existing, hashes_in
from flipsnack_mcp.server.consent.yes import NotConfirmedError
from flipsnack_mcp.server.tools.addresses import by_address, give_upload_address
from flipsnack_mcp.server.tools.questions import CONVERSION_FAILED
from flipsnack_mcp.server.tools.tool import Answered, ByAddress, HistoryId, Planned, ToolCall, Warnings, WasDryRun
from flipsnack_mcp.server.tools.uploads import file_of, upload_sentence
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.changing import Updated, asked_of, change, changes, delete
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import direct_link
from flipsnack_mcp.workflows.last_look import LastLook, NotAsSeenError
from flipsnack_mcp.workflows.uploads.once import add_once, send_to

T = TypeVar("T")
LONGEST_PICTURE = 2200
"""Characters of what is said about one: its address may be as long as 2,000."""
TO_FIND_LINK = 6.0
"""Seconds for what is good to know but not needed."""
NEW_HASH = "Publishing a draft gives it a new hash and link."
OFFLINE = "Its link and every embed of it stop working; {}."


class Change(Answered):
    """One field before and after."""

    field: Annotated[str, Field(description="Name")]
    before: Annotated[str, Field(description="Was")]
    after: Annotated[str, Field(description="Is")]


class Update(Answered):
    """What an update changed."""

    collection_hash: Annotated[str, Field(description="As it is now")]
    previous_collection_hash: Annotated[str | None, Field(description="Where it was another")] = None
    direct_link: Annotated[str | None, Field(description="Where it was just published")] = None
    changes: Annotated[list[Change], Field(description="Before and after")]
    dry_run: WasDryRun = None
    history_id: HistoryId = None
    warnings: Warnings = []


class Removal(Answered):
    """What is gone, or would be."""

    deleted: Annotated[bool, Field(description="Is gone")]
    collection_hash: Annotated[str, Field(description="The collection")]
    flipbook_hash: Annotated[str | None, Field(description="The flipbook")] = None
    removed: Annotated[str | None, Field(description="Of a collection that stays")] = None
    dry_run: WasDryRun = None
    changes: Planned = None
    history_id: HistoryId = None


class ChangedCollection(Collection):
    """A collection that a change or a document was sent to, or would be."""

    dry_run: WasDryRun = None
    changes: Planned = None
    history_id: HistoryId = None
    warnings: Warnings = []
    state: ByAddress = None
    upload_id: ByAddress = None
    upload_address: ByAddress = None
    expires_at: ByAddress = None
    next_step: ByAddress = None


async def change_collection(call: ToolCall, action: Action[Collection]) -> ChangedCollection | InputRequiredResult:
    """Send a change, with its document where it takes one: what every action that writes does, if no more is said."""
    if action.uploads and by_address(call, action) and not call.options.dry_run:
        before = await existing(call.context, hashes_in(action)["collection_hash"])
        return ChangedCollection(**before.model_dump() | await give_upload_address(call, action))
    async with AsyncExitStack() as open_until_sent:
        document, look = await file_of(call, action, open_until_sent)
        if call.options.dry_run:
            before = await existing(call.context, hashes_in(action)["collection_hash"])
            planned = await planned_change(action, document, look.pages)
            facts: dict[str, Any] = {"warnings": list(look.warnings), "dry_run": True, "changes": planned}
            return ChangedCollection(**before.model_dump(), **facts)
        result = await sent_change(call, action, document, look.pages)
        if isinstance(result, InputRequiredResult):
            return result
        after, said = result
        return ChangedCollection(**after.model_dump(), warnings=[*look.warnings, *said], history_id=call.saved)


async def sent_change(
    call: ToolCall, action: Action[Collection], document: OpenDocument | None, pages: int | None
) -> tuple[Collection, tuple[str, ...]] | InputRequiredResult:
    """Save how it was and send the change; one that overwrites something for good only once a person said yes."""
    if not action.loses:
        before = await existing(call.context, hashes_in(action)["collection_hash"])
        await call.save(before)
        return await add_once(call.context, action, document, before)
    shown = f"{action.loses} {quoted(await what_is_sent(action, document, pages), LONGEST_PICTURE)}"
    subject = Destruction(call.context, action, (shown,))
    done = await confirmed(call, subject, lambda last: send_to(call.context, action, document, last))
    return done if isinstance(done, InputRequiredResult) else (done, ())


async def what_is_sent(action: Action[Any], document: OpenDocument | None, pages: int | None) -> str:
    """The document that Flipsnack is sent, or fetches; of an action that takes none, what it is given."""
    if action.uploads:
        return await upload_sentence(action, document, pages)
    return ", ".join(f"{name} {value}" for name, value in wire_parameters(action).items())


async def planned_change(action: Action[Any], document: OpenDocument | None, pages: int | None) -> list[str]:
    """What would be sent, and what it may cost: by the documentation, uploads are counted for new collections alone."""
    sent = await what_is_sent(action, document, pages)
    if not action.uploads:
        return [f"Flipsnack would be sent {action.api_name} with {sent}"]
    return [sent, *(["it may cost one of the month's uploads"] if action.uploads == "PDF" else [])]


async def destroy(call: ToolCall, action: Action[Any]) -> BaseModel | InputRequiredResult:
    """Show what would be destroyed, have it confirmed, look again, save how it was, and only then do it."""
    subject = Destruction(call.context, action)
    if call.options.dry_run:
        preview = await subject.preview()
        told = [one for one in (preview.text, call.app.confirmation.refusal) if one]
        return tell_removal(action, deleted=False, dry_run=True, changes=told)
    done = await confirmed(call, subject, lambda last: delete(call.context, action, last))
    if isinstance(done, InputRequiredResult):
        return done
    if isinstance(action, DeleteCollection):
        with suppress(StoreUnusable):  # then list_documents still names it
            await call.app.uploads.journal.rename(action.collection_hash, "")
    return tell_removal(action, deleted=True, history_id=call.saved)


async def confirmed(
    call: ToolCall, subject: Destruction, act: Callable[[LastLook], Awaitable[T]]
) -> T | InputRequiredResult:
    """Do what destroys something once a person said yes to it, as far as it still is what they saw."""
    await call.app.allowance.check()
    yes = await call.ask(call.options.confirmation, subject)
    if isinstance(yes, InputRequiredResult):
        return yes

    async def keep(before: Collection) -> None:
        if last.seen is None:
            await yes.spend()
        await call.save(before)  # what is destroyed is on record, or it is not destroyed

    last = LastLook(partial(subject.look, agreed=yes.seen), keep)
    try:
        return await within_allowance(call, lambda: act(last))
    except NotAsSeenError:
        raise await call.app.confirmation.no_longer(yes, call.tool, subject) from None


async def within_allowance(call: ToolCall, act: Callable[[], Awaitable[T]]) -> T:
    """Act within the allowance, in which it is written down before; what certainly did not happen does not count."""
    taken = await call.app.allowance.take(f"{call.tool} {call.target}")
    try:
        return await act()
    except (FlipsnackError, NotAsSeenError, NotConfirmedError, StoreUnusable) as error:
        if not isinstance(error, FlipsnackError) or error.changed is Changed.NOTHING:
            with suppress(StoreUnusable):  # then one more counts than was done
                await call.app.allowance.give_back(taken)
        raise


def tell_removal(action: Action[Any], **facts: Any) -> Removal:
    """The answer about a deletion; of what belongs to a collection it says that the collection is still there."""
    removed = f"the {action.removes}; the collection stays" if action.removes and facts["deleted"] else None
    return Removal.model_validate({**hashes_in(action), "removed": removed, **facts})


async def update_collection(call: ToolCall, action: UpdateCollection) -> Update | InputRequiredResult:
    """Change a collection, and say what was and what is. Taking it offline is confirmed like a deletion."""
    if call.options.dry_run:
        return await planned_update(call, action)
    if action.status == "editable":
        return await take_offline(call, action)
    subject = Destruction(call.context, action)
    return await unasked(call, action, subject.look)


async def take_offline(call: ToolCall, action: UpdateCollection) -> Update | InputRequiredResult:
    """Take a collection offline once a person said yes to that, and to all else that is changed with it.

    A draft loses no link: nobody is asked, unless it was published until the last look.
    """
    subject = Destruction(call.context, action, other_changes(action))
    if not (call.request.state or call.options.confirmation):
        await subject.glance()
        if subject.collection.status == "editable":
            with suppress(NotAsSeenError):
                return await unasked(call, action, subject.look_at_draft)
    updated = await confirmed(call, subject, lambda last: change(call.context, action, last))
    return updated if isinstance(updated, InputRequiredResult) else await told_of(call, action, updated)


async def unasked(
    call: ToolCall, action: UpdateCollection, look: Callable[[CallContext], Awaitable[Collection]]
) -> Update:
    """An update that takes nothing away: the answer tells how it was too, should the history not be writable."""
    said: list[str] = []

    async def keep(before: Collection) -> None:
        said.extend(await keep_if_possible(call.save(before), "How it was could not be kept in the history"))

    return await told_of(call, action, await change(call.context, action, LastLook(look, keep)), said)


async def told_of(call: ToolCall, action: UpdateCollection, updated: Updated, said: Sequence[str] = ()) -> Update:
    """The answer about an update, and its new hash noted."""
    before, now = action.collection_hash, updated.after.collection_hash or action.collection_hash
    call.after = {"collection_hash": now, **{one.field: getattr(updated.after, one.field) for one in updated.changes}}
    told, link, noted = list(updated.warnings), None, list[str]()
    if before != now or "title" in call.after:
        naming = call.app.uploads.journal.rename(before, now, updated.after.title)
        noted = await keep_if_possible(naming, "The new hash could not be noted for get_upload")
    if before != now:
        link = await direct_link(call.context.within(TO_FIND_LINK), now, updated.after.title)
        told += [f"The hash changed from {before} to {now}.", *noted]
    return Update(
        collection_hash=now,
        previous_collection_hash=before if before != now else None,
        direct_link=link,
        changes=[Change(**asdict(one)) for one in updated.changes],
        history_id=call.saved,
        warnings=[*told, *warn_unconverted(action, updated.after), *said],
    )


async def keep_if_possible(keeping: Awaitable[Any], otherwise: str) -> list[str]:
    """Keep it. A store that fails does not stop a change, as it does a deletion: the answer says so."""
    try:
        await keeping
    except StoreUnusable as error:
        return [f"{otherwise}: {as_callers_hear(error).happened}"]
    return []


async def planned_update(call: ToolCall, action: UpdateCollection) -> Update:
    """What an update would change, without any request that changes something."""
    before = await existing(call.context, action.collection_hash)
    after = asked_of(action, before)
    was_draft, is_draft = before.status == "editable", after.status == "editable"
    found = [Change(**asdict(one)) for one in changes(before, after)]
    more = [Change(field=name, before="", after=value) for name, value in (action.settings or {}).items()]
    goes_offline = OFFLINE.format(call.app.confirmation.foretold)
    meaning = [NEW_HASH if was_draft else goes_offline] if was_draft != is_draft else []
    return Update(
        collection_hash=action.collection_hash,
        dry_run=True,
        changes=[*found, *more],
        warnings=[*meaning, *warn_unconverted(action, before)],
    )


def warn_unconverted(action: UpdateCollection, collection: Collection) -> list[str]:
    """What is worth knowing where something is published that could not be converted."""
    published = action.status not in (None, "editable")
    return [CONVERSION_FAILED] if published and collection.conversion == "failed" else []
