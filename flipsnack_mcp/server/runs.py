"""What the tools do that are more than one question to Flipsnack."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
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
from flipsnack_mcp.server.results import ChangedCollection, Download, WatchedCollection
from flipsnack_mcp.server.safety.masking import masked
from flipsnack_mcp.server.tool import Work, bare
from flipsnack_mcp.workflows.downloads.exports import LINK_SECONDS, export, save_export
from flipsnack_mcp.workflows.downloads.transfers import checked_link
from flipsnack_mcp.workflows.progress import size_of
from flipsnack_mcp.workflows.publishing import send_to

FILES_SHOWN = 100
KINDS = {"PDF": Kind.PDF, "picture": Kind.IMAGE}


async def get_collection(work: Work, call: GetCollectionCall) -> WatchedCollection:
    """Look at a collection, and wait while it converts."""
    first = await work.app.recent.ask(work.errand, GetCollection(collection_hash=call.collection_hash))
    watching = work.app.uploads.conversions.of(call.collection_hash, first)
    watched = await watching.until_settled(work.errand, call.wait_seconds, first)
    seen = watched.last
    return WatchedCollection(
        **seen.model_dump(), states=list(watched.states), next_step=go_on_waiting(seen, call.collection_hash)
    )


def go_on_waiting(seen: Collection, collection_hash: str) -> str | None:
    """The call that waits on, as long as there is something to wait for."""
    if seen.conversion != "processing":
        return None
    return f'Still converting. Call get_collection(collection_hash="{collection_hash}", wait_seconds=30) to wait on.'


@dataclass(frozen=True)
class Found:
    """The file of an upload, opened, checked and looked into; nothing where Flipsnack fetches it by its address."""

    document: OpenDocument | None = None
    pages: int | None = None
    warnings: tuple[str, ...] = ()


async def document_of(work: Work, call: Any, stack: AsyncExitStack) -> Found:
    """The file that a call names, open until the stack is left."""
    if call.file_path is None:
        return Found()
    opening = open_document(call.file_path, work.app.settings.upload_dirs, KINDS[call.uploads])
    document = await stack.enter_async_context(opening)
    look = await look_ahead(document)
    return Found(document, look.pages, (*document.warnings, *look.warnings))


async def upload_to(work: Work, call: Any) -> ChangedCollection:
    """Send a document to an existing collection."""
    action = bare(call)
    async with AsyncExitStack() as open_until_sent:
        found = await document_of(work, call, open_until_sent)
        before = await work.errand.send(GetCollection(collection_hash=action.collection_hash))
        if call.dry_run:
            cost = [await upload_cost(work)] if action.uploads == "PDF" else []
            planned = {"dry_run": True, "changes": [await upload_change(action, found), *cost]}
            return ChangedCollection(**before.model_dump(), **planned, warnings=list(found.warnings))
        saved = await work.save(before)
        result: Collection = await send_to(work.errand, action, found.document)
        return ChangedCollection(**result.model_dump(), history_id=saved, warnings=list(found.warnings))


async def upload_cost(work: Work) -> str:
    """What an upload takes from the month's allowance."""
    left = (await work.errand.send(GetUserStats())).api_uploads_left
    return "one of the month's uploads is used" if left is None else f"api_uploads_left: from {left} to {left - 1}"


async def upload_change(action: Any, found: Found) -> str:
    """What would be sent."""
    document = found.document
    if document is None:
        return f"Flipsnack would fetch {action.file_url}"
    counted = f", {found.pages} pages" if found.pages is not None else ", pages not counted"
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
