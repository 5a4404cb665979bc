"""report_stats in one account: a report begun or watched, told as far as it is, and saved once it is whole.

Its answer is as short for a thousand collections as for ten: the whole table goes to the file.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import Field, model_validator

from flipsnack_mcp.api import Day, Effect, FlipsnackError, cleaned, first_few
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.accounts import EVERY_ONE
from flipsnack_mcp.server.tools.arguments import ChoosingAnyInput, GivenId, WaitSeconds
from flipsnack_mcp.server.tools.tool import Answered, NextStep, ToolCall
from flipsnack_mcp.workflows.reports import report as reporting
from flipsnack_mcp.workflows.reports.running import how_far
from flipsnack_mcp.workflows.reports.saving import content, save
from flipsnack_mcp.workflows.reports.together import joint_report

WORST = 5
FAILED_TOLD, UNREAD_TOLD = 5, 5
TITLE_BYTES, SHORT_TITLE_BYTES = 80, 36
"""Bytes of a title in a table and in a list of names: letters of some alphabets cost a token each."""
VIEW = ("sort_by", "top", "save_as")
"""What a later call may ask for in another way."""
UNLISTED = "not in the account's list, or excluded by a filter"

# Neither figures nor rows are spelled out in the schema: every menu would pay for that, and the text shows them.
Figures = dict[str, Any]
Rows = list[dict[str, Any]]
Lines = Sequence[reporting.Line]
ReportT = TypeVar("ReportT", bound=reporting.Report)
StateT = TypeVar("StateT")


class ReportStatsInput(ChoosingAnyInput):
    """Weekly or monthly report, statistics of all flipbooks: which catalogues were best, worst, most viewed or unread. Compares with the period before; by default the last 30 full days. A second each."""

    tool_name = "report_stats"
    tool_title = "Rank and report statistics"
    effect = Effect.READS
    over = "collection.getList, collection.getStats"
    idempotent = True

    start_date: Annotated[Day | None, Field(description="YYYY-MM-DD")] = None
    end_date: Annotated[Day | None, Field(description="Last day")] = None
    compare: Annotated[bool, Field(description="With period before")] = False
    sort_by: Annotated[reporting.Measure | None, Field(description="Default views")] = None
    top: Annotated[int, Field(ge=1, le=10, description="Rows")] = 5
    save_as: Annotated[Literal["csv", "markdown"] | None, Field(description="Save all rows")] = None
    report_id: Annotated[GivenId | None, Field(description="To go on")] = None
    wait_seconds: WaitSeconds = 30

    @model_validator(mode="after")
    def whole_periods(self) -> Self:
        """Both ends of a period, in order."""
        if (self.start_date is None) != (self.end_date is None):
            raise ValueError("give both start_date and end_date, or neither")
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise ValueError("start_date lies after end_date: exchange them")
        self.check_order()
        return self


class ReportSums(Answered, Generic[StateT]):
    """What a report comes to in all."""

    report_id: Annotated[str, Field(description="For report_stats")]
    state: Annotated[StateT, Field(description="State")]
    progress: Annotated[str | None, Field(description="How far")] = None
    period: Annotated[str | None, Field(description="Both days count")] = None
    totals: Annotated[Figures | None, Field(description="Times in seconds")] = None
    change: Annotated[Figures | None, Field(description="Percent")] = None


class ReportRows(Answered):
    """What stands out in a report."""

    collections: Annotated[Rows, Field(description="Best")] = []
    bottom: Annotated[Rows, Field(description="Least first")] = []
    unread: Annotated[list[str], Field(description="No views")] = []
    failed: Annotated[list[str], Field(description="Not counted")] = []
    path: Annotated[str | None, Field(description="Saved file")] = None
    next_step: NextStep = None


class StatsReport(ReportRows, ReportSums[Literal["processing", "complete"]]):
    """What the statistics of many collections come to, the sums first: fields follow their bases from the last on."""


async def report_one(call: ToolCall, arguments: ReportStatsInput) -> StatsReport:
    """Have statistics gathered, watch for as long as the call may wait, and say what they come to so far."""
    reports = call.app.reports
    if arguments.report_id:
        report = await earlier_report(call, arguments)
    else:
        report = await reports.record.begin(new_report(arguments, reports.today))
    context = call.context
    try:
        said = await reports.follow(report.report_id, context.patience(arguments.wait_seconds), context.tell)
    except FlipsnackError as error:
        step = f"{error.next_step} {afterwards(report)}"
        raise FlipsnackError(error.happened, step, changed=error.changed, retry=error.again) from None
    now = await reports.record.report(report.report_id) or report
    # It may have been begun by a call that wanted it told in another way.
    report = now.model_copy(update={name: getattr(report, name) for name in VIEW})
    gathered = await reports.record.gathered(report)
    progress = progress_in_words(report, gathered, said)
    failed = failed_of(report, gathered)
    path = await save_report(call, report, gathered.lines, failed) if report.save_as and not progress else None
    finished = not progress and (path or not report.save_as)
    return StatsReport(
        **told(report, gathered.lines, failed),
        state="complete" if finished else "processing",
        progress=progress,
        path=str(path) if path else None,
        next_step=None if finished else goes_on(report),
    )


def new_report(arguments: ReportStatsInput, today: date) -> reporting.Report:
    """What is to be reported."""
    start, end = arguments.start_date, arguments.end_date
    period = reporting.Period(start, end) if start and end else reporting.last_full_days(today)
    known = {"report_id": "", "choice": arguments.choice, "period": period, "usual": start is None, "today": today}
    told = arguments.model_dump(include={"compare", "top", "save_as"})
    return reporting.Report.model_validate({**known, **told, "sort_by": arguments.sort_by or "views"})


async def earlier_report(call: ToolCall, arguments: ReportStatsInput) -> reporting.Report:
    """An earlier report. It may be told and saved in another way, but stays about what it was about."""
    report = await call.app.reports.record.report(str(arguments.report_id))
    if report is None:
        raise no_such_report(await joint_report(call.app.jobs.store, str(arguments.report_id)))
    return in_another_way(arguments, report)


def no_such_report(found: reporting.Report | None = None, account: str = EVERY_ONE) -> FlipsnackError:
    """What to say where it is not a report of this call's; `found` is what it is, of that account."""
    if found is None:
        happened, step = "There is no such report; they are kept for a day.", "without report_id for a new one"
        return FlipsnackError(happened, f"Call report_stats {step}.")
    whose = "all accounts together" if found.over_accounts else f'the account "{account}" alone'
    step = f'Call report_stats(report_id="{found.report_id}", account="{account}").'
    return FlipsnackError(f"This report is of {whose}.", step)


def in_another_way(arguments: ReportStatsInput, report: ReportT) -> ReportT:
    """An earlier report, told and saved as it is wanted now.

    Raises:
        FlipsnackError: It is about something else.
    """
    if other := differing(arguments, report):
        raise FlipsnackError(
            f"This report was begun with another {', '.join(other)}.",
            "Leave that out to go on with it, or report_id to begin a new one.",
        )
    wanted = {name: getattr(arguments, name) for name in VIEW if name in arguments.model_fields_set}
    return report.model_copy(update=wanted)


def differing(arguments: ReportStatsInput, report: reporting.Report) -> list[str]:
    """What was given that is not what the report is about: a model often repeats what it asked first."""
    given = {
        "compare": (arguments.compare, report.compare),
        "start_date": (arguments.start_date, report.period.start),
        "end_date": (arguments.end_date, report.period.end),
        **{name: (value, getattr(report.choice, name)) for name, value in asdict(arguments.choice).items()},
    }
    return [name for name, (new, old) in given.items() if name in arguments.model_fields_set and new != old]


def afterwards(report: reporting.Report) -> str:
    """The call that goes on once something is put right."""
    return f"What was gathered is kept: afterwards call {call_of(report)}."


def call_of(report: reporting.Report) -> str:
    """The call that goes on with a report."""
    whose = f', account="{EVERY_ONE}"' if report.over_accounts else ""
    return f'report_stats(report_id="{report.report_id}"{whose})'


def goes_on(report: reporting.Report) -> str:
    """What to do while it is not whole."""
    return f"It goes on by itself. Call {call_of(report)} to see."


async def save_report(
    call: ToolCall, report: reporting.Report, lines: Lines, failed: Sequence[reporting.Uncounted]
) -> Path | None:
    """The file of a whole report; None where another call is at it just now."""
    made = content(report, lines, failed, call.app.redactor.text)
    try:
        return await save(call.app.reports.record, report, made, call.app.download_dir)
    except RefusedFile as error:
        raise RefusedFile(error.happened, f"{error.next_step} {afterwards(report)}") from None


def progress_in_words(report: reporting.Report, gathered: reporting.Gathered, said: str) -> str | None:
    """How far it is, by what was last told of it; None once every collection is chosen and answered."""
    if report.is_whole(gathered):
        return None
    return f"partial, {said or how_far(report, report.left(gathered)).message}"


def failed_of(report: reporting.Report, gathered: reporting.Gathered, account: str = "") -> list[reporting.Uncounted]:
    """What could not be counted, with the reason."""
    asked = [reporting.Uncounted(why, one.collection_hash, one.title, account) for one, why in gathered.failed]
    return [*asked, *(reporting.Uncounted(UNLISTED, one, "", account) for one in report.unlisted)]


def told(report: reporting.Report, lines: Lines, failed: Sequence[reporting.Uncounted]) -> dict[str, Any]:
    """What the answer says of a report, as far as it is, whatever becomes of it."""
    tally = reporting.tallied(lines, report.sort_by, report.top, min(report.top, WORST))
    reasons = [f"{prefix_of(one)}{one.collection_hash}: {cleaned(one.why, 120)}" for one in failed]
    return {
        "report_id": report.report_id,
        "period": f"{report.period}{' (none was given: the last 30 full days)' if report.usual else ''}",
        "totals": totals(tally),
        "change": reporting.growth(tally.totals, tally.previous) if tally.previous else None,
        "collections": [report_row(one) for one in tally.best],
        "bottom": [report_row(one) for one in tally.worst],
        "unread": [in_short(one) for one in tally.unread[:UNREAD_TOLD]],
        "failed": first_few(reasons, FAILED_TOLD),
    }


def totals(tally: reporting.Tally) -> Figures:
    """The sums, over how many collections, and those of the period before."""
    counted = {"collections": tally.counted, "without_views": len(tally.unread)}
    earlier = {f"previous_{name}": one for name, one in figures(tally.previous).items()} if tally.previous else {}
    return {**counted, **figures(tally.totals), **earlier}


def figures(numbers: reporting.Numbers) -> Figures:
    """Sums, and the average reading time of a view."""
    return {**asdict(numbers), "average_time": numbers.average_time}


def report_row(line: reporting.Line) -> Figures:
    """A collection as the answer shows it."""
    whose = {"account": line.account} if line.account else {}
    named = {"collection_hash": line.collection_hash, "title": shorten(line.title, TITLE_BYTES)}
    return {**whose, **named, **figures(line.numbers)}


def in_short(line: reporting.Line) -> str:
    """A collection in a list of names."""
    return prefix_of(line) + shorten(line.title or line.collection_hash, SHORT_TITLE_BYTES)


def prefix_of(one: reporting.Line | reporting.Uncounted) -> str:
    """Whose it is, before its name; nothing in a report of one account."""
    return f"{one.account}: " if one.account else ""


def shorten(title: str, width: int) -> str:
    """A title of at most so many bytes."""
    raw = cleaned(title).encode()
    return raw.decode() if len(raw) <= width else raw[: width - 3].decode(errors="ignore").rstrip() + "…"
