"""One job: a piece of long work in this process, its progress, its step that is not broken off, and how it ended."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import anyio
from anyio.lowlevel import checkpoint

from flipsnack_mcp import observed
from flipsnack_mcp.api import Changed, FlipsnackError
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Store, StoreUnusable
from flipsnack_mcp.workflows.progress import Progress

log = logging.getLogger(__name__)

FOR_A_PERSON = (FlipsnackError, RefusedFile, StoreUnusable)
"""Errors whose text was written to be shown."""

AT_WORK, AWAITING_TURN = "under way", "waiting"

Work: TypeAlias = Callable[["Job"], Awaitable[object]]


@dataclass(eq=False)
class Job:
    """A piece of long work in this process. Many may watch it."""

    kind: str
    job_id: str
    owner: leases.Owner
    shared_store: Store
    idle: float = 0.0
    """For how long nobody had carried it out when it was adopted, by the store's time."""
    stopping: bool = False
    progress: Progress = field(default_factory=Progress)
    changed: anyio.Event = field(default_factory=anyio.Event)
    """Set at the next news; to be taken before anything is awaited."""
    began: float | None = None
    """When it had its turn, on anyio's clock, where the work says so."""
    state: str = ""
    """How it stands, for an operator; nothing before it begins and after its end."""
    unresolved: bool = False
    """Set by the work: should it break off now, whoever comes next has to find out what came of it."""
    result: object = None
    """What the work returned."""
    error: Exception | None = None
    lost: bool = False
    told: bool = False
    """Whether a call was told how it ended."""
    ended_at: float | None = None
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _in_step: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is over in this process."""
        return self.ended_at is not None

    @property
    def outcome(self) -> str:
        """How it ended in this process, in a word for an operator."""
        if self.lost:
            return "taken over"
        if self.unresolved:
            return "left"
        if self.error:
            return "failed"
        return "stopped" if self.stopping else "done"

    @property
    def store(self) -> Store:
        """The store for the work itself: a transaction raises LeaseLost once somebody else has taken the job over."""
        return leases.OwnedStore(self.shared_store, self.owner, self.lose)

    def tell(self, progress: Progress | None = None, **news: Any) -> None:
        """Wake everybody who watches, with the progress or what is new of it."""
        self.progress = replace(progress or self.progress, **news)
        self.changed.set()
        self.changed = anyio.Event()

    def stand(self, state: str) -> None:
        """Be counted as it stands from now on; not at all, where it is over."""
        for one, step in ((self.state, -1), (state, 1)):
            if one:
                observed.count(observed.JOBS, step, {observed.JOB_KIND: self.kind, observed.JOB_STATE: one})
        self.state = state

    def stop(self) -> None:
        """Break it off, once its step has come to an end."""
        self.stopping = True
        if not self._in_step:
            self._scope.cancel()

    async def heed(self) -> None:
        """End here where another process has asked for that: the next sign of life may be ten deletions away."""
        if await self.store.transact(self.owner.asked_to_stop):
            self.stop()
        await checkpoint()

    def lose(self) -> None:
        """Break it off at once: somebody else goes on with it."""
        self.lost = True
        self._scope.cancel()

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part of the work that a request to stop waits for. The end of the server and a lost lease do not."""
        self._in_step = True
        try:
            yield
        finally:
            self._in_step = False
            if self.stopping:
                self._scope.cancel()

    async def run(self, work: Work, stopped: Work) -> None:
        """Do the work. Never raises but when cancelled: an error that escaped would end every other job."""
        try:
            with self._scope:
                if self.stopping:
                    self._scope.cancel()
                self.result = await work(self)
            if self._scope.cancelled_caught and not self.lost:
                await stopped(self)
        except leases.LeaseLost:
            self.lost = True
        except FOR_A_PERSON as error:
            self.error = error
            # A store that fails now may not in a moment, and then the job can be gone on with.
            self.unresolved = self.unresolved or isinstance(error, StoreUnusable)
        except Exception as error:  # noqa: BLE001  # see above
            # Without a traceback: it can hold a signed address.
            log.error("%s failed with %s", self.kind, type(error).__name__)  # noqa: TRY400
            changed, said = Changed.PERHAPS if self.unresolved else Changed.NOTHING, "failed in a way nobody expected"
            self.error = FlipsnackError(f"The {self.kind} {said}.", "Tell the person.", changed=changed)
