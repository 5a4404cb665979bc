"""What a tool takes beyond its action's parameters: how long to wait, which local file, whose confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self, cast

from pydantic import Field, create_model, model_validator

from flipsnack_mcp.api.action import Action, Effect
from flipsnack_mcp.api.actions.collections import GetCollection, UpdateCollection
from flipsnack_mcp.api.actions.forms import GetLeadFormSample
from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.server.tool import WorkflowCall

WaitSeconds = Annotated[int, Field(ge=0, le=45, description="To wait")]
FilePath = Annotated[str, Field(max_length=4096, description="Absolute path in an upload folder")]
Confirmation = Annotated[str, Field(max_length=40, description="Code, once the person agreed")]
DryRun = Annotated[bool, Field(description="Change nothing")]


def one_document(call: Any) -> Any:
    """The call, where it names exactly one document."""
    if (call.file_path is None) == (call.file_url is None):
        raise ValueError(
            f"give either file_path or file_url: {'neither is' if call.file_path is None else 'both are'} given"
        )
    return call


def with_document(action: type[Action[Any]]) -> type[Action[Any]]:
    """An uploading action that also takes a file of this machine."""
    return create_model(
        f"{action.__name__}Call",
        __base__=action,
        __doc__=action.__doc__,
        __validators__={"one_document": cast("Callable[..., Any]", model_validator(mode="after")(one_document))},
        file_path=(FilePath | None, None),
        dry_run=(DryRun, False),
    )


def with_confirmation(action: type[Action[Any]]) -> type[Action[Any]]:
    """A destroying action that takes the code of a refusal."""
    return create_model(
        f"{action.__name__}Call",
        __base__=action,
        __doc__=action.__doc__,
        dry_run=(DryRun, False),
        confirmation=(Confirmation | None, None),
    )


class GetCollectionCall(GetCollection):
    __doc__ = GetCollection.__doc__

    wait_seconds: Annotated[WaitSeconds, Field(description="While it converts")] = 30


class CreateCollectionCall(CreateCollection):
    __doc__ = CreateCollection.__doc__

    file_path: FilePath | None = None
    dry_run: DryRun = False
    again: Annotated[bool, Field(description="Upload it a second time")] = False
    wait_seconds: Annotated[WaitSeconds, Field(description="For the conversion")] = 30

    @model_validator(mode="after")
    def one_document(self) -> Self:
        """Exactly one of the two ways to name a document."""
        one_document(self)
        return self


class GetUploadCall(WorkflowCall):
    """Wait on for an upload of create_collection or see how it ended. Without upload_id: the last day's uploads."""

    tool_name = "get_upload"
    tool_title = "Get an upload"
    effect = Effect.READS
    over = "state of create_collection"
    idempotent = True

    upload_id: Annotated[str | None, Field(max_length=40, description="From create_collection")] = None
    wait_seconds: WaitSeconds = 30
    cancel: Annotated[bool, Field(description="Stop it")] = False

    @model_validator(mode="after")
    def one_to_stop(self) -> Self:
        """Only a named upload can be stopped."""
        if self.cancel and not self.upload_id:
            raise ValueError("say which upload to stop: give its upload_id")
        return self


class UpdateCollectionCall(UpdateCollection):
    __doc__ = UpdateCollection.__doc__

    dry_run: DryRun = False
    confirmation: Confirmation | None = None

    @model_validator(mode="after")
    def some_change(self) -> Self:
        """At least one thing to change."""
        changing = UpdateCollection.model_fields.keys() - {"collection_hash"}
        if not any(getattr(self, name) not in (None, {}) for name in changing):
            raise ValueError("say what to change: title, description, status, width, height or settings")
        return self


class DownloadCall(DownloadHtml):
    __doc__ = DownloadHtml.__doc__

    save: Annotated[bool, Field(description="false: only the link, good for a minute")] = True
    wait_seconds: WaitSeconds = 30


class GetLeadFormSampleCall(GetLeadFormSample):
    __doc__ = GetLeadFormSample.__doc__

    reveal: Annotated[bool, Field(description="Unmask personal data")] = False
