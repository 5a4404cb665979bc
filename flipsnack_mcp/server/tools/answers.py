"""What the answers of several tools have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

States = Annotated[list[str], Field(description="Seen when")]
NextStep = Annotated[str | None, Field(description="Next call")]
Warnings = Annotated[list[str], Field(description="For the person")]
WasDryRun = Annotated[bool | None, Field(description="Nothing was done")]
HistoryId = Annotated[int | None, Field(description="Holds how it was")]
Planned = Annotated[list[str] | None, Field(description="What would change")]
"""Of a dry run."""


class Answered(BaseModel):
    """The base of a tool's own answers."""

    model_config = ConfigDict(frozen=True, defer_build=True)
