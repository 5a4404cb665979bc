"""What the tools do that are more than one question to Flipsnack."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp.types import InputRequiredResult
from pydantic import BaseModel

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.actions.forms import LeadFormSample
from flipsnack_mcp.api.actions.packages import Package
from flipsnack_mcp.files.documents import Kind, OpenDocument, open_document
from flipsnack_mcp.server.calls import (
    CreateCollectionCall,
    DownloadCall,
    GetCollectionCall,
    GetLeadFormSampleCall,
    UpdateCollectionCall,
)
from flipsnack_mcp.server.masking import masked
from flipsnack_mcp.server.preview import Target
from flipsnack_mcp.server.results import Change, Creation, Download, Update, WatchedCollection
from flipsnack_mcp.server.tool import Work, bare
from flipsnack_mcp.workflows.exporting import LINK_SECONDS, export, save_export
from flipsnack_mcp.workflows.publishing import Published, change, publish, send_to
from flipsnack_mcp.workflows.removing import delete
from flipsnack_mcp.workflows.waiting import conversion_of

FILES_SHOWN = 100
KINDS = {"PDF": Kind.PDF, "picture": Kind.IMAGE}


async def get_collection(work: Work, call: GetCollectionCall) -> WatchedCollection:
    """Look at a collection, and wait while it converts."""
    watched = await conversion_of(call.collection_hash).until_settled(work.errand, call.wait_seconds)
    seen = watched.last
    known = seen.model_dump() | {"collection_hash": seen.collection_hash or call.collection_hash}
    return WatchedCollection(**known, states=list(watched.states), next_step=go_on_waiting(seen, call.collection_hash))


def go_on_waiting(seen: Collection, collection_hash: str) -> str | None:
    """The call that waits on, as long as there is something to wait for."""
    if seen.conversion != "processing":
        return None
    return f'Still converting. Call get_collection(collection_hash="{collection_hash}", wait_seconds=30) to wait on.'


async def create_collection(work: Work, call: CreateCollectionCall) -> Creation:
    """Upload a document, as a draft unless a status was given, and wait for its conversion."""
    action = bare(call)
    if action.status is None:
        action = action.model_copy(update={"status": "editable"})
    async with AsyncExitStack() as open_until_sent:
        document = await document_of(work, call, open_until_sent)
        published = await publish(work.errand, action, document, call.wait_seconds)
    warnings = (*(document.warnings if document else ()), *published.warnings)
    return created(published, [*warnings, *conversion_warnings(published.collection)])


async def document_of(work: Work, call: Any, stack: AsyncExitStack) -> OpenDocument | None:
    """The opened and checked file of an upload; None where Flipsnack fetches it by its address."""
    if call.file_path is None:
        return None
    kind = KINDS[call.uploads]
    return await stack.enter_async_context(open_document(call.file_path, work.app.settings.upload_dirs, kind))


def created(published: Published, warnings: list[str]) -> Creation:
    """The answer about an upload."""
    seen = published.collection
    going = {"complete": "complete", "failed": "failed"}.get(seen.conversion, "converting")
    return Creation.model_validate(
        {
            "state": going,
            "collection_hash": seen.collection_hash,
            "title": seen.title,
            "status": seen.status,
            "direct_link": published.direct_link,
            "warnings": warnings,
            "states": published.states,
            "next_step": go_on_waiting(seen, seen.collection_hash),
        }
    )


def conversion_warnings(seen: Collection) -> list[str]:
    """What a person should know about a conversion that did not simply end well."""
    if seen.conversion == "failed":
        return [
            "The conversion failed. The upload is spent all the same; ask the person before uploading another file."
        ]
    if seen.conversion == "unknown":
        return ["Flipsnack does not say how far the conversion is; look at the collection in a few minutes."]
    return []


async def upload_to(work: Work, call: Any) -> BaseModel:
    """Send a document to an existing collection."""
    async with AsyncExitStack() as open_until_sent:
        document = await document_of(work, call, open_until_sent)
        result: BaseModel = await send_to(work.errand, bare(call), document)
        return result


async def update_collection(work: Work, call: UpdateCollectionCall) -> Update:
    """Change a collection, and say what was and what is."""
    updated = await change(work.errand, bare(call))
    now, before = updated.after.collection_hash or call.collection_hash, call.collection_hash
    return Update(
        collection_hash=now,
        previous_collection_hash=before if before != now else None,
        changes=[Change(field=one.field, before=one.before, after=one.after) for one in updated.changes],
        warnings=[*updated.warnings, *([f"The hash changed from {before} to {now}."] if before != now else [])],
    )


async def download_html(work: Work, call: DownloadCall) -> Download:
    """Wait for the HTML package and save it, or give its link."""
    action = bare(call)
    if not call.save:
        watched = await export(work.errand, action, call.wait_seconds)
        return linked(watched.last, list(watched.states), call)
    done = await save_export(work.errand, action, call.wait_seconds, work.app.download_dir, work.app.settings.api_url)
    if done.saved is None:
        return linked(done.package, list(done.states), call)
    return Download(
        state="complete",
        path=str(done.saved.path),
        bytes=done.saved.bytes,
        sha256=done.saved.sha256,
        files=listed(done.saved.files),
        states=list(done.states),
    )


def listed(files: tuple[str, ...]) -> list[str]:
    """The names of a package's files, as far as they are worth reading."""
    more = len(files) - FILES_SHOWN
    return [*files[:FILES_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def linked(package: Package, states: list[str], call: DownloadCall) -> Download:
    """A package that is not saved: its link where it is complete, what to do next where it is not."""
    if package.state == "complete":
        expires = datetime.now(UTC) + timedelta(seconds=LINK_SECONDS)
        at = expires.isoformat(timespec="seconds")
        return Download(state="complete", resource_url=package.resource_url, expires_at=at, states=states)
    again = f'download_collection_html(collection_hash="{call.collection_hash}"{"" if call.save else ", save=false"})'
    step = f"Still being built. Call {again} to wait on; it starts no second package."
    failed = (
        f"Flipsnack could not build it. Call {again} to have it tried once more; tell the person if it fails again."
    )
    return Download(state=package.state, states=states, next_step=failed if package.state == "failed" else step)


async def lead_form_sample(work: Work, call: GetLeadFormSampleCall) -> LeadFormSample:
    """A sample of a lead form's answer, personal data masked."""
    sample = await work.errand.send(bare(call))
    return sample if call.reveal else LeadFormSample(fields=masked(sample.fields))


async def destroy(work: Work, call: Any) -> BaseModel | InputRequiredResult:
    """Show what would be destroyed, have it confirmed, look again, and only then do it."""
    target = Target(work.errand, bare(call))
    asked = await work.app.confirmation.given(work.call, call.tool_name, call.confirmation, target)
    if asked is not None:
        return asked
    result: BaseModel = await delete(work.errand, target.action)
    return result
