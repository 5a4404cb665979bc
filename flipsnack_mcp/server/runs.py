"""What the tools do that are more than one question to Flipsnack."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.actions.forms import LeadFormSample
from flipsnack_mcp.api.actions.packages import Package
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.files.documents import Kind, OpenDocument, open_document
from flipsnack_mcp.files.lookahead import look_ahead
from flipsnack_mcp.server.calls import (
    DownloadCall,
    GetCollectionCall,
    GetLeadFormSampleCall,
)
from flipsnack_mcp.server.masking import masked
from flipsnack_mcp.server.results import ChangedCollection, Download, WatchedCollection
from flipsnack_mcp.server.tool import Work, bare
from flipsnack_mcp.workflows.errand import size_of
from flipsnack_mcp.workflows.exporting import LINK_SECONDS, export, save_export
from flipsnack_mcp.workflows.publishing import send_to
from flipsnack_mcp.workflows.transferring import checked_link
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


async def document_of(work: Work, call: Any, stack: AsyncExitStack) -> OpenDocument | None:
    """The opened and checked file of an upload; None where Flipsnack fetches it by its address."""
    if call.file_path is None:
        return None
    kind = KINDS[call.uploads]
    return await stack.enter_async_context(open_document(call.file_path, work.app.settings.upload_dirs, kind))


async def upload_to(work: Work, call: Any) -> ChangedCollection:
    """Send a document to an existing collection."""
    action = bare(call)
    async with AsyncExitStack() as open_until_sent:
        document = await document_of(work, call, open_until_sent)
        before = await work.errand.send(GetCollection(collection_hash=action.collection_hash))
        if call.dry_run:
            known = before.model_dump() | {"collection_hash": action.collection_hash}
            cost = [await upload_cost(work)] if action.uploads == "PDF" else []
            return ChangedCollection(**known, dry_run=True, changes=[await upload_change(action, document), *cost])
        saved = await work.save(before)
        result: Collection = await send_to(work.errand, action, document)
        return ChangedCollection(**result.model_dump(), history_id=saved)


async def upload_cost(work: Work) -> str:
    """What an upload takes from the month's allowance."""
    left = (await work.errand.send(GetUserStats())).api_uploads_left
    return "one of the month's uploads is used" if left is None else f"api_uploads_left: from {left} to {left - 1}"


async def upload_change(action: Any, document: OpenDocument | None) -> str:
    """What would be sent."""
    if document is None:
        return f"Flipsnack would fetch {action.file_url}"
    pages = (await look_ahead(document)).pages
    counted = f", {pages} pages" if pages is not None else ", pages not counted"
    return f"upload {document.name}, {size_of(document.size)}{counted}, sha256 {await document.sha256()}"


async def download_html(work: Work, call: DownloadCall) -> Download:
    """Wait for the HTML package and save it, or give its link."""
    action = bare(call)
    if not call.save:
        watched = await export(work.errand, action, call.wait_seconds)
        if watched.last.state == "complete":
            checked_link(watched.last, work.app.settings.api_url)
        return linked(watched.last, list(watched.states), call)
    transfers, folder = work.app.transfers, work.app.download_dir
    done = await save_export(work.errand, transfers, action, call.wait_seconds, folder, work.app.settings.api_url)
    if done.saved is None:
        return linked(done.package, list(done.states), call, downloading=done.downloading)
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


def linked(package: Package, states: list[str], call: DownloadCall, *, downloading: bool = False) -> Download:
    """A package that is not saved: its link where it is complete, what to do next where it is not."""
    if package.state == "complete":
        expires = datetime.now(UTC) + timedelta(seconds=LINK_SECONDS)
        at = expires.isoformat(timespec="seconds")
        return Download(state="complete", resource_url=package.resource_url, expires_at=at, states=states)
    again = f'download_collection_html(collection_hash="{call.collection_hash}"{"" if call.save else ", save=false"})'
    step = f"{'Still downloading' if downloading else 'Still being built'}. Call {again} to wait on; it starts no second package."
    failed = (
        f"Flipsnack could not build it. Call {again} to have it tried once more; tell the person if it fails again."
    )
    return Download(state=package.state, states=states, next_step=failed if package.state == "failed" else step)


async def lead_form_sample(work: Work, call: GetLeadFormSampleCall) -> LeadFormSample:
    """A sample of a lead form's answer, personal data masked."""
    sample = await work.errand.send(bare(call))
    return sample if call.reveal else LeadFormSample(fields=masked(sample.fields))
