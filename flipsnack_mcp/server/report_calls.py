"""What report_stats takes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.parameters import Day
from flipsnack_mcp.server.calls import WaitSeconds
from flipsnack_mcp.server.choosing_calls import ChoosingCall
from flipsnack_mcp.workflows.reports.figures import Measure


class ReportStatsCall(ChoosingCall):
    """Add up and rank statistics of many collections, by default all over the last 30 full days. A second each."""

    tool_name = "report_stats"
    tool_title = "Report on collections"
    effect = Effect.READS
    over = "collection.getList, collection.getStats"
    idempotent = True

    start_date: Annotated[Day | None, Field(description="YYYY-MM-DD")] = None
    end_date: Annotated[Day | None, Field(description="Last day")] = None
    compare: Annotated[bool, Field(description="With period before")] = False
    sort_by: Annotated[Measure | None, Field(description="Default views")] = None
    top: Annotated[int, Field(ge=1, le=10, description="Rows")] = 5
    save_as: Annotated[Literal["csv", "markdown"] | None, Field(description="Save all rows")] = None
    report_id: Annotated[str | None, Field(max_length=40, description="To go on")] = None
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
