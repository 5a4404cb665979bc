"""update_collection and everything that destroys: shown first, confirmed where something is lost, saved, then done."""

from __future__ import annotations

from typing import Any

from mcp.types import InputRequiredResult
from pydantic import BaseModel

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.server.calls import UpdateCollectionCall
from flipsnack_mcp.server.consent.preview import Target
from flipsnack_mcp.server.results import Change, Removal, Update
from flipsnack_mcp.server.tool import Work, bare
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.publishing import Difference, Updated, asked_of, change, changes
from flipsnack_mcp.workflows.removing import delete

NEW_HASH = "Publishing a draft gives it a new hash and link."
OFFLINE = "Its link and every embed of it stop working; the person will be asked."


async def destroy(work: Work, call: Any) -> BaseModel | InputRequiredResult:
    """Show what would be destroyed, have it confirmed, look again, save how it was, and only then do it."""
    target = Target(work.errand, bare(call))
    if call.dry_run:
        return await planned_removal(target)
    await work.app.allowance.check()
    how = await work.app.confirmation.given(work.call, call.tool_name, call.confirmation, target)
    if isinstance(how, InputRequiredResult):
        return how
    work.trail.confirmed = how
    saved = await work.save(target.collection)
    await counted(work, target)
    return removal(target, deleted=True, history_id=saved)


async def counted(work: Work, target: Target) -> None:
    """Delete within the allowance; what certainly did not happen does not count."""
    taken = await work.app.allowance.take()
    try:
        await delete(work.errand, target.action)
    except FlipsnackError as error:
        if error.changed is Changed.NOTHING:
            await work.app.allowance.give_back(taken)
        raise


async def planned_removal(target: Target) -> Removal:
    """What would be destroyed."""
    preview = await target.preview()
    return removal(target, deleted=False, dry_run=True, changes=[preview.text])


def removal(target: Target, **facts: Any) -> Removal:
    """The answer about a deletion."""
    hashes = {name: getattr(target.action, name, None) for name in ("collection_hash", "flipbook_hash")}
    return Removal.model_validate({**hashes, **facts})


async def update_collection(work: Work, call: UpdateCollectionCall) -> Update | InputRequiredResult:
    """Change a collection, and say what was and what is. Taking it offline is confirmed like a deletion."""
    action = bare(call)
    if call.dry_run:
        return await planned_update(work, call)
    if action.status == "editable":
        asked = await offline_confirmed(work, call)
        if asked is not None:
            return asked
    unsaved: list[str] = []

    async def save(before: Collection) -> None:
        if work.trail.confirmed:  # its public link is destroyed: without a record, not at all
            await work.save(before)
        else:
            unsaved.extend(await saved_if_possible(work, before))

    updated = await change(work.errand, action, save)
    now, before = updated.after.collection_hash or call.collection_hash, call.collection_hash
    unnoted = await renamed(work, before, now) if before != now else []
    return Update(
        collection_hash=now,
        previous_collection_hash=before if before != now else None,
        changes=listed(updated.changes),
        history_id=work.trail.saved,
        warnings=[*warnings(updated, before, now), *unnoted, *unsaved],
    )


async def saved_if_possible(work: Work, before: Collection) -> list[str]:
    """Keep how it was. The answer tells it too, so a store that fails does not stop a change, as it does a deletion."""
    try:
        await work.save(before)
    except StoreUnusable as error:
        return [f"How it was could not be kept in the history: {error.happened}"]
    return []


async def renamed(work: Work, before: str, now: str) -> list[str]:
    """Tell the journal of uploads about a new hash; the change itself is done, whatever becomes of that."""
    try:
        await work.app.uploads.journal.renamed(before, now)
    except StoreUnusable as error:
        return [f"The new hash could not be noted for get_upload: {error.happened}"]
    return []


async def offline_confirmed(work: Work, call: UpdateCollectionCall) -> InputRequiredResult | None:
    """None once a person said yes to taking a published collection offline, or where it is none."""
    target = Target(work.errand, bare(call))
    if not work.call.state:
        await target.glance()
        if target.collection.status == "editable":
            return None
    how = await work.app.confirmation.given(work.call, call.tool_name, call.confirmation, target)
    if isinstance(how, InputRequiredResult):
        return how
    work.trail.confirmed = how
    return None


async def planned_update(work: Work, call: UpdateCollectionCall) -> Update:
    """What an update would change, without any request that changes something."""
    action = bare(call)
    before = await work.errand.send(GetCollection(collection_hash=action.collection_hash))
    after = asked_of(action, before)
    said = []
    if before.status == "editable" and after.status != "editable":
        said.append(NEW_HASH)
    if before.status != "editable" and after.status == "editable":
        said.append(OFFLINE)
    found = changes(before, after)
    more = [Change(field=name, before="", after=value) for name, value in (action.settings or {}).items()]
    return Update(collection_hash=call.collection_hash, dry_run=True, changes=[*listed(found), *more], warnings=said)


def listed(found: tuple[Difference, ...]) -> list[Change]:
    """Differences as they are told."""
    return [Change(field=one.field, before=one.before, after=one.after) for one in found]


def warnings(updated: Updated, before: str, now: str) -> list[str]:
    """What the person should know."""
    return [*updated.warnings, *([f"The hash changed from {before} to {now}."] if before != now else [])]
