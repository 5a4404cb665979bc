"""The one engine of long work: carried out in the background, by one process at a time, watched by any number of calls.

A job goes on when the call that asked for it hangs up, and with the next process when its own is killed: `adopt` gives
what nobody carries out any more. So whatever is run here looks first at what the store already knows of its work, and
writes through `job.store`, where nothing is written for a job that somebody else has taken over.
"""

import base64
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict
from functools import partial
from typing import TypeAlias

import anyio

from flipsnack_mcp import observed
from flipsnack_mcp.api import even_if_cancelled, ignore
from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Records, StoreUnusable, T
from flipsnack_mcp.workflows.job import AT_WORK, Job, Work
from flipsnack_mcp.workflows.lookout import Lookout
from flipsnack_mcp.workflows.progress import PAUSE_OF_NEWS, News, Progress, Tell

log = logging.getLogger(__name__)

BEAT = 10.0
"""Seconds between two signs of life."""
LOOK_AT_OTHERS = 1.0
"""Seconds between two looks at what another process carries out."""
LEFT_ALONE = 60.0
"""Seconds in which work that ended here and is not over is not looked for: what could not go on then would be taken up at each look."""
ENDS_REMEMBERED = 600.0
"""Seconds in which it can be asked how a job of this process ended."""
Watcher: TypeAlias = Callable[[Progress], Awaitable[object]]


class Jobs:
    """The long work of one account, as one process carries it out and sees that of others."""

    def __init__(self, lookout: Lookout, account: str) -> None:
        self._store, self._account, self._background = lookout.shared, account, lookout.background
        self._jobs: dict[tuple[str, str], Job] = {}
        self.unattended: dict[str, tuple[Work, Work]] = {}
        """The kinds of work that are gone on with when no call asks for it, and how."""
        lookout.heirs.append(self)
        self.store = lookout.store
        """For all calls: from its first use on, what a killed process left behind is looked for."""

    def new(self, kind: str, job_id: str) -> Job:
        """A job to claim with `job.owner.claim` in the transaction that writes down what it is, and then to begin."""
        return Job(kind, job_id, leases.Owner(self._name(kind, job_id)), self._store)

    async def start(
        self,
        kind: str,
        job_id: str,
        work: Work,
        stopped: Work = ignore,
        first: Callable[[Records], None] = lambda _: None,
    ) -> Job | None:
        """Carry out work in the background, or find it where it runs here; None where another process is at it.

        `first` is what changes in the store when it is begun.
        """
        job = self.new(kind, job_id)

        def claim(records: Records) -> bool:
            claimed = job.owner.claim(records)
            if claimed:
                first(records)
            return claimed

        if not self.running(kind, job_id) and await self._store.transact(claim):
            self.begin(job, work, stopped)
        return self.running(kind, job_id)

    def begin(self, job: Job, work: Work, stopped: Work = ignore) -> None:
        """Carry out in the background what was claimed."""
        self._remember(job)
        self._background.start_soon(self._apart, job, work, stopped)

    async def _apart(self, job: Job, work: Work, stopped: Work) -> None:
        with observed.apart(f"job {job.kind}", {observed.JOB_KIND: job.kind}) as span:
            await self.carry_out(job, work, stopped)
            span.set_attribute(observed.OUTCOME, job.outcome)

    async def carry_out(self, job: Job, work: Work, stopped: Work = ignore) -> None:
        """Carry out what was claimed while somebody waits. If that is cancelled, whoever comes next goes on with it."""
        self._remember(job)
        finished = False
        job.stand(AT_WORK)
        try:
            async with anyio.create_task_group() as beside:
                beside.start_soon(self._show_life, job)
                await job.run(work, stopped)
                finished = not job.unresolved
                beside.cancel_scope.cancel()
        finally:
            await (even_if_cancelled(self._written(job, job.owner.release)) if finished else self.let_go(job))
            job.ended_at = anyio.current_time()
            job.tell()
            job.stand("")
            observed.count(observed.JOBS_ENDED, 1, {observed.JOB_KIND: job.kind, observed.OUTCOME: job.outcome})

    async def let_go(self, job: Job) -> None:
        """Leave what was claimed to whoever comes next, with the wish to stop it, where there is one."""
        await even_if_cancelled(self._written(job, partial(job.owner.let_go, stop=job.stopping)))

    def find(self, kind: str, job_id: str) -> Job | None:
        """A job of this process, also for a while after its end."""
        job = self._jobs.get((kind, job_id))
        forgotten = job and job.ended_at is not None and anyio.current_time() - job.ended_at >= ENDS_REMEMBERED
        return None if forgotten else job

    def running(self, kind: str, job_id: str) -> Job | None:
        """A job that this process carries out."""
        job = self._jobs.get((kind, job_id))
        return job if job and not job.ended else None

    @property
    def under_way(self) -> list[tuple[str, str]]:
        """The jobs that this process carries out, each by its kind and id."""
        return [key for key, job in self._jobs.items() if not job.ended]

    async def elsewhere(self, kind: str, job_id: str) -> leases.Lease | None:
        """The lease of another process that carries it out."""
        ours = self._jobs.get((kind, job_id))  # a release that could not be written leaves a lease of our own

        def work(records: Records) -> leases.Lease | None:
            lease = leases.find(records, self._name(kind, job_id))
            theirs = lease and lease.held(records.now) and not (ours and ours.owner.token == lease.owner)
            return lease if theirs else None

        return await self._store.transact(work)

    async def watch(self, kind: str, job_id: str, seconds: float, tell: Watcher) -> Job | None:
        """Tell how far a job is, whoever carries it out, until it ends or the time is up; the job, if it is ours."""
        with anyio.move_on_after(seconds):
            while await self._news(kind, job_id, tell):
                pass
        return self.find(kind, job_id)

    async def show(self, kind: str, job_id: str, seconds: float, tell: Tell) -> Progress:
        """Watch a job for a person, who is told no more often than it is worth; what was told last."""
        news = News(tell, PAUSE_OF_NEWS)
        await self.watch(kind, job_id, seconds, news)
        return news.last

    async def stop(self, kind: str, job_id: str, within: float = math.inf) -> bool:
        """Stop a job of this process, or ask its owner to; whether there was anything to stop.

        Its end is waited for; a step that takes longer than `within` seconds is left to end by itself.
        """
        job = self.running(kind, job_id)
        if job is None:
            return await self._store.transact(lambda records: leases.ask_to_stop(records, self._name(kind, job_id)))
        job.stop()
        with anyio.move_on_after(within):
            while not job.ended:
                await job.changed.wait()
        return not job.lost or await self.stop(kind, job_id, within)

    async def kind_of(self, job_id: str) -> str | None:
        """What kind of work that is not over goes by an id, whoever carries it out; None where there is none."""
        here = next((kind for kind, name in self.under_way if name == job_id), None)
        return here or await self._store.transact(lambda records: leases.before_ending(records, self._name("", job_id)))

    async def adopt(self, kind: str) -> list[Job]:
        """The work of a kind whose owner is gone, the oldest first, claimed for us: nobody else gets it meanwhile.

        Never what this process carries out itself: after a computer's sleep its last sign of life is hours old.
        """

        def work(records: Records) -> list[Job]:
            found = leases.orphans(records, self._name(kind, ""))
            return [self._adopted(records, kind, name, lease) for name, lease in found if not self.running(kind, name)]

        return await self._store.transact(work)

    def _adopted(self, records: Records, kind: str, job_id: str, lease: leases.Lease) -> Job:
        job = self.new(kind, job_id)
        # max: the clock may have been set back since.
        job.idle, job.stopping = max(0.0, records.now - lease.renewed), lease.stop
        job.owner.claim(records)
        if lease.stop:  # for whoever adopts it from us, should we be killed now
            leases.ask_to_stop(records, job.owner.work)
        return job

    @property
    def takes_over(self) -> bool:
        """Whether there is a kind of work that is gone on with when no call asks for it."""
        return bool(self.unattended)

    def is_heir_to(self, left: Collection[str]) -> bool:
        """Whether something of what was left by others is gone on with when no call asks for it."""
        return any(self.is_left(kind, left) for kind in self.unattended)

    def is_left(self, kind: str, left: Collection[str]) -> bool:
        """Whether something of a kind was left, and not by this process or a moment ago."""
        ours = self._name(kind, "")
        return any(one.startswith(ours) and not self._had(kind, one.removeprefix(ours)) for one in left)

    def _had(self, kind: str, job_id: str) -> bool:
        job = self._jobs.get((kind, job_id))
        return job is not None and (job.ended_at is None or anyio.current_time() - job.ended_at < LEFT_ALONE)

    async def go_on(self) -> None:
        """Go on with what nobody carries out any more. Never raises but when cancelled."""
        for kind, (work, stopped) in self.unattended.items():
            try:
                for job in await self.adopt(kind):
                    self.begin(job, work, stopped)
            except Exception as error:  # noqa: BLE001  # it would end all in the background
                log.warning("unfinished work could not be looked for: %s", type(error).__name__)

    async def _news(self, kind: str, job_id: str, tell: Watcher) -> bool:
        """Tell what there is to tell, and wait for more; whether there will be more."""
        if job := self.running(kind, job_id):
            changed = job.changed
            await tell(job.progress)
            await changed.wait()
            return True
        try:
            lease = await self.elsewhere(kind, job_id)
        except StoreUnusable:
            if self.find(kind, job_id):
                return False  # it ended here, which can be told without the store
            raise
        if lease:
            await tell(Progress.noted(lease.note))
            await anyio.sleep(LOOK_AT_OTHERS)
        return lease is not None

    async def _show_life(self, job: Job) -> None:
        """Give a sign of life now and again, and notice what others did with the lease."""

        def renew(records: Records) -> tuple[bool, bool]:
            lease = job.owner.renew(records, asdict(job.progress))
            return lease is None, lease is not None and lease.stop

        while True:
            await anyio.sleep(BEAT)
            lost, stop = await self._written(job, renew) or (False, False)
            if lost:
                job.lose()
            elif stop:
                job.stop()

    async def _written(self, job: Job, work: Callable[[Records], T]) -> T | None:
        """Change the lease, where the store can be used: a full disk must end neither this job nor any other."""
        try:
            return await self._store.transact(work)
        except Exception as error:  # noqa: BLE001  # the lease runs out, and whoever comes next looks into it
            log.warning("the lease of a %s was not written: %s", job.kind, type(error).__name__)
            return None

    def _name(self, kind: str, job_id: str) -> str:
        return f"{kind}/{self._account}/{job_id}"

    def _remember(self, job: Job) -> None:
        self._jobs = {key: one for key, one in self._jobs.items() if self.find(*key)}
        self._jobs[job.kind, job.job_id] = job


def new_job_id() -> str:
    """Eight characters that a model copies without mistakes."""
    return base64.b32encode(secrets.token_bytes(5)).decode().lower()
