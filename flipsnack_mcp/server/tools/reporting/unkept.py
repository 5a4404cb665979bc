"""Reports while what is kept cannot be reached: reading goes on then, so one that ends within a call is told all the same."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.tools.choosing import PeriodInput
from flipsnack_mcp.server.tools.reporting.going_on import ToldReport
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.store.records import StoreUnreachable
from flipsnack_mcp.workflows.reports.record import REPORT

LONGEST_LOOK = 45
"""Seconds that a call may wait, which is all that such a report has."""
REPORT_OF_A_MOMENT = (
    "What this server keeps cannot be used at the moment, so this report is kept nowhere: its report_id leads to nothing. "
    "Leads are not counted in it."
)
TOO_LONG = "A report that takes longer than one call cannot go on meanwhile."
FEWER = "Try again in half a minute, or choose fewer collections: what was counted of days that are over is not asked again."


InputT = TypeVar("InputT", bound=PeriodInput)
ToldT = TypeVar("ToldT", bound=ToldReport)
Reporting = Callable[[ToolCall, InputT], Awaitable[ToldT]]


async def even_unkept(report: Reporting[InputT, ToldT], call: ToolCall, arguments: InputT) -> ToldT:
    """A new report; where it cannot be kept, one that ends within this call."""
    try:
        return await report(call, arguments)
    except StoreUnreachable as error:
        if "report_id" in arguments.model_fields_set:
            raise
        return await within_this_call(report, call, arguments, error)


async def within_this_call(
    report: Reporting[InputT, ToldT], call: ToolCall, arguments: InputT, error: StoreUnreachable
) -> ToldT:
    """The report from this process's memory, which keeps what was counted for the next try.

    Raises:
        FlipsnackError: It would take longer.
    """
    alone = replace(call, app=call.app.keeping_nothing())
    told = await report(alone, arguments.model_copy(update={"wait_seconds": LONGEST_LOOK}))
    call.aside = alone.aside
    if told.state == "complete":
        return told.model_copy(update={"next_step": REPORT_OF_A_MOMENT})
    await alone.app.reports.jobs.stop(REPORT, told.report_id)
    raise FlipsnackError(f"{as_callers_hear(error).happened} {TOO_LONG}", "", retry=FEWER)
