"""Reports over many collections: a call a second for minutes, so they are gone on with for as long as somebody asks.

A run in the background asks what has not been answered yet. It ends when nobody has waited for a while; the next call
begins another one, in whatever process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

import anyio
from anyio.abc import TaskGroup

from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError, OutOfTimeError
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.progress import Tell
from flipsnack_mcp.workflows.reports.periods import day_of
from flipsnack_mcp.workflows.reports.record import Book
from flipsnack_mcp.workflows.reports.report import Report
from flipsnack_mcp.workflows.reports.running import Run

log = logging.getLogger(__name__)

LINGER = 20.0
"""Seconds a run goes on without anybody waiting: a model thinks between its calls."""
TELL_AGAIN = 3.0


class Reports:
    """The reports of this process."""

    def __init__(
        self, flipsnack: Flipsnack, store: Store, account: str, background: TaskGroup, now: Callable[[], float]
    ) -> None:
        self.book = Book(store, account)
        self._flipsnack, self._background, self._now = flipsnack, background, now
        self._runs: dict[str, Run] = {}

    @property
    def today(self) -> date:
        """The day by the app's clock."""
        return day_of(self._now())

    async def follow(self, report: Report, seconds: float, tell: Tell) -> Run:
        """Have a report gone on with, and watch for so many seconds. A cancelled call has nothing more asked."""
        run = self._running(report, anyio.current_time() + seconds + LINGER)
        run.watchers += 1
        try:
            with anyio.move_on_after(seconds):
                await watch(run, tell)
        except anyio.get_cancelled_exc_class():
            if run.watchers == 1:
                run.end()
            raise
        finally:
            run.watchers -= 1
        if run.error:
            raise run.error
        return run

    def _running(self, report: Report, until: float) -> Run:
        run = self._runs.get(report.report_id)
        if run and not run.over:
            run.until = max(run.until, until)
            return run
        run = self._runs[report.report_id] = Run(self._flipsnack, self.book, report, until)
        self._background.start_soon(self._carry_out, run)
        return run

    async def _carry_out(self, run: Run) -> None:
        """Never raises but when cancelled: an error that escaped would end everything else in the background."""
        try:
            await run.go()
        except OutOfTimeError:
            run.end()
        except (FlipsnackError, StoreUnusable) as error:
            run.error = error
        except Exception as error:  # noqa: BLE001  # see above
            log.error("report failed with %s", type(error).__name__)  # noqa: TRY400  # a traceback can hold an address
            run.error = FlipsnackError("The report failed in a way nobody expected.", "Tell the person.")
        finally:
            run.ended = True
            if self._runs.get(run.report.report_id) is run:
                del self._runs[run.report.report_id]
            run.tell()


async def watch(run: Run, tell: Tell) -> None:
    """Tell how far a run is, now and again until it has ended."""
    due = 0.0
    while not run.ended:
        if anyio.current_time() >= due:
            due = anyio.current_time() + TELL_AGAIN
            await tell(run.said)
        await run.changed.wait()
