"""What report_stats takes, and how its lists are understood however a client sends them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.links import hash_from
from flipsnack_mcp.api.parameters import Day, Status, opened
from flipsnack_mcp.server.calls import WaitSeconds
from flipsnack_mcp.server.tool import WorkflowCall
from flipsnack_mcp.workflows.tallying import Measure


def several(value: object) -> object:
    """A list, the JSON text of one, or the one thing that would stand in it."""
    read = opened(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    named = read if isinstance(read, list) else [read]
    if not named:
        raise ValueError("it is empty: leave it out for the whole account")
    return named


Hash = Annotated[str, BeforeValidator(hash_from)]
Collections = Annotated[list[Hash], BeforeValidator(several), Field(description="Hashes or links")]
ChoosingQuery = Annotated[str, Field(max_length=200, description="In titles")]
OnlyStatus = Annotated[Status, Field(description="Filter")]
CreatedAfter = Annotated[Day, Field(description="First day")]
CreatedBefore = Annotated[Day, Field(description="Last day")]


class ReportStatsCall(WorkflowCall):
    """Rank and add up statistics of many collections, by default all, over the last 30 full days. Takes a second each."""

    tool_name = "report_stats"
    tool_title = "Report on collections"
    effect = Effect.READS
    over = "collection.getList, collection.getStats"
    idempotent = True

    collections: Collections | None = None
    query: ChoosingQuery | None = None
    only_status: OnlyStatus | None = None
    created_after: CreatedAfter | None = None
    created_before: CreatedBefore | None = None
    start_date: Annotated[Day | None, Field(description="Period")] = None
    end_date: Annotated[Day | None, Field(description="YYYY-MM-DD")] = None
    compare: Annotated[bool, Field(description="With period before")] = False
    sort_by: Annotated[Measure | None, Field(description="Default views")] = None
    top: Annotated[int, Field(ge=1, le=20, description="Rows")] = 5
    save_as: Annotated[Literal["csv", "markdown"] | None, Field(description="Save all rows")] = None
    report_id: Annotated[str | None, Field(max_length=40, description="To go on")] = None
    wait_seconds: Annotated[WaitSeconds, Field(description="To wait")] = 30

    @model_validator(mode="after")
    def whole_periods(self) -> Self:
        """Both ends of a period, in order."""
        if (self.start_date is None) != (self.end_date is None):
            raise ValueError("give both start_date and end_date, or neither")
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise ValueError("start_date lies after end_date: exchange them")
        if self.created_after and self.created_before and self.created_after > self.created_before:
            raise ValueError("created_after lies after created_before: exchange them")
        return self
