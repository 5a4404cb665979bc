"""What the tools answer that do more than one action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.actions.packages import PackageState

States = Annotated[list[str], Field(description="Seen when")]
NextStep = Annotated[str | None, Field(description="Next call")]
Warnings = Annotated[list[str], Field(description="For the person")]


class Answered(BaseModel):
    """The base of a tool's own answers."""

    model_config = ConfigDict(frozen=True, defer_build=True)


DryRun = Annotated[bool | None, Field(description="Nothing was done")]
HistoryId = Annotated[int | None, Field(description="Holds how it was")]


class Change(Answered):
    """One field before and after."""

    field: Annotated[str, Field(description="Name")]
    before: Annotated[str, Field(description="Was")]
    after: Annotated[str, Field(description="Is")]


Planned = Annotated[list[str] | None, Field(description="What would change")]
"""Of a dry run."""


class WatchedCollection(Collection):
    """A collection and how its conversion went."""

    states: States = []
    next_step: NextStep = None


class Creation(Answered):
    """An upload and what became of it."""

    state: Annotated[
        Literal["uploading", "converting", "complete", "failed", "interrupted"] | None,
        Field(description="Of the upload"),
    ] = None
    upload_id: Annotated[str | None, Field(description="For get_upload")] = None
    progress: Annotated[str | None, Field(description="Bytes")] = None
    collection_hash: Annotated[str | None, Field(description="Temporary while editable")] = None
    title: Annotated[str | None, Field(description="Once known")] = None
    status: Annotated[str | None, Field(description="Status")] = None
    direct_link: Annotated[str | None, Field(description="Reader's address")] = None
    warnings: Warnings = []
    states: States = []
    next_step: NextStep = None


class UploadRow(Answered):
    """One upload of the last day."""

    upload_id: str
    state: str
    title: str
    """As it was asked for."""
    name: str
    """Of the file."""
    started: str
    """UTC."""
    collection_hash: str | None = None


class UploadStatus(Creation):
    """One upload, or a list of them."""

    uploads: Annotated[list[UploadRow] | None, Field(description="Without upload_id")] = None


class Publication(Creation):
    """An upload that was asked for, or would be."""

    dry_run: DryRun = None
    changes: Planned = None


class Update(Answered):
    """What an update changed."""

    collection_hash: Annotated[str, Field(description="As it is now")]
    previous_collection_hash: Annotated[str | None, Field(description="Where it was another")] = None
    changes: Annotated[list[Change], Field(description="Before and after")]
    dry_run: DryRun = None
    history_id: HistoryId = None
    warnings: Warnings = []


class Removal(Answered):
    """What is gone, or would be."""

    deleted: Annotated[bool, Field(description="Is gone")]
    collection_hash: Annotated[str, Field(description="The collection")]
    flipbook_hash: Annotated[str | None, Field(description="The flipbook")] = None
    dry_run: DryRun = None
    changes: Planned = None
    history_id: HistoryId = None


class ChangedCollection(Collection):
    """A collection that a document was sent to, or would be."""

    dry_run: DryRun = None
    changes: Planned = None
    history_id: HistoryId = None
    warnings: Warnings = []


class Download(Answered):
    """A package and where it lies."""

    state: Annotated[PackageState, Field(description="Of the package")]
    path: Annotated[str | None, Field(description="Saved file")] = None
    bytes: Annotated[int | None, Field(description="Its size")] = None
    sha256: Annotated[str | None, Field(description="Of the file")] = None
    files: Annotated[list[str] | None, Field(description="In the zip")] = None
    resource_url: Annotated[str | None, Field(description="With save=false")] = None
    expires_at: Annotated[str | None, Field(description="UTC")] = None
    states: States = []
    next_step: NextStep = None


class PlannedChange(Answered):
    """Before and after."""

    collection_hash: str
    """The new one, once it has one."""
    title: str
    new_title: str | None = None
    status: str
    new_status: str | None = None
    state: str
    reason: str | None = None


PlanState = Literal["planned", "processing", "complete", "stopped"]


class PlanStatus(Answered):
    """A plan over many collections, and how far it is."""

    plan_id: Annotated[str | None, Field(description="Goes on")] = None
    state: Annotated[PlanState, Field(description="Of the plan")]
    counts: Annotated[dict[str, int], Field(description="By state")]
    items: Annotated[list[PlannedChange], Field(description="Failures first")]
    warnings: Warnings = []
    next_step: NextStep = None
