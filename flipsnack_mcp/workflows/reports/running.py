"""One run of a report: what has not been answered is asked, several at a time, and every answer kept at once."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress

import anyio

from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.client import Flipsnack, Terms, in_line
from flipsnack_mcp.api.errors import FlipsnackError, NotAuthorisedError, NotFoundError, OutOfTimeError
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.choosing import window
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.progress import choosing, report_at
from flipsnack_mcp.workflows.reports.figures import Numbers
from flipsnack_mcp.workflows.reports.record import CLAIMED_FOR, Book, Take
from flipsnack_mcp.workflows.reports.report import Question, Report, Target

IN_FLIGHT = 3
"""Requests on their way at once: the budget lets one go a second, and an answer may take as many seconds."""
LONGEST = 90.0
"""Seconds a request may take with all its tries, also when its run is over by then: what was asked is not lost."""
TO_TIDY = 2.0
LOOK_AGAIN = 1.0
"""Seconds between looks at what another process is asking."""
SYSTEMATIC = 5
"""So many failures in a row are not the collections'; nor are those of all of them."""
LONG_WAIT = 5.0
"""Seconds in line from which on they are told."""
SECONDS_EACH = 1.02
"""How long a call takes where nobody else uses the key."""
GONE = "not there: deleted, published under a new hash, or somebody else's"


class Run:
    """What one process does for one report until `until`, or until everything is answered."""

    def __init__(self, flipsnack: Flipsnack, book: Book, report: Report, until: float) -> None:
        self.report, self.until = report, until
        """On anyio's clock; nothing new is started after `until`, which may be moved."""
        self.watchers = 0
        self.error: Exception | None = None
        self.ended = False
        self.changed = anyio.Event()
        self.trouble = ""
        """Why requests wait for longer than usual, or are sent again."""
        self._flipsnack, self._book = flipsnack, book
        self._owner = secrets.token_hex(8)
        self._waiting, self._asking = deque[Question](), list[Question]()
        self._failing: list[Question] = []
        """What failed since the last good answer."""
        self._begun, self._answers = anyio.current_time(), 0

    @property
    def over(self) -> bool:
        """Whether nothing new is started."""
        return anyio.current_time() >= self.until

    @property
    def said(self) -> str:
        """How far it is."""
        every, left = len(self.report.targets), len(self._waiting) + len(self._asking)
        if self.report.offset is not None:
            return choosing(every)
        each = (anyio.current_time() - self._begun) / self._answers if self._answers >= SYSTEMATIC else SECONDS_EACH
        done, seconds = every - -(-left // len(self.report.periods)), left * max(each, SECONDS_EACH)
        return report_at(done, every, seconds, self.trouble)

    def end(self) -> None:
        """Start nothing new; what was asked may still be answered."""
        self.until = min(self.until, anyio.current_time())

    def tell(self) -> None:
        """Wake everybody who watches."""
        self.changed.set()
        self.changed = anyio.Event()

    async def go(self) -> None:
        """Choose the collections where that is still to be done, then ask about each."""
        while self.report.offset is not None and not self.over:
            await self._choose(self.report.offset)
            self.tell()
        if self.report.offset is not None:
            return
        self._waiting.extend(await self._book.open_questions(self.report))
        self._begun = anyio.current_time()
        self.tell()
        async with anyio.create_task_group() as signs:
            signs.start_soon(self._show_life)
            async with anyio.create_task_group() as workers:
                for _ in range(IN_FLIGHT):
                    workers.start_soon(self._work)
            signs.cancel_scope.cancel()

    async def _choose(self, offset: int) -> None:
        """Look through one window of the list, unless another process does or did."""
        place = f"{self.report.report_id}/list"
        ours = await self._book.claim(place, self._owner)
        self.report = await self._book.report(self.report.report_id) or self.report
        if not ours:
            await anyio.sleep(LOOK_AGAIN)
            return
        try:
            if self.report.offset == offset:
                await self._look_through(offset)
        finally:
            await even_if_cancelled(self._book.release(place))

    async def _look_through(self, offset: int) -> None:
        """One window. The list is left as soon as all named collections are found."""
        choice, changes = self.report.choice, await self._book.changes()
        seen = await window(Errand(self._flipsnack, self.until), choice, offset)
        fitting = [Target.of(row) for row in seen.collections if row.collection_hash and choice.fits(row)]
        found = {one.collection_hash for one in (*self.report.targets, *fitting)}
        enough = bool(choice.collections) and found.issuperset(choice.collections)
        self.report = await self._book.chose(self.report, fitting, None if enough else seen.next_offset, changes)

    async def _work(self) -> None:
        """Take one question after the other."""
        try:
            while self._waiting and not self.over:
                question = self._waiting.popleft()
                self._asking.append(question)
                await self._take(question)
                self.tell()
        except StoreUnusable as error:
            self.error = error
            self.end()

    async def _take(self, question: Question) -> None:
        """One question: asked, unless it is answered by now or somebody else is asking it."""
        taken = await self._book.take(self.report, question, self._owner)
        answered = taken is Take.ANSWERED or (taken is Take.OURS and await self._asked(question))
        self._asking.remove(question)
        if not answered:
            self._waiting.append(question)
        if taken is Take.THEIRS:
            await anyio.sleep(LOOK_AGAIN)

    async def _asked(self, question: Question) -> bool:
        """Ask Flipsnack; whether an answer or a failure was kept. What was not is left to whoever comes next."""
        kept = False
        try:
            await self._kept(question)
            kept = True
        except OutOfTimeError:
            self.end()
        except FlipsnackError as error:
            kept = await self._failed(question, error)
        finally:
            if not kept:
                await even_if_cancelled(self._book.give_back(self.report, question))
        return kept

    async def _kept(self, question: Question) -> None:
        period = question.period
        action = GetCollectionStats(
            collection_hash=question.target.collection_hash, start_date=period.start, end_date=period.end
        )
        terms = Terms(Lane.BACKGROUND, anyio.current_time() + LONGEST, self._patience)
        numbers = Numbers.of(await self._flipsnack.send(action, terms=terms))
        if numbers is None:
            raise FlipsnackError("The answer held no numbers.", "Tell the person.", retry="You can try again.")
        await self._book.answered(self.report, question, numbers)
        self._answers, self.trouble = self._answers + 1, ""
        self._failing.clear()

    async def _failed(self, question: Question, error: FlipsnackError) -> bool:
        """Keep a failure that is the collection's own; whether it was kept. One that is everybody's ends the run."""
        if isinstance(error, NotFoundError):
            self._failing.clear()
            await self._book.failed(self.report, question, GONE)
            return True
        if self.error:
            return False
        self._failing.append(question)
        await self._book.failed(self.report, question, error.happened)
        every = len(self.report.targets) * len(self.report.periods)
        if isinstance(error, NotAuthorisedError) or len(self._failing) >= min(SYSTEMATIC, every):
            self.error = error
            self.end()
            await self._book.forget(self.report, self._failing)
        return True

    async def _patience(self, why: str, seconds: float) -> None:
        """Told about every wait of a request: one that nobody will wait for is given up."""
        if not in_line(why) or seconds >= LONG_WAIT:
            self.trouble = why
            self.tell()
        if anyio.current_time() + seconds > self.until:
            raise OutOfTimeError(seconds)

    async def _show_life(self) -> None:
        while True:
            await anyio.sleep(CLAIMED_FOR / 3)
            with suppress(StoreUnusable):  # whoever asks will find out
                await self._book.renew(self.report, tuple(self._asking), self._owner)


async def even_if_cancelled(work: Awaitable[None]) -> None:
    """Tidy up, but not for long: what is left undone, time undoes."""
    with anyio.move_on_after(TO_TIDY, shield=True):
        await work
