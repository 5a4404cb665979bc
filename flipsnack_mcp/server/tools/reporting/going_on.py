"""A report as several calls see it: over the days that were asked for, found by its id, watched, and gone on with."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.server.callers.accounts import EVERY_ONE, NoSuchWorkError
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.tools.arguments import BadArgumentsError
from flipsnack_mcp.server.tools.choosing import PeriodInput
from flipsnack_mcp.server.tools.tool import GOES_ON, Answered, HowFar, ToolCall, in_numbers
from flipsnack_mcp.workflows.progress import Progress, roughly
from flipsnack_mcp.workflows.reports.figures import Gathered
from flipsnack_mcp.workflows.reports.report import SLACK, Period, Report, ReportState, last_full_days
from flipsnack_mcp.workflows.reports.running import how_far_by_now
from flipsnack_mcp.workflows.reports.together import JointReport, joint_report

STOPPED_FOR_GOOD = (
    "It was stopped, and is not gone on with. Call {} without report_id for a new one: it asks nothing again about days "
    "that are over."
)

NOT_KNOWN_YET = " How many collections it is about is not known yet."
FIRST_LOOK = 5.0
"""Seconds in which that is known where the key is free."""


class ToldReport(Answered):
    """What every answer about a report begins with."""

    report_id: Annotated[str, Field(description="To go on")]
    state: Annotated[ReportState, Field(description="State")]
    progress: HowFar = None


def period_of(arguments: PeriodInput, today: date) -> dict[str, Any]:
    """The days of a new report, and whether they are ours, since none were given."""
    start, end = arguments.start_date, arguments.end_date
    if start and start > today + SLACK:  # the zeros of such days would make everything look unread
        raise BadArgumentsError(
            f"`start_date` lies in the future: today is {today}.", "Ask about days that have begun."
        )
    return {"period": Period(start, end) if start and end else last_full_days(today), "usual": start is None}


def period_in_words(report: Report) -> str:
    """The days that an answer is about."""
    if report.usual:
        return f"{report.period} (none was given: the last 30 full days)"
    return f"{report.period}{f' ({report.not_over})' if report.not_over else ''}"


def check_same(arguments: PeriodInput, report: Report, given: Mapping[str, tuple[object, object]]) -> None:
    """Raise where a report is not about what was given, new and old beside each other: models often repeat that."""
    days = {
        "start_date": (arguments.start_date, report.period.start),
        "end_date": (arguments.end_date, report.period.end),
    }
    set_now = arguments.model_fields_set
    if other := [name for name, (new, old) in {**given, **days}.items() if name in set_now and new != old]:
        raise FlipsnackError(
            f"This report was begun with another {', '.join(other)}.",
            "Leave that out to go on with it, or report_id to begin a new one.",
        )


async def earlier_report(call: ToolCall, report_id: str) -> Report:
    """A report of this account."""
    report = await call.app.reports.record.report(report_id)
    if report is None:
        raise no_such_report(call.tool, await known_joint(call, report_id))
    return report


async def known_joint(call: ToolCall, report_id: str) -> JointReport | None:
    """A report over several accounts, all of which whoever calls may use: any other is unknown to them."""
    joint = await joint_report(call.app.jobs.store, report_id)
    return joint if joint and all(map(CALLER.get().may_use, joint.parts)) else None


def no_such_report(tool: str, found: Report | None = None, account: str = EVERY_ONE) -> FlipsnackError:
    """What to say where it is not a report of this call's; `found` is what it is, of that account."""
    if found is None:
        happened = "There is no such report; they are kept for a day."
        return NoSuchWorkError(happened, f"Call {tool} without report_id for a new one.")
    whose = "all accounts together" if found.over_accounts else f'the account "{account}" alone'
    step = f'Call report_stats(report_id="{found.report_id}", account="{account}").'
    return FlipsnackError(f"This report is of {whose}.", step)


async def followed(call: ToolCall, report: Report, seconds: float) -> tuple[Report, Gathered, Progress]:
    """Have a report gone on with and watch it: how it is then, what is known of it, and how far it is."""
    reports, context, last = call.app.reports, call.context, Progress()
    try:
        if not report.stopped:
            last = await reports.follow(report.report_id, context.patience(seconds), context.tell, call.beginner)
    except FlipsnackError as error:
        step = f"{error.next_step} {afterwards(call, report)}"
        raise FlipsnackError(error.happened, step, changed=error.changed, retry=error.again) from None
    now = await reports.record.report(report.report_id) or report
    gathered = await reports.record.gathered(now)
    return now, gathered, how_far_by_now(now, gathered, last)


def under_way(tool: str, report: Report, at: Progress, *, stopped: bool) -> dict[str, Any]:
    """All there is to say of a report that is not whole: how far it is, and when to ask again."""
    known = {"report_id": report.report_id, "progress": in_numbers(replace(at, seconds_left=None) if stopped else at)}
    if stopped:
        return known | {"state": "stopped", "next_step": STOPPED_FOR_GOOD.format(tool)}
    delayed = f" Delayed: {at.trouble}." if at.trouble else ""
    unknown = NOT_KNOWN_YET if at.total is None else ""
    when = roughly(math.ceil(at.seconds_left or FIRST_LOOK))
    step = f"{GOES_ON}{delayed}{unknown} Call {call_for_report(tool, report)} in {when} to see."
    return known | {"state": "running", "next_step": step}


def afterwards(call: ToolCall, report: Report) -> str:
    """The call that goes on once something is put right; where the report is kept nowhere its id leads to nothing."""
    if not call.app.keeps_reports:
        return "This report is kept nowhere: afterwards make the same call again."
    return goes_on_with(call.tool, report)


def goes_on_with(tool: str, report: Report) -> str:
    """The same of a report that is kept."""
    return f"What was gathered is kept: afterwards call {call_for_report(tool, report)}."


def call_for_report(tool: str, report: Report) -> str:
    """The call that goes on with a report."""
    whose = f', account="{EVERY_ONE}"' if report.over_accounts else ""
    return f'{tool}(report_id="{report.report_id}"{whose})'
