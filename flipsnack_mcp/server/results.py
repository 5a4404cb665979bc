"""What the tools answer that do more than one action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.actions.packages import PackageState

States = Annotated[list[str], Field(description="What was seen when")]
NextStep = Annotated[str | None, Field(description="Call that goes on from here")]
Warnings = Annotated[list[str], Field(description="What to tell the person")]


class Answered(BaseModel):
    """The base of a tool's own answers."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class WatchedCollection(Collection):
    """A collection and how its conversion went."""

    states: States = []
    next_step: NextStep = None


class Creation(Answered):
    """An upload and what became of it."""

    state: Annotated[
        Literal["uploading", "converting", "complete", "failed", "interrupted"], Field(description="Of the upload")
    ]
    collection_hash: Annotated[str, Field(description="Temporary while editable")]
    title: Annotated[str, Field(description="May be empty")] = ""
    status: Annotated[str, Field(description="public, unlisted or editable")] = ""
    direct_link: Annotated[str | None, Field(description="Reader's address")] = None
    warnings: Warnings = []
    states: States = []
    next_step: NextStep = None


class Change(Answered):
    """One field before and after."""

    field: Annotated[str, Field(description="Name")]
    before: Annotated[str, Field(description="Old value")]
    after: Annotated[str, Field(description="New value")]


class Update(Answered):
    """What an update changed."""

    collection_hash: Annotated[str, Field(description="As it is now")]
    previous_collection_hash: Annotated[str | None, Field(description="Where it was another")] = None
    changes: Annotated[list[Change], Field(description="Before and after")]
    warnings: Warnings = []


class Download(Answered):
    """A package and where it lies."""

    state: Annotated[PackageState, Field(description="Of the package")]
    path: Annotated[str | None, Field(description="Saved file")] = None
    bytes: Annotated[int | None, Field(description="Its size")] = None
    sha256: Annotated[str | None, Field(description="Of the file")] = None
    files: Annotated[list[str] | None, Field(description="In the zip")] = None
    resource_url: Annotated[str | None, Field(description="With save=false")] = None
    expires_at: Annotated[str | None, Field(description="End of resource_url, UTC")] = None
    states: States = []
    next_step: NextStep = None
