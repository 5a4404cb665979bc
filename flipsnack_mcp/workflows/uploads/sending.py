"""Uploads that outlive the call that asked for them: sent once, in the background, and watched by whoever asks."""

import logging
import math
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from flipsnack_mcp.api import Changed, Flipsnack, FlipsnackError, Lane
from flipsnack_mcp.api.actions import publishing
from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.begun import StillMay, nobody_is_asked
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import candidates
from flipsnack_mcp.workflows.job import AT_WORK, AWAITING_TURN, Job
from flipsnack_mcp.workflows.jobs import Jobs, new_job_id
from flipsnack_mcp.workflows.progress import IN_LINE, Progress, Throttled
from flipsnack_mcp.workflows.uploads.journal import UPLOAD, Journal, JournalEntry
from flipsnack_mcp.workflows.uploads.once import create_once, failed_inside
from flipsnack_mcp.workflows.uploads.reconciling import look_up, taken_by
from flipsnack_mcp.workflows.uploads.source import Source
from flipsnack_mcp.workflows.waiting import Conversions

log = logging.getLogger(__name__)

UPLOADS_AT_ONCE = 2
TIME_TO_RECONCILE = 10.0
STOPPED_LATE = "It was stopped when all of it had been sent; whether Flipsnack took it is looked up at the next call."
STOPPED = "It was stopped before it was whole; Flipsnack made nothing of it."
MAY_NO_MORE = (
    "It is not known that whoever asked for this upload may still upload, so nothing of the document was sent."
)


@dataclass(frozen=True)
class UploadAtWork:
    """How far an upload is, as its process says."""

    sent: int = 0
    seconds: float | None = None
    """Since when it has its turn, where this process sends it."""
    stopping: bool = False


class Uploads:
    """The uploads of this process, and the journal of all."""

    def __init__(
        self, flipsnack: Flipsnack, journal: Journal, jobs: Jobs, still_may: StillMay = nobody_is_asked
    ) -> None:
        self._flipsnack, self.journal, self._jobs, self._still_may = flipsnack, journal, jobs, still_may
        self._begun: list[JournalEntry] = []
        self._line = anyio.Semaphore(UPLOADS_AT_ONCE)
        self._not_before = -math.inf
        """When those of others are looked into again, where no call asks for it: Flipsnack may be out of reach."""
        self.conversions = Conversions()

    async def begin(
        self, source: Source, kept_open: AsyncExitStack, *, again: bool, upload_id: str = ""
    ) -> tuple[JournalEntry, bool]:
        """Start an upload in the background, or find the one that stands; and whether it is new.

        The stack that keeps the document open goes over to the background when it is. An `upload_id` is given by
        whoever has written it down before, so as to find the upload again.
        """
        identity, title = await source.identity(), source.action.title or ""
        # Asked of ourselves first: the state file may have been replaced while we upload.
        self._begun = [one for one in self._begun if self._jobs.running(UPLOAD, one.upload_id)]
        if running := next((one for one in self._begun if one.is_of(identity, title)), None):
            return running, False
        job = self._jobs.new(UPLOAD, upload_id or new_job_id())
        asked = JournalEntry(
            upload_id=job.job_id,
            account=self.journal.account,
            document=identity,
            title=title,
            document_warnings=source.warnings,
            **source.facts,
            **source.beginner._asdict(),
        )
        entry = await self.journal.begin(asked, job.owner, again=again)
        if entry.upload_id != asked.upload_id:
            return entry, False
        self._begin(job, source, entry, kept_open.pop_all())
        return entry, True

    def _begin(self, job: Job, source: Source, entry: JournalEntry, kept_open: AsyncExitStack) -> None:
        self._begun.append(entry)
        self._jobs.begin(job, partial(self._send, source, entry, kept_open), partial(self._note_stopped, entry))

    def error_of(self, upload_id: str) -> FlipsnackError | None:
        """How an upload of this process failed, in full."""
        job = self._jobs.find(UPLOAD, upload_id)
        return job.error if job and isinstance(job.error, FlipsnackError) else None

    async def watch(self, context: CallContext, entry: JournalEntry, seconds: float) -> JournalEntry:
        """The entry once its bytes are with Flipsnack, or as it is when the time is up."""
        told = Throttled(context.tell, UPLOAD)

        async def tell(progress: Progress) -> None:
            if progress.message:
                await context.tell(replace(progress, total=entry.size or None, message=f"{UPLOAD}: {progress.message}"))
            else:
                await told(progress.done, entry.size or None)

        await self._jobs.watch(UPLOAD, entry.upload_id, seconds, tell)
        return await self.journal.find(entry.upload_id) or entry

    async def look_at(self, upload_id: str) -> UploadAtWork:
        """How far an upload is whose bytes are under way, whoever sends them."""
        if job := self._jobs.running(UPLOAD, upload_id):
            seconds = anyio.current_time() - job.began if job.began is not None else None
            return UploadAtWork(job.progress.done, seconds, job.stopping)
        lease = await self._jobs.elsewhere(UPLOAD, upload_id)
        return UploadAtWork(Progress.noted(lease.note).done, None, lease.stop) if lease else UploadAtWork()

    async def reconcile(self, context: CallContext) -> None:
        """Find out how uploads ended whose process is gone; what was in line there and lies elsewhere is sent from here.

        Nothing is ever uploaded again for it.
        """
        context = context.within(TIME_TO_RECONCILE)
        adopted = await self._jobs.adopt(UPLOAD)
        orphans = frozenset(job.job_id for job in adopted)
        try:
            # The newest first: it was listed when the older ones of its title were there, so it can be told from them.
            while adopted:
                job = adopted.pop()
                if unsent := await self._unsent(job):
                    self._begin(job, *unsent, AsyncExitStack())
                    continue
                job.stopping = False
                await self._jobs.carry_out(job, partial(self._resolve, context, orphans))
        finally:
            for job in adopted:
                await self._jobs.let_go(job)

    @property
    def takes_over(self) -> bool:
        """Whether it is time to look into those of others."""
        return anyio.current_time() >= self._not_before

    def is_heir_to(self, left: Collection[str]) -> bool:
        """Whether there are any."""
        return self._jobs.is_left(UPLOAD, left)

    async def go_on(self) -> None:
        """Look into them when no call asks for it. Never raises but when cancelled."""
        self._not_before = anyio.current_time() + leases.DEAD_AFTER
        try:
            await self.reconcile(CallContext(self._flipsnack, lane=Lane.BACKGROUND))
        except Exception as error:  # noqa: BLE001  # it would end all in the background
            log.warning("unfinished uploads could not be looked into: %s", type(error).__name__)

    async def _unsent(self, job: Job) -> tuple[Source, JournalEntry] | None:
        """What an upload was to send of which nothing was sent, where that can be done from here."""
        entry = await self.journal.find(job.job_id)
        if entry is None or not entry.unsent or not self._still_may(entry.principal):
            return None
        action = publishing.CreateCollection.model_validate(entry.unsent)
        return Source(action, warnings=entry.document_warnings), entry

    async def _resolve(self, context: CallContext, orphans: frozenset[str], job: Job) -> None:
        job.unresolved = True
        with job.step():
            if entry := await self._journal_of(job).note_orphan(job.job_id, job.idle):
                await self._note(job, entry, **await look_up(context, entry, await self._taken(entry, orphans)))
            else:
                job.unresolved = False

    async def _taken(self, entry: JournalEntry, orphans: frozenset[str] = frozenset()) -> frozenset[str] | None:
        return taken_by(await self.journal.others(entry.upload_id), entry, orphans)

    async def _send(self, source: Source, entry: JournalEntry, kept_open: AsyncExitStack, job: Job) -> None:
        job.unresolved = True

        async def sent(done: int, total: int) -> None:
            job.tell(done=done)
            # What is left is Flipsnack's answer, which may be long in coming: others need not wait for it.
            if done == total:
                await turn.aclose()

        if not self._line.value:
            job.tell(message=IN_LINE)
            job.stand(AWAITING_TURN)
        async with kept_open, AsyncExitStack() as turn:
            await turn.enter_async_context(self._line)
            job.began = anyio.current_time()
            job.stand(AT_WORK)
            job.tell(message="")
            context = CallContext(self._flipsnack, sent=sent, lane=source.lane)
            entry, arrived = await self._created(context, source, entry, job)
            # Also where somebody has taken it over meanwhile and found nothing: this is no guess.
            await self.journal.note(entry, state="converting", said="", **arrived)
            job.unresolved = False

    async def _created(
        self, context: CallContext, source: Source, entry: JournalEntry, job: Job
    ) -> tuple[JournalEntry, dict[str, Any]]:
        """Send it, and what it became; how it failed is written down first."""
        try:
            before = await candidates(context, entry.title)
            self._check_caller(entry)  # it may have been in line for long
            # Written down before a byte leaves: after a crash nothing else tells this upload from older ones.
            entry = await self._note(job, entry, state="uploading", before=tuple(sorted(before)))
            known = partial(self._taken, entry)
            made, warnings = await create_once(context, source.action, source.document, before, known)
        except (leases.LeaseLost, StoreUnusable):
            raise
        except Exception as error:  # noqa: BLE001  # what is not written down here would be called a server's end later
            raise await self._failed(error, entry, job) from None
        return entry, {"collection_hash": made.collection_hash, "listed": made.title, "warnings": warnings}

    def _check_caller(self, entry: JournalEntry) -> None:
        """Raise where whoever asked for it may have it done no more."""
        if not self._still_may(entry.principal):
            raise FlipsnackError(MAY_NO_MORE, "Whoever may upload can ask for it anew.")

    async def _failed(self, error: Exception, entry: JournalEntry, job: Job) -> FlipsnackError:
        """Write down how it failed. A frame that raised what it had a name for would hold itself."""
        failure = error if isinstance(error, FlipsnackError) else failed_inside(error, entry)
        ended = "failed" if failure.changed is Changed.NOTHING else "interrupted"
        await self._note(job, entry, state=ended, said=str(failure))
        return failure

    async def _note_stopped(self, entry: JournalEntry, job: Job) -> None:
        """A person stopped it. Flipsnack makes nothing of a body that was cut."""
        entry = await self._journal_of(job).find(entry.upload_id) or entry
        if entry.state == "waiting" or (entry.state == "uploading" and job.progress.done < entry.size):
            await self._note(job, entry, state="failed", said=STOPPED, stopped=True)
        elif entry.state == "uploading":
            await self._note(job, entry, state="interrupted", said=STOPPED_LATE)

    async def _note(self, job: Job, entry: JournalEntry, **facts: Any) -> JournalEntry:
        entry = await self._journal_of(job).note(entry, **facts)
        job.unresolved = entry.unresolved
        return entry

    def _journal_of(self, job: Job) -> Journal:
        return replace(self.journal, store=job.store)
