"""What report_stats answers: as short for a thousand collections as for ten, the whole table goes to the file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flipsnack_mcp.server.results import Answered, NextStep

# Neither figures nor rows are spelled out in the schema: every menu would pay for that, and the text shows them.
Figures = dict[str, Any]
Rows = list[dict[str, Any]]


class StatsReport(Answered):
    """What the statistics of many collections come to."""

    report_id: Annotated[str, Field(description="For report_stats")]
    state: Annotated[Literal["processing", "complete"], Field(description="State")]
    progress: Annotated[str | None, Field(description="How far")] = None
    period: Annotated[str | None, Field(description="Both days count")] = None
    totals: Annotated[Figures | None, Field(description="Times in seconds")] = None
    change: Annotated[Figures | None, Field(description="Percent")] = None
    collections: Annotated[Rows, Field(description="Best")] = []
    bottom: Annotated[Rows, Field(description="Least first")] = []
    unread: Annotated[list[str], Field(description="No views")] = []
    failed: Annotated[list[str], Field(description="Not counted")] = []
    path: Annotated[str | None, Field(description="Saved file")] = None
    next_step: NextStep = None
