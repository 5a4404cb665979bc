"""Reports in the background: what has not been answered is asked, several at a time, and every answer is kept.

A report once begun goes on until it is done, whether or not a call waits, and with the next process after a kill. Of
several processes one asks; the others watch through the store.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import anyio

from flipsnack_mcp.api import Flipsnack, FlipsnackError, Lane, Terms, errors, in_line
from flipsnack_mcp.api.actions.collections import CollectionList, GetCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.workflows.begun import ANYBODY, Beginner, StillMay, nobody_is_asked
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import ROWS_OF_A_REQUEST, read_window
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.progress import SECONDS_A_CALL, Progress, Tell, choosing, report_at
from flipsnack_mcp.workflows.reports.figures import Gathered, Numbers
from flipsnack_mcp.workflows.reports.record import REPORT, ReportRecord
from flipsnack_mcp.workflows.reports.report import Question, Report, ReportedCollection

IN_FLIGHT = 3
"""Requests on their way at once: the budget lets one go a second, and an answer may take as many seconds."""
LONGEST_WAIT = 600.0
"""Seconds a request may take with all its tries, most of them in line where others use up what the key allows."""
SYSTEMATIC = 5
"""So many failures in a row are not the collections'; nor are those of all of them."""
LONG_WAIT = 5.0
"""Seconds in line from which on they are told."""
NO_NUMBERS = "deleted, published under a new hash, or not allowed: {}"
"""Of one that the list has: code 43 is also what an account may not ask."""
NO_VIEWS = "Flipsnack did not tell how often the collection was viewed."


@dataclass(frozen=True)
class Reports:
    """The reports of an account, as this process carries them out."""

    flipsnack: Flipsnack
    jobs: Jobs
    record: ReportRecord
    now: Callable[[], float]
    still_may: StillMay = nobody_is_asked

    @property
    def moment(self) -> datetime:
        """The time in UTC, by the app's clock."""
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.moment.date()

    async def follow(self, report_id: str, seconds: float, tell: Tell, watcher: Beginner = ANYBODY) -> Progress:
        """Have a report gone on with, and watch for so many seconds; what was told of it last.

        Where whoever had it begun may read no more, it goes on as who watches it now.
        """
        report = await self.record.report(report_id)
        if report and not self.still_may(report.principal, reads=True):
            await self.record.change(report_id, **watcher._asdict())
        job = await self.jobs.start(REPORT, report_id, self.carry_out, self.note_stop)
        last = await self.jobs.show(REPORT, report_id, seconds, tell)
        if job and job.error:
            raise job.error
        return last

    async def carry_out(self, job: Job) -> None:
        """Ask what is left to ask for a report, unless it was forgotten meanwhile."""
        record = replace(self.record, store=job.store)
        report = await record.report(job.job_id)
        if report and not report.stopped:
            await Inquiry(self, record, report, job).run()

    async def note_stop(self, job: Job) -> None:
        """Write down that a report is not to be gone on with. What was counted of days that are over serves the next."""
        await replace(self.record, store=job.store).change(job.job_id, stopped=True)


class Inquiry:
    """All questions of one report, asked as one job."""

    def __init__(self, reports: Reports, record: ReportRecord, report: Report, job: Job) -> None:
        self._flipsnack, self._still_may = reports.flipsnack, reports.still_may
        self._record, self._report, self._job = record, report, job
        self._waiting, self._open = deque[Question](), Counter[str]()
        """What has still to be asked, and how many answers are missing of each collection."""
        self._listed, self._totals = set[str](), list[int]()
        """What the list told, and how many it counted each time it was begun with."""
        self._passed = set[str]()
        """What it told since it was begun with last."""
        self._unseen: list[ReportedCollection] = []
        """Whose conversion has still to be looked at."""
        self._failing: list[Question] = []
        """What failed since the last good answer."""
        self._error: Exception | None = None
        self._trouble = ""
        """Why requests wait for longer than usual, or are sent again."""
        self._begun, self._answers = anyio.current_time(), 0

    async def run(self) -> None:
        """Choose the collections where that is still to be done, then ask about each."""
        while self._report.offset is not None:
            if self._rests():
                return
            self._tell()
            await self._look_through(self._report.offset)
        self._waiting.extend(await self._record.open_questions(self._report))
        self._open.update(one.target.collection_hash for one in self._waiting)
        known = await self._record.conversions(self._report)
        self._unseen = [one for one in self._report.doubtful if one.collection_hash not in known]
        self._begun = anyio.current_time()
        self._tell()
        async with anyio.create_task_group() as workers:
            for _ in range(IN_FLIGHT):
                workers.start_soon(self._work)
        if self._error:
            raise self._error
        await self._look_at_conversions()

    def _rests(self) -> bool:
        """Whether it is left to who may have it done: who began it may read no more, as far as this process knows."""
        self._job.unresolved = not self._still_may(self._report.principal, reads=True)
        return self._job.unresolved

    def _tell(self) -> None:
        each = (anyio.current_time() - self._begun) / self._answers if self._answers >= SYSTEMATIC else 0.0
        left = self._open.total() + len(self._unseen)
        self._job.tell(how_far(self._report, len(self._open), left, each, self._trouble))

    async def _look_at_conversions(self) -> None:
        """What became of those of an audit that may have failed."""
        while self._unseen and not self._rests():
            one = self._unseen[0]
            terms = Terms(Lane.BACKGROUND, anyio.current_time() + LONGEST_WAIT, self._patience)
            action = GetCollection(collection_hash=one.collection_hash)
            try:
                conversion = (await self._flipsnack.send(action, terms=terms)).conversion
            except (errors.NotAuthorisedError, errors.OutOfTimeError):
                raise
            except FlipsnackError:  # one that can never be looked at must not hold up the rest: it is told
                conversion = "unknown"
            await self._record.looked_at(self._report, one, conversion)
            del self._unseen[0]
            self._tell()

    async def _look_through(self, offset: int) -> None:
        """One window of the list, which is left as soon as all named collections are found."""
        choice, changes = self._report.choice, await self._record.changes()
        context = CallContext(self._flipsnack, anyio.current_time() + LONGEST_WAIT, lane=Lane.BACKGROUND)
        seen = await read_window(context, choice, offset)
        fitting = [ReportedCollection.of(row) for row in seen.collections if row.collection_hash and choice.fits(row)]
        found = {one.collection_hash for one in (*self._report.targets, *fitting)}
        enough = bool(choice.collections) and found.issuperset(choice.collections)
        coming = None if enough else self._next_window(offset, seen)
        unseen = 0 if enough or not self._totals else max(0, self._totals[-1] - len(self._listed))
        self._report = await self._record.chose(self._report, fitting, coming, changes, seen.total, unseen)

    def _next_window(self, offset: int, seen: CollectionList) -> int | None:
        """Where to read on: once more from the start where rows are missing, as plans do.

        What follows one that is deleted meanwhile slides up, over the end of a window. One that tells nothing new is the last.
        """
        self._totals += [seen.total] if offset == 0 else []
        before = self._passed if offset else set[str]()
        self._passed = before.union(row.collection_hash for row in seen.collections)
        following = seen.next_offset if len(self._passed) > len(before) else None
        self._listed.update(row.collection_hash or str(offset + at) for at, row in enumerate(seen.collections))
        missing = len(self._totals) == 1 and len(self._listed) < self._totals[0]
        return 0 if following is None and missing else following

    async def _work(self) -> None:
        """Ask one question after the other. An error is kept: a group of them would count as one nobody expected."""
        try:
            while self._waiting and not self._error and not self._rests():
                question = self._waiting.popleft()
                await self._answer(question)
                self._open -= Counter([question.target.collection_hash])
                self._tell()
        except Exception as error:  # noqa: BLE001  # see above
            self._error = self._error or error

    async def _answer(self, question: Question) -> None:
        try:
            numbers = await self._ask(question)
        except FlipsnackError as error:
            await self._fail(question, error)
            return
        if numbers is None:  # that is how it answers, and of others it may tell
            await self._record.failed(self._report, question, NO_VIEWS)
        else:
            await self._record.answered(self._report, question, numbers)
        self._answers, self._trouble = self._answers + 1, ""
        self._failing.clear()

    async def _ask(self, question: Question) -> Numbers | None:
        period = question.period
        action = GetCollectionStats(
            collection_hash=question.target.collection_hash, start_date=period.start, end_date=period.end
        )
        terms = Terms(Lane.BACKGROUND, anyio.current_time() + LONGEST_WAIT, self._patience)
        return Numbers.of(await self._flipsnack.send(action, terms=terms))

    async def _fail(self, question: Question, error: FlipsnackError) -> None:
        """Keep a failure that is the collection's own. One that is everybody's ends the job, and is asked again."""
        if isinstance(error, errors.NotFoundError):
            self._failing.clear()
            await self._record.failed(self._report, question, NO_NUMBERS.format(error.happened))
            return
        if self._error:
            return
        self._failing.append(question)
        await self._record.failed(self._report, question, error.happened)
        every = sum(1 for _ in self._report.questions)
        if isinstance(error, errors.NotAuthorisedError | errors.OutOfTimeError) or len(self._failing) >= min(
            SYSTEMATIC, every
        ):
            self._error = error
            await self._record.forget(self._report, self._failing)

    async def _patience(self, why: str, seconds: float) -> None:
        """Told about every wait of a request. That others stand in line behind one hides no reason that it has to wait."""
        known = self._trouble and not in_line(self._trouble)
        if not in_line(why) or (seconds >= LONG_WAIT and not known):
            self._trouble = why
            self._tell()


def how_far(report: Report, unfinished: int, left: int, seconds_each: float = 0.0, trouble: str = "") -> Progress:
    """How far a report is with so many collections and questions left."""
    if report.offset is not None:
        return still_choosing(report, report.offset)
    every, seconds = len(report.counted), left * max(seconds_each, SECONDS_A_CALL)
    return report_at(every - unfinished, every, seconds, trouble)


def still_choosing(report: Report, offset: int) -> Progress:
    """How far a report is whose list is looked through down to here; at most for how long it goes on."""
    if (most := report.at_most) is None or report.listed is None:
        return choosing(len(report.targets))
    windows = -(-(report.listed - offset) // ROWS_OF_A_REQUEST)
    return choosing(len(report.targets), most, (windows + most * len(report.periods)) * SECONDS_A_CALL)


def how_far_by_now(report: Report, gathered: Gathered, last: Progress) -> Progress:
    """How far a report is by what is kept of it, and for how long it goes on by what was told last."""
    unfinished = len(report.counted) - gathered.count
    known = how_far(report, unfinished, unfinished * len(report.periods))
    if report.offset is not None or known.total is None or last.seconds_left is None:
        return known
    return report_at(known.done, known.total, last.seconds_left, last.trouble)
