"""report_stats: a report begun or gone on with, told as far as it is, and saved once it is whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import anyio

from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.report_calls import ReportStatsCall
from flipsnack_mcp.server.report_results import Figures, StatsReport
from flipsnack_mcp.server.tool import Work
from flipsnack_mcp.workflows.reports.figures import Line, Numbers, Tally, change, tallied
from flipsnack_mcp.workflows.reports.periods import Period, usual
from flipsnack_mcp.workflows.reports.report import Gathered, Report, Target
from flipsnack_mcp.workflows.reports.running import Run
from flipsnack_mcp.workflows.reports.saving import content, save
from flipsnack_mcp.workflows.waiting import SPARE

WORST = 5
FAILED, UNREAD = 5, 5
TITLE, SHORT_TITLE = 80, 36
"""Bytes of a title in a table and in a list of names: letters of some alphabets cost a token each."""
VIEW = ("sort_by", "top", "save_as")
"""What a later call may ask for in another way."""
UNLISTED = "not in the account's list, or excluded by a filter"


@dataclass(frozen=True)
class Found:
    """A report and what it came to so far."""

    report: Report
    gathered: Gathered
    whole: bool
    """Whether every collection is chosen and answered."""
    failed: tuple[tuple[Target, str], ...]


async def report_stats(work: Work, call: ReportStatsCall) -> StatsReport:
    """Gather statistics for as long as the call may wait, and say what they come to so far."""
    reports = work.app.reports
    report = await gone_on_with(work, call) if call.report_id else await reports.book.begin(asked(work, call))
    left = work.call.deadline - SPARE - anyio.current_time()
    try:
        run = await reports.follow(report, max(0.0, min(call.wait_seconds, left)), work.errand.tell)
    except FlipsnackError as error:
        raise kept(error, report) from None
    # A run may have been begun by a call that wanted it told in another way.
    report = run.report.model_copy(update={name: getattr(report, name) for name in VIEW})
    gathered = await reports.book.gathered(report)
    found = Found(report, gathered, is_whole(report, gathered), failures(report, gathered))
    return answer(found, run, await saved(work, found))


def asked(work: Work, call: ReportStatsCall) -> Report:
    """A new report."""
    today = work.app.reports.today
    period = Period(call.start_date, call.end_date) if call.start_date and call.end_date else usual(today)
    return Report(
        report_id="",
        choice=call.choice,
        period=period,
        usual=call.start_date is None,
        compare=call.compare,
        sort_by=call.sort_by or "views",
        top=call.top,
        save_as=call.save_as,
        today=today,
    )


async def gone_on_with(work: Work, call: ReportStatsCall) -> Report:
    """An earlier report. It may be told and saved in another way, but stays about what it was about."""
    report = await work.app.reports.book.report(str(call.report_id).strip().lower())
    if report is None:
        raise FlipsnackError(
            "There is no such report; they are kept for a day.", "Call report_stats without report_id for a new one."
        )
    if other := differing(call, report):
        raise FlipsnackError(
            f"This report was begun with another {', '.join(other)}.",
            "Leave that out to go on with it, or report_id to begin a new one.",
        )
    told = {name: getattr(call, name) for name in VIEW if name in call.model_fields_set}
    return report.model_copy(update=told)


def differing(call: ReportStatsCall, report: Report) -> list[str]:
    """What was given that is not what the report is about: a model often repeats what it asked first."""
    given = {
        "compare": (call.compare, report.compare),
        "start_date": (call.start_date, report.period.start),
        "end_date": (call.end_date, report.period.end),
        **{name: (value, getattr(report.choice, name)) for name, value in asdict(call.choice).items()},
    }
    return [name for name, (new, old) in given.items() if name in call.model_fields_set and new != old]


def kept(error: FlipsnackError, report: Report) -> FlipsnackError:
    """An error that ends a call, but not what the report has gathered."""
    step = f"{error.next_step} {afterwards(report)}"
    return FlipsnackError(error.happened, step, changed=error.changed, retry=error.again)


def afterwards(report: Report) -> str:
    """The call that goes on once something is put right."""
    return f'What was gathered is kept: afterwards call report_stats(report_id="{report.report_id}").'


def is_whole(report: Report, gathered: Gathered) -> bool:
    """Whether every collection is chosen and answered."""
    return report.offset is None and len(gathered.lines) + len(gathered.failed) == len(report.targets)


def failures(report: Report, gathered: Gathered) -> tuple[tuple[Target, str], ...]:
    """What could not be counted, with the reason."""
    unlisted = [(Target(collection_hash=one, title=""), UNLISTED) for one in report.unlisted]
    return (*gathered.failed, *unlisted)


async def saved(work: Work, found: Found) -> Path | None:
    """The file of a whole report, where one is wanted."""
    if found.report.save_as is None or not found.whole:
        return None
    made = content(found.report, found.gathered, found.failed, work.app.redactor.text)
    try:
        return await save(work.app.reports.book, found.report, made, work.app.download_dir)
    except RefusedFile as error:
        raise RefusedFile(error.happened, f"{error.next_step} {afterwards(found.report)}") from None


def answer(found: Found, run: Run, path: Path | None) -> StatsReport:
    """The report as far as it is."""
    report, top = found.report, found.report.top
    tally = tallied(found.gathered.lines, report.sort_by, top, min(top, WORST))
    finished = found.whole and (path or not report.save_as)
    return StatsReport(
        report_id=report.report_id,
        state="complete" if finished else "processing",
        progress=None if found.whole else f"partial, {run.said}",
        period=f"{report.period}{' (none was given: the last 30 full days)' if report.usual else ''}",
        totals=totals(tally),
        change=change(tally.totals, tally.previous) if tally.previous else None,
        collections=[row(one) for one in tally.best],
        bottom=[row(one) for one in tally.worst],
        unread=[shortened(one.title or one.collection_hash, SHORT_TITLE) for one in tally.unread[:UNREAD]],
        failed=reasons(found.failed),
        path=str(path) if path else None,
        next_step=None if finished else f'Not all is in. Call report_stats(report_id="{report.report_id}") to go on.',
    )


def totals(tally: Tally) -> Figures:
    """The sums, over how many collections, and those of the period before."""
    counted = {"collections": tally.counted, "without_views": len(tally.unread)}
    earlier = {f"previous_{name}": one for name, one in figures(tally.previous).items()} if tally.previous else {}
    return {**counted, **figures(tally.totals), **earlier}


def figures(numbers: Numbers) -> Figures:
    """Sums, and the average reading time of a view."""
    return {**asdict(numbers), "average_time": numbers.average_time}


def row(line: Line) -> Figures:
    """A collection as the answer shows it."""
    return {"collection_hash": line.collection_hash, "title": shortened(line.title, TITLE), **figures(line.numbers)}


def shortened(title: str, width: int) -> str:
    """A title of at most so many bytes."""
    raw = cleaned(title).encode()
    return raw.decode() if len(raw) <= width else raw[: width - 3].decode(errors="ignore").rstrip() + "…"


def reasons(failed: tuple[tuple[Target, str], ...]) -> list[str]:
    """The first failures, and how many more there are."""
    more = [f"and {len(failed) - FAILED} more"] if len(failed) > FAILED else []
    return [*(f"{one.collection_hash}: {cleaned(why, 120)}" for one, why in failed[:FAILED]), *more]
