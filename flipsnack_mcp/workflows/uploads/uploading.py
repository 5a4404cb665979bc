"""Uploads that outlive the call that asked for them: sent in the background, journalled, watched by whoever asks."""

from __future__ import annotations

import hashlib
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup

from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.files.documents import DocumentChanged, OpenDocument
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import candidates
from flipsnack_mcp.workflows.progress import IN_LINE, Throttled, size_of
from flipsnack_mcp.workflows.publishing import created_once
from flipsnack_mcp.workflows.uploads.conversions import Conversions
from flipsnack_mcp.workflows.uploads.journal import RUNNING, Entry, Journal, new_upload_id
from flipsnack_mcp.workflows.uploads.reconciling import NEVER_SENT, how_it_ended

log = logging.getLogger(__name__)

AT_ONCE = 2
HEARTBEAT = 10.0
TIME_TO_RECONCILE = 10.0
LOOK_AT_OTHERS = 1.0
"""Seconds between two looks at an upload that another process carries out."""
STOPPED_LATE = "It was stopped when all of it had been sent; whether Flipsnack took it is looked up at the next call."
STOPPED = "It was stopped before it was whole; Flipsnack made nothing of it."


@dataclass
class Job:
    """An upload of this process. Many may watch it, none owns it."""

    entry: Entry
    """As it was written down last."""
    started: float
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    sent: int = 0
    in_line: bool = True
    ended: bool = False
    error: FlipsnackError | None = None
    changed: anyio.Event = field(default_factory=anyio.Event)

    def tell(self, sent: int | None = None, *, ended: bool = False) -> None:
        """Wake everybody who watches."""
        self.sent, self.ended = self.sent if sent is None else sent, self.ended or ended
        self.changed.set()
        self.changed = anyio.Event()


@dataclass(frozen=True)
class Source:
    """What is uploaded: an opened file, or an address that Flipsnack fetches."""

    action: CreateCollection
    document: OpenDocument | None = None

    async def identity(self) -> str:
        """The same for the same content or address."""
        if self.document:
            try:
                return f"sha256:{await self.document.sha256()}"
            except DocumentChanged as error:
                raise FlipsnackError(
                    str(error),
                    "Make the same call again when nobody writes to the document any more.",
                    retry="You can try again then.",
                ) from None
        return f"url:{hashlib.sha256((self.action.file_url or '').encode()).hexdigest()}"


class Uploads:
    """The uploads of this process, and the journal of all."""

    def __init__(self, flipsnack: Flipsnack, journal: Journal, background: TaskGroup) -> None:
        self._flipsnack, self.journal, self._background = flipsnack, journal, background
        self._jobs: dict[str, Job] = {}
        self._line = anyio.Semaphore(AT_ONCE)
        self.conversions = Conversions()

    async def begin(self, source: Source, kept_open: AsyncExitStack, *, again: bool) -> tuple[Entry, bool]:
        """Start an upload in the background, or find the one that stands; and whether it is new.

        The stack that keeps the document open goes over to the background when it is.
        """
        document = source.document
        identity, title = await source.identity(), source.action.title or ""
        ours = (job.entry for job in self._jobs.values() if not job.ended)
        # Asked of ourselves first: the state file may have been replaced while we upload.
        if running := next((one for one in ours if one.is_of(identity, title)), None):
            return running, False
        asked = Entry(
            upload_id=new_upload_id(),
            account=self.journal.account,
            document=identity,
            title=title,
            name=document.name if document else "",
            size=document.size if document else 0,
            owner=self.journal.owner,
            started=0.0,
            beat=0.0,
        )
        entry = await self.journal.begun(asked, again=again)
        if entry.upload_id != asked.upload_id:
            return entry, False
        job = Job(entry, time.monotonic())
        self._jobs[entry.upload_id] = job
        self._background.start_soon(self._carry_out, job, source, kept_open.pop_all())
        return entry, True

    async def standing(self, source: Source) -> Entry | None:
        """The earlier upload that the same document and title would be given."""
        return await self.journal.standing(await source.identity(), source.action.title or "")

    async def stop(self, upload_id: str) -> None:
        """Stop an upload; one of another process stops at its next sign of life."""
        job = self._jobs.get(upload_id)
        if job is None or job.ended:
            await self.journal.ask_to_stop(upload_id)
            return
        job.scope.cancel()
        while not job.ended:
            await job.changed.wait()

    def error_of(self, upload_id: str) -> FlipsnackError | None:
        """How an upload of this process failed, in full."""
        job = self._jobs.get(upload_id)
        return job.error if job else None

    async def watch(self, errand: Errand, entry: Entry, seconds: float) -> Entry:
        """The entry once its bytes are with Flipsnack, or as it is when the time is up."""
        told = Throttled(errand.tell, "upload")
        with anyio.move_on_after(seconds):
            job = self._jobs.get(entry.upload_id)
            if job and job.in_line:
                await errand.tell(IN_LINE)
            while entry.state in RUNNING:
                entry = await self._next_look(entry, told)
        return await self.journal.entry(entry.upload_id) or entry

    async def _next_look(self, entry: Entry, told: Throttled) -> Entry:
        job = self._jobs.get(entry.upload_id)
        if job is None or job.ended:
            entry = await self.journal.entry(entry.upload_id) or entry
            if entry.state in RUNNING:
                await told(entry.sent, entry.size or None)
                await anyio.sleep(LOOK_AT_OTHERS)
            return entry
        changed = job.changed  # taken before anything is awaited: an end that comes meanwhile has set this one
        if not job.in_line:
            await told(job.sent, job.entry.size or None)
        await changed.wait()
        return entry

    def speed(self, entry: Entry) -> str:
        """How far an upload is, for a person."""
        job = self._jobs.get(entry.upload_id)
        sent = job.sent if job else entry.sent
        if entry.state == "waiting" or not entry.size:
            return "waiting in line" if entry.state == "waiting" else "under way"
        rate = f", {size_of(int(sent / max(time.monotonic() - job.started, 0.1)))}/s" if job else ""
        return f"{size_of(sent)} of {size_of(entry.size)}, {100 * sent // entry.size} %{rate}"

    async def reconcile(self, errand: Errand) -> None:
        """Find out how uploads ended whose process is gone. Nothing is ever uploaded again for it."""
        alive = frozenset(job.entry.upload_id for job in self._jobs.values() if not job.ended)
        errand = errand.within(TIME_TO_RECONCILE)
        # The newest first: it was listed when the older ones of its title were there, so it can be told from them.
        for entry in reversed(await self.journal.claimed_orphans(alive)):
            if entry.state == "waiting":
                await self.journal.resolve(entry.upload_id, state="failed", said=NEVER_SENT)
            else:
                await self.journal.resolve(
                    entry.upload_id, **await how_it_ended(errand, entry, await self._taken(entry))
                )

    def _alive(self, entry: Entry) -> bool:
        """Whether somebody still carries it out: what was claimed from a dead process is under our name without a job."""
        job = self._jobs.get(entry.upload_id)
        return not job.ended if job else entry.owner != self.journal.owner

    async def _taken(self, entry: Entry) -> frozenset[str] | None:
        """The collections that other uploads made; None while one is under way that could be mistaken for this."""
        others = await self.journal.others(entry.upload_id)
        title = cleaned(entry.title)
        alike = [one for one in others if not (cleaned(one.title) and title) or cleaned(one.title) == title]
        if any(one.state == "uploading" and self._alive(one) for one in alike):
            return None
        return frozenset(one.collection_hash for one in others if one.collection_hash)

    async def _carry_out(self, job: Job, source: Source, kept_open: AsyncExitStack) -> None:
        """One upload from waiting in line to its end, with a sign of life in the journal all along."""
        async with kept_open, anyio.create_task_group() as beside:
            beside.start_soon(self._beat, job)
            try:
                await self._to_its_end(job, source)
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):  # the server ends: whoever comes next has to look into it
                    await self._noted(job, beat=0.0)
                raise
            finally:
                job.tell(ended=True)
                beside.cancel_scope.cancel()

    async def _to_its_end(self, job: Job, source: Source) -> None:
        """Never raises but when cancelled: an error that escaped would end every other upload."""
        try:
            with job.scope:
                async with self._line:
                    job.in_line = False
                    job.tell()
                    await self._send(job, source)
            if job.scope.cancelled_caught:
                await self._stopped(job)
        except Exception as error:  # noqa: BLE001  # see above; the next look into the journal finds out what came of it
            log.error("upload failed with %s", type(error).__name__)  # noqa: TRY400  # a traceback can hold a signed URL
            await self._noted(job, beat=0.0)

    async def _noted(self, job: Job, **facts: Any) -> Entry | None:
        """Written down, where the store can be used: a full disk must not end the other uploads."""
        try:
            job.entry = await self.journal.note(job.entry, sent=job.sent, **facts)
        except Exception as error:  # noqa: BLE001  # the entry grows old, and is looked into like a killed process's
            log.warning("an upload could not be written down: %s", type(error).__name__)
            return None
        return job.entry

    async def _beat(self, job: Job) -> None:
        while True:
            await anyio.sleep(HEARTBEAT)
            entry = await self._noted(job)
            if entry and entry.stop:
                job.scope.cancel()

    async def _send(self, job: Job, source: Source) -> None:
        async def sent(done: int, _: int) -> None:
            job.tell(done)

        errand = Errand(self._flipsnack, sent=sent)
        try:
            before = await candidates(errand, source.action.title or "")
            # Written down before a byte leaves: after a crash nothing else tells this upload from older ones.
            job.entry = await self.journal.note(job.entry, state="uploading", before=tuple(sorted(before)))
            job.started = time.monotonic()
            known = partial(self._taken, job.entry)
            made, warnings = await created_once(errand, source.action, source.document, before, known)
        except FlipsnackError as error:
            job.error = error
            ended = {"state": "failed"} if error.changed is Changed.NOTHING else {"state": "interrupted", "beat": 0.0}
            await self.journal.note(job.entry, said=str(error), sent=job.sent, **ended)
            return
        arrived = {
            "collection_hash": made.collection_hash,
            "listed": made.title,
            "warnings": warnings,
            "sent": job.entry.size,
        }
        await self.journal.note(job.entry, state="converting", **arrived)

    async def _stopped(self, job: Job) -> None:
        """A person stopped it. Flipsnack makes nothing of a body that was cut."""
        entry = await self.journal.entry(job.entry.upload_id)
        if (entry and entry.state == "waiting") or job.sent < job.entry.size:
            await self.journal.note(job.entry, state="failed", said=STOPPED, sent=job.sent)
            return
        await self.journal.note(job.entry, state="interrupted", said=STOPPED_LATE, sent=job.sent, beat=0.0)
