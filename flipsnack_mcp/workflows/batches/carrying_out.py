"""Carrying out a batch in the background: each document as planned and once, whoever is killed or takes over."""

import math
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from flipsnack_mcp.api import Flipsnack, Lane, errors
from flipsnack_mcp.files.documents import DocumentChanged, OpenDocument, open_document
from flipsnack_mcp.files.lookahead import look_ahead
from flipsnack_mcp.files.paths.place import locate
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.text import as_many, first_sentence
from flipsnack_mcp.workflows.batches.record import BATCH, BatchRecord
from flipsnack_mcp.workflows.batches.rules import BatchItem, DocumentBatch
from flipsnack_mcp.workflows.begun import StillMay, nobody_is_asked
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs, new_job_id
from flipsnack_mcp.workflows.plans.carrying_out import ON_REQUEST
from flipsnack_mcp.workflows.plans.outcomes import CHANGED_SINCE, Failures, ItemFacts, is_failure
from flipsnack_mcp.workflows.plans.rules import PLAN_IS_OLD
from flipsnack_mcp.workflows.progress import Progress, work_at
from flipsnack_mcp.workflows.uploads.following import begin_what_counts
from flipsnack_mcp.workflows.uploads.journal import UPLOAD, JournalEntry
from flipsnack_mcp.workflows.uploads.reconciling import NEVER_SENT
from flipsnack_mcp.workflows.uploads.sending import Uploads
from flipsnack_mcp.workflows.uploads.source import Source

LOOKS_FOR_AN_END, BETWEEN_LOOKS = 12, 10.0
"""How often it is asked what came of an upload whose process is gone, and seconds between: Flipsnack may still be at it."""
SECONDS_A_DOCUMENT = 4.0
"""A guess, until one is through."""
THE_SAME = (
    "The same document and title was uploaded less than a day ago, or earlier in this batch: this is that upload, "
    "as it is; nothing was sent again."
)
FOR_ALL = (errors.QuotaExceededError, errors.NotAuthorisedError)
"""What would meet every other document as well."""


@dataclass(frozen=True)
class Batches:
    """The batches of an account, as this process carries them out."""

    flipsnack: Flipsnack
    jobs: Jobs
    record: BatchRecord
    uploads: Uploads
    history: History
    """In which every document has an entry of its own."""
    folders: tuple[Path, ...]
    """From which this process may upload."""
    allowed: bool
    """Whether a call could upload many here."""
    still_may: StillMay = nobody_is_asked

    async def start(self, batch: DocumentBatch) -> Job | None:
        """Have a batch carried out, unless somebody is at it; the job where that is this process."""

        def first(records: Records) -> None:
            self.record.start(batch, records)
            self.history.write(records, decision="begun", said=as_many(len(batch.left), "document"), **of_all(batch))

        return await self.jobs.start(BATCH, batch.plan_id, self.carry_out, self.note_stop, first)

    async def carry_out(self, job: Job) -> None:
        """Send what is left of a batch, for as long as it may go on by itself."""
        await BatchSending(self, job).run()

    async def note_stop(self, job: Job) -> None:
        """What is on its way is stopped too; the batch goes on when a call asks for it."""
        record = replace(self.record, store=job.store)
        if seen := await record.look(job.job_id):
            for item in seen.batch.left:
                if item.state == "sending":
                    await self.jobs.stop(UPLOAD, item.upload_id)
                    entry = await self.uploads.journal.find(item.upload_id)
                    if entry is None or not entry.unresolved:  # else whoever goes on finds out what came of it
                        facts = UNSENT if entry is None or entry.stopped else end_of_upload(entry)
                        await record.note(seen.batch, item, **facts)
            await record.stop(seen.batch, ON_REQUEST)
            history = replace(self.history, store=job.store)
            await history.add(decision="stopped", said=ON_REQUEST, **of_all(seen.batch))


class BatchSending:
    """A batch that is carried out by one job, document after document."""

    def __init__(self, batches: Batches, job: Job) -> None:
        self._all, self._job = batches, job
        self._uploads, self._journal = batches.uploads, batches.uploads.journal
        self._record = replace(batches.record, store=job.store)
        self._history = replace(batches.history, store=job.store)
        self._failures = Failures(most=math.inf)  # a bad document says nothing of the next
        self._start, self._done = anyio.current_time(), 0

    async def run(self) -> None:
        """Take up one document after the other, unless something speaks against that."""
        while (seen := await self._record.look(self._job.job_id)) and seen.batch.started and seen.batch.left:
            batch, item = seen.batch, seen.batch.left[0]
            await self._job.heed()
            self._tell(batch)
            if not (await self._may_send(item) and self._all.still_may(batch.principal)):
                self._job.unresolved = True  # a process with other settings may go on with it
                return
            old = PLAN_IS_OLD if seen.is_old and item.state == "planned" else ""
            if objection := old or await self._take_up(batch, item):
                await self._record.stop(batch, objection)
                await self._history.add(decision="stopped", said=first_sentence(objection), **of_all(batch))
                return
        if seen and not seen.batch.left:
            said = ", ".join(f"{count} {state}" for state, count in seen.batch.counts.items())
            await self._history.add(decision="done", said=said, **of_all(seen.batch))

    def _tell(self, batch: DocumentBatch) -> None:
        each = (anyio.current_time() - self._start) / self._done if self._done else SECONDS_A_DOCUMENT
        self._job.tell(batch_at(batch, each))

    async def _may_send(self, item: BatchItem) -> bool:
        if item.is_fetched:
            return self._all.allowed
        try:
            await run_sync(locate, item.path, self._all.folders)
        except RefusedFile:
            return False
        return self._all.allowed

    async def _take_up(self, batch: DocumentBatch, item: BatchItem) -> str:
        """Send a document, or find out what became of it; why the batch stops after it, or nothing."""
        facts = None if item.upload_id else await self._begun(batch, item)
        if facts is None:
            facts = await self._end_of(await self._known(batch, item))
        self._done += 1
        noted = await self._record.note(batch, item, **facts)
        if noted.state in {"done", "failed", "unclear"}:
            target = noted.collection_hash or noted.title
            said = first_sentence(noted.said)
            named = {"title": noted.title} if noted.collection_hash else {}
            ended = {"decision": noted.state, "said": said, "after": named}
            facts = {"target": target, "caller": batch.caller, **ended}
            await self._history.add(tool="create_collections", **facts)
        return self._objection_after(noted)

    def _objection_after(self, item: BatchItem) -> str:
        """Why to stop: what failed is no document's own, or too much failed in a row."""
        too_many, error = self._failures.after(item), self._uploads.error_of(item.upload_id)
        return str(error) if is_failure(item) and isinstance(error, FOR_ALL) else too_many

    async def _known(self, batch: DocumentBatch, item: BatchItem) -> BatchItem:
        seen = await self._record.look(batch.plan_id)
        return seen.batch.items[item.number] if seen else item

    async def _begun(self, batch: DocumentBatch, item: BatchItem) -> ItemFacts | None:
        """Begin to upload a document, which is written down before; else what is to be noted instead."""
        async with AsyncExitStack() as kept_open:
            with self._job.step():
                try:
                    document, warnings = await self._opened(item, kept_open)
                except (RefusedFile, DocumentChanged) as reason:
                    return {"state": "skipped", "said": str(reason)}
                upload_id = new_job_id()
                await self._record.note(batch, item, state="sending", upload_id=upload_id)
                source = Source(batch.action(item), document, warnings, Lane.BACKGROUND, batch.beginner)
                begun = partial(begin_what_counts, self._context, self._uploads, source, kept_open)
                entry, _ = await begun(again=False, upload_id=upload_id)
                if entry.upload_id != upload_id:
                    await self._record.note(batch, item, upload_id=entry.upload_id, said=THE_SAME)
        return None

    async def _opened(self, item: BatchItem, kept_open: AsyncExitStack) -> tuple[OpenDocument | None, tuple[str, ...]]:
        """A document as it was planned, open, and what is odd about it; none where Flipsnack fetches it."""
        if item.is_fetched:
            return None, ()
        document = await kept_open.enter_async_context(open_document(item.path, self._all.folders))
        return document, await oddities_of(item, document)

    @property
    def _context(self) -> CallContext:
        return CallContext(self._all.flipsnack, lane=Lane.BACKGROUND)

    async def _end_of(self, item: BatchItem) -> ItemFacts:
        """What came of an upload, once that can be told. Nothing is ever sent again to find out."""
        entry = await self._watched(item.upload_id)
        for _ in range(LOOKS_FOR_AN_END):
            if entry is None or not entry.unresolved:
                break
            await self._uploads.reconcile(self._context)
            entry = await self._watched(item.upload_id)
            if entry and entry.unresolved:
                await anyio.sleep(BETWEEN_LOOKS)
        if entry is None:
            return UNSENT
        found = end_of_upload(entry, self._uploads.error_of(item.upload_id))
        return {**found, "said": " ".join(filter(None, (item.said, found["said"])))}

    async def _watched(self, upload_id: str) -> JournalEntry | None:
        await self._all.jobs.watch(UPLOAD, upload_id, math.inf, self._on_its_way)
        return await self._journal.find(upload_id)

    async def _on_its_way(self, _: Progress) -> None:
        """Its bytes are told by get_upload."""


def batch_at(batch: DocumentBatch, seconds_each: float = SECONDS_A_DOCUMENT) -> Progress:
    """How far a batch is, and for how long it will go on at its pace."""
    left, count = len(batch.left), len(batch.items)
    return work_at("upload", count - left, count, "documents", seconds_each * left)


def of_all(batch: DocumentBatch) -> dict[str, str]:
    """Whose entry it is in the history: that of the batch itself."""
    return {"tool": "create_collections", "target": batch.plan_id, "caller": batch.caller}


UNSENT: ItemFacts = {"state": "planned", "upload_id": "", "said": ""}
"""Nothing of it was sent, so it may be."""


async def oddities_of(item: BatchItem, document: OpenDocument) -> tuple[str, ...]:
    """What is odd about a document that is still the one that was planned.

    Raises:
        RefusedFile: It is another by now, or would be refused.
    """
    if not item.is_as_planned(document, await document.sha256()):
        raise DocumentChanged(CHANGED_SINCE)
    if item.pages is not None:
        return document.warnings
    return (*document.warnings, *(await look_ahead(document)).warnings)


def end_of_upload(entry: JournalEntry, error: errors.FlipsnackError | None = None) -> ItemFacts:
    """What is noted about a document whose upload has ended; with which error, where this process knows it."""
    if entry.collection_hash:
        return {"state": "done", "collection_hash": entry.collection_hash, "said": " ".join(entry.warnings)}
    if entry.stopped:
        return {"state": "skipped", "said": entry.said}
    if entry.state == "failed" and entry.said == NEVER_SENT:
        return UNSENT
    if entry.state == "failed":
        return {"state": "failed", "said": entry.said, "again": not is_for_good(error)}
    return {"state": "unclear", "said": entry.said}


def is_for_good(error: errors.FlipsnackError | None) -> bool:
    """Whether the same document ends so each time: it is too large, not whatever else stood in its way."""
    return error is not None and error.again == errors.FlipsnackError.retry and not isinstance(error, FOR_ALL)
