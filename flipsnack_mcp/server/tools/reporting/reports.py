"""report_stats in one account: a report begun or watched, told once it is whole, and saved where that is wanted.

Its answer is as short for a thousand collections as for ten, but for the names of what nobody read: the whole table goes
to the file. While it goes on only that is told: half a ranking is none.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar

from anyio import to_thread
from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from flipsnack_mcp.api import Effect, cleaned
from flipsnack_mcp.files.names import safe_name
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.instructions import READS_LEADS
from flipsnack_mcp.server.tools.addresses import give_file_address
from flipsnack_mcp.server.tools.arguments import GivenId, WaitSeconds
from flipsnack_mcp.server.tools.choosing import ChoosingAnyInput, PeriodInput
from flipsnack_mcp.server.tools.reporting.going_on import (
    ToldReport,
    afterwards,
    check_same,
    earlier_report,
    followed,
    period_in_words,
    period_of,
    under_way,
)
from flipsnack_mcp.server.tools.reporting.mailed import as_mailed
from flipsnack_mcp.server.tools.reporting.naming import Figures, Namesakes, Rows, first_rows, in_groups
from flipsnack_mcp.server.tools.tool import Answered, ByAddress, NextStep, ToolCall
from flipsnack_mcp.server.views.showing import Aside
from flipsnack_mcp.workflows.finding import Choice, day_in
from flipsnack_mcp.workflows.reports import report as reporting
from flipsnack_mcp.workflows.reports.brought import Brought, brought_in, what_came
from flipsnack_mcp.workflows.reports.figures import Line, Numbers, Tally, Uncounted, growth, ranked, tallied
from flipsnack_mcp.workflows.reports.pages import name_of
from flipsnack_mcp.workflows.reports.saving import EXTENSIONS, content, save

WORST = 5
FAILED_TOLD = 5
LONGEST_REASON = 120
VIEW = ("sort_by", "top", "save_as")
"""What a later call may ask for in another way."""

Lines = Sequence[Line]
ReportT = TypeVar("ReportT", bound=reporting.Report)
RowsT = TypeVar("RowsT", bound="ReportRows")


class ReportStatsInput(PeriodInput, ChoosingAnyInput):
    """Weekly or monthly report, analytics of all flipbooks (CSV): which catalogues were best, worst, most viewed, popular or unread. Compares with the period before; by default the last 30 full days. Runs in the background."""

    tool_name = "report_stats"
    tool_title = "Rank and report statistics"
    effect = Effect.READS
    over = "collection.getList, collection.getStats"
    idempotent = True

    compare: Annotated[bool, Field(description="With period before")] = False
    sort_by: Annotated[reporting.Measure | None, Field(description="Default views")] = None
    top: Annotated[int, Field(ge=1, le=10, description="Rows")] = 5
    save_as: Annotated[reporting.SavedAs | None, Field(description="Save all rows")] = None
    report_id: Annotated[GivenId | None, Field(description="To go on")] = None
    wait_seconds: WaitSeconds = 30

    @model_validator(mode="after")
    def has_days_before(self) -> Self:
        """A period with as many days before it, where it is compared with them."""
        start, end = self.start_date, self.end_date
        if self.compare and start and end and end - start >= start - date.min:
            raise ValueError("the calendar has no period as long before this one: begin later, or leave out compare")
        return self


class ReportSums(ToldReport):
    """What a report comes to in all."""

    period: Annotated[str | None, Field(description="Both days count")] = None
    totals: Annotated[Figures | None, Field(description="Times in seconds")] = None
    change: Annotated[Figures | None, Field(description="Percent")] = None


class ReportRows(Answered):
    """What stands out in a report."""

    collections: Annotated[Rows | None, Field(description="Best")] = None
    bottom: Annotated[Rows | None, Field(description="Least first")] = None
    winners: Annotated[Rows | None, Field(description="Rose most")] = None
    losers: Annotated[Rows | None, Field(description="Fell most")] = None
    unread: Annotated[Rows | None, Field(description="No views")] = None
    drafts: Annotated[Rows | None, Field(description="Not counted")] = None
    failed: Annotated[Rows | None, Field(description="Why not counted")] = None
    leads: SkipJsonSchema[Rows | None] = None
    """Told, and on the menu, only where leads are received (`server/toolsets`)."""
    path: Annotated[str | None, Field(description="Saved file")] = None
    file_address: ByAddress = None
    expires_at: ByAddress = None
    next_step: NextStep = None


class StatsReport(ReportRows, ReportSums):
    """What the statistics of many collections come to, the sums first: fields follow their bases from the last on."""


async def report_one(call: ToolCall, arguments: ReportStatsInput) -> StatsReport:
    """Have statistics gathered, watch for as long as the call may wait, and say what they come to."""
    if arguments.report_id:
        begun = in_another_way(arguments, await earlier_report(call, arguments.report_id))
    else:
        begun = await call.app.reports.record.begin(new_report(arguments, call.app.reports.moment), call.beginner)
    report, gathered, at = await followed(call, begun, arguments.wait_seconds)
    # It may have been begun by a call that wanted it told in another way.
    report = report.model_copy(update={name: getattr(begun, name) for name in VIEW})
    whole, uncounted = gathered.is_whole(report), gathered.uncounted(report)
    waiting = StatsReport(**under_way(call.tool, report, at, stopped=report.stopped))
    if not whole:
        return waiting
    lines = await with_what_came(call.app, report, gathered.lines)
    said, call.aside = told(report, lines, uncounted), whole_table(report, lines)
    answer = StatsReport(**said, state="complete", next_step=nothing_fits(report, lines, uncounted))
    return await saved_too(call, report, answer, lines, uncounted) or waiting


def nothing_fits(report: reporting.Report, lines: Lines, uncounted: Sequence[Uncounted]) -> str | None:
    """What to do where no collection is meant by what was chosen."""
    return report.choice.when_none_fits if report.choice != Choice() and not (lines or uncounted) else None


async def with_what_came(app: App, report: reporting.Report, lines: Lines) -> Lines:
    """The same collections with the leads and orders that each brought, where whoever calls may know of them."""
    if READS_LEADS not in app.offered or not CALLER.get().may(Right.LEADS):
        return lines
    period = report.period
    came = await brought_in(app.jobs.store, app.settings.account, period.start, period.end)
    return [replace(one, brought=came.get(one.target.collection_hash, Brought())) for one in lines]


def whole_table(report: reporting.Report, lines: Lines) -> Aside:
    """Every collection that was counted, the most first, as the view sorts it anew."""
    rows = (whole_row(one, report.sort_by) for one in ranked(lines, report.sort_by))
    links = {one.target.collection_hash: one.target.direct_link for one in lines}
    return Aside(rows=rows, measure=report.sort_by, links=links)


def whole_row(line: Line, measure: reporting.Measure) -> Figures:
    """A collection with all that is known of it."""
    target = line.target
    named = {"account": line.account, **target.model_dump(include={"collection_hash", "title", "status"})}
    before = asdict(line.previous) if line.previous else {}
    earlier = {f"previous_{name}": one for name, one in before.items() if one is not None}
    known = {**named, "date": day_in(target.when)}
    told = {name: one for name, one in known.items() if one}
    return {**told, **figures(line.numbers), **what_came(line.brought), **earlier, **change_of(line, measure)}


def new_report(arguments: ReportStatsInput, now: datetime) -> reporting.Report:
    """What is to be reported."""
    today, made = now.date(), now.isoformat(timespec="seconds")
    known = {"report_id": "", "choice": arguments.choice, "today": today, "made": made, **period_of(arguments, today)}
    told = arguments.model_dump(include={"compare", "top", "save_as"})
    return reporting.Report.model_validate({**known, **told, "sort_by": arguments.sort_by or "views"})


def in_another_way(arguments: ReportStatsInput, report: ReportT) -> ReportT:
    """An earlier report, told and saved as it is wanted now.

    Raises:
        FlipsnackError: It is about something else.
    """
    about = {name: (value, getattr(report.choice, name)) for name, value in asdict(arguments.choice).items()}
    check_same(arguments, report, {"compare": (arguments.compare, report.compare), **about})
    wanted = {name: getattr(arguments, name) for name in VIEW if name in arguments.model_fields_set}
    return report.model_copy(update=wanted)


async def saved_too(
    call: ToolCall, report: reporting.Report, answer: RowsT, lines: Lines, uncounted: Sequence[Uncounted]
) -> RowsT | None:
    """What is said of a whole report, saved where that is wanted; None where another call is at that just now."""
    if report.save_as is None:
        return answer
    if report.save_as == "html":
        # A thousand rows take a tenth of a second to be cleaned and redacted.
        made = await to_thread.run_sync(as_mailed, call, report, answer, whole_table(report, lines))
    else:
        made = content(report, lines, uncounted, call.app.redactor.text)
    if call.app.handing:
        name = f"{safe_name(name_of(report), 'report')}{EXTENSIONS[report.save_as]}"
        return answer.model_copy(update=(await give_file_address(call, made, name))._asdict())
    try:
        path = await save(call.app.reports.record, report, made, call.app.download_dir)
    except RefusedFile as error:
        raise RefusedFile(error.happened, f"{error.next_step} {afterwards(call, report)}") from None
    return answer.model_copy(update={"path": str(path)}) if path else None


def told(report: reporting.Report, lines: Lines, uncounted: Sequence[Uncounted]) -> dict[str, Any]:
    """What the answer says of a report, whatever becomes of it."""
    tally = tallied(lines, report.sort_by, report.top, min(report.top, WORST))
    of_kind = {kind: [one for one in uncounted if one.kind == kind] for kind in ("draft", "later", "failed")}
    drafts: list[Line | Uncounted] = [*tally.drafts, *of_kind["draft"]]
    every: list[Line | Uncounted] = [*lines, *uncounted]
    known = Namesakes.among(one.target for one in every if one.target)
    failed = sum(one.count for one in of_kind["failed"])
    counts = {"drafts": len(drafts), "created_later": len(of_kind["later"]), "not_counted": failed}
    return {
        "report_id": report.report_id,
        "period": period_in_words(report),
        "totals": {**totals(tally), **{name: one for name, one in counts.items() if one}},
        "change": growth(tally.totals, tally.previous) if tally.previous else None,
        "collections": [report_row(one, known, report.sort_by) for one in tally.best],
        "bottom": [report_row(one, known, report.sort_by) for one in tally.worst],
        "winners": [moved_row(one, known, report.sort_by) for one in tally.winners] if report.compare else None,
        "losers": [moved_row(one, known, report.sort_by) for one in tally.losers] if report.compare else None,
        "unread": in_groups([known.row(one.target, one.account) for one in tally.unread]),
        # Where there are none but those that were asked for, they are ranked, and that there are none would be untrue.
        "drafts": in_groups([known.row(one.target, one.account) for one in drafts if one.target])
        if drafts or not any(one.target.is_draft for one in lines)
        else None,
        "leads": [{**known.row(one.target, one.account), **what_came(one.brought)} for one in tally.busiest] or None,
        "failed": first_rows([failed_row(one, known) for one in of_kind["failed"]], FAILED_TOLD),
    }


def totals(tally: Tally) -> Figures:
    """The sums, over how many collections, those of the period before, and of how many a number is not known."""
    counted = {"collections": tally.counted, "without_views": len(tally.unread)}
    earlier = {f"previous_{name}": one for name, one in figures(tally.previous).items()} if tally.previous else {}
    unknown = {f"with_unknown_{name}": many for name, many in tally.unknown.items()}
    return {**counted, **figures(tally.totals), **what_came(tally.brought), **earlier, **tally.known, **unknown}


def figures(numbers: Numbers) -> Figures:
    """The numbers that are known, and the average reading time of a view."""
    every = {**asdict(numbers), "average_time": numbers.average_time}
    return {name: one for name, one in every.items() if one is not None}


def report_row(line: Line, known: Namesakes, measure: reporting.Measure) -> Figures:
    """A collection as the answer shows it."""
    came = {name: many for name, many in what_came(line.brought).items() if many}
    return {**known.row(line.target, line.account), **figures(line.numbers), **came, **change_of(line, measure)}


def moved_row(line: Line, known: Namesakes, measure: reporting.Measure) -> Figures:
    """A collection that rose or fell: how it was, how it is, and by how many percent."""
    values = {f"previous_{measure}": getattr(line.previous, measure), measure: getattr(line.numbers, measure)}
    return {**known.row(line.target, line.account), **values, **change_of(line, measure)}


def change_of(line: Line, measure: reporting.Measure) -> Figures:
    """By how many percent the figure changed by which a report is sorted, or that it is new; from nothing there is no change."""
    if line.previous is None:
        return {}
    change = {name: one for name, one in growth(line.numbers, line.previous).items() if name == measure}
    return {"change": change, **({"new": True} if line.is_new else {})}


def failed_row(one: Uncounted, known: Namesakes) -> Figures:
    """What could not be counted, and why."""
    whose = {"account": one.account} if one.account else {}
    named = known.row(one.target, one.account) if one.target else {**whose, "title": f"{one.count} more"}
    return {**named, "reason": cleaned(one.why, LONGEST_REASON)}
