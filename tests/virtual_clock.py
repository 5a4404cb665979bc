"""An event loop on which a thousand seconds take a few milliseconds, for every test in memory.

Its selector never sleeps: if nothing has happened, it moves the loop's clock on to the next timer. So everything that
goes by the loop's clock (`anyio.sleep`, `fail_after`, `current_time`) runs as written, only without the waiting.
`time.monotonic` stays real.

    anyio_backend = on_virtual_time

While a worker thread is busy the clock stands still, or a timer would fire in the middle of reading a file. The other
side of it: a thread that waits for a timer of the loop waits for ever. Sockets and pipes need a real loop.
"""

import asyncio
import selectors
import threading
from asyncio import Future
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple, Unpack

import pytest
from anyio._backends._asyncio import WorkerThread
from typing_extensions import override

from flipsnack_mcp.store.clock import Moment

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Events = list[tuple[selectors.SelectorKey, int]]


class VirtualSelector(selectors.DefaultSelector):
    """Moves its own clock instead of waiting, unless `busy` says that a thread is at work."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self.now = 0.0
        self._busy = busy

    @override
    def select(self, timeout: float | None = None) -> Events:
        if timeout is None:  # no timer: only a thread can bring something
            return super().select()
        if (
            timeout <= 0
        ):  # something is ready, to which a thread has added what it had to report: a look is a system call
            return []
        if self._busy():  # asked before the look at the events: a thread that is done by now has reported before
            return super().select(0.001)  # a thread is busy for a moment longer than its report takes to arrive
        events = super().select(0)
        self.now += 0 if events else timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """Give it to anyio as `loop_factory`."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector(self._busy)
        self._jobs = 0
        super().__init__(self._virtual)

    @override
    def time(self) -> float:
        return self._virtual.now

    @override
    def run_in_executor(self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        job = super().run_in_executor(executor, func, *args)
        self._jobs += 1
        job.add_done_callback(self._done)
        return job

    @override
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        await super().shutdown_default_executor()  # Python 3.12 allows 300 s for it, which are over at once

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Wait for another process: no time goes by until it has answered."""
        self._jobs += 1
        try:
            yield
        finally:
            self._jobs -= 1

    def _done(self, _: object) -> None:
        self._jobs -= 1

    def _busy(self) -> bool:
        """Look at anyio's threads themselves: its default limiter does not know the work done under another one."""
        return self._jobs > 0 or any(
            isinstance(thread, WorkerThread) and thread.loop is self and thread.queue.unfinished_tasks
            for thread in threading.enumerate()
        )


@pytest.fixture
def on_virtual_time() -> tuple[str, dict[str, object]]:
    """What a module or a folder calls `anyio_backend` whose tests run on this loop."""
    return "asyncio", {"loop_factory": VirtualLoop}


@dataclass
class StandingClock:
    """The time of day, moved on by hand alone."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


DAY_IN_SECONDS = 24 * 3600.0


class Machine:
    """A computer: anybody can set its clock on the wall, and nobody what it has run for. Goes with a virtual loop too."""

    def __init__(self, wall: float = 1_790_000_000.0) -> None:
        self._wall, self._ran, self._restarts = wall, 5000.0, 0

    def __call__(self) -> Moment:
        looped = self._of_the_loop()
        return Moment(self._wall + looped, self._ran + looped, f"start {self._restarts}")

    def run(self, seconds: float) -> None:
        self._wall += seconds
        self._ran += seconds

    def set_clock(self, days: float) -> None:
        """Somebody sets the clock on the wall."""
        self._wall += days * DAY_IN_SECONDS

    def restart(self, off: float = 60.0) -> None:
        """It is off for a while, in which its clock on the wall goes on."""
        self._wall += off
        self._ran, self._restarts = 3.0, self._restarts + 1

    def _of_the_loop(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0
