"""What tools take beyond their action's own parameters: how long to wait, which local file, whose confirmation.

None of it reaches Flipsnack: `api.action.parameters` sends what the class of the action declares.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from flipsnack_mcp.api.action import Action, Effect
from flipsnack_mcp.api.actions import collections, forms, packages, publishing

WaitSeconds = Annotated[int, Field(ge=0, le=45, description="To wait")]
ConfirmationCode = Annotated[str, Field(max_length=40, description="Code, once the person agreed")]


class Options(BaseModel):
    """Every such parameter, in the order in which they follow the action's own. A tool takes some of them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    file_path: Annotated[str, Field(max_length=4096, description="Absolute path in an upload folder")] | None = None
    dry_run: Annotated[bool, Field(description="Change nothing")] = False
    confirmation: ConfirmationCode | None = None
    again: Annotated[bool, Field(description="Upload it a second time")] = False
    save: Annotated[bool, Field(description="false: only the link, good for a minute")] = True
    reveal: Annotated[bool, Field(description="Unmask personal data")] = False
    wait_seconds: WaitSeconds = 30


OWN: dict[type[Action[Any]], dict[str, str]] = {
    collections.GetCollection: {"wait_seconds": "While it converts"},
    publishing.CreateCollection: {"again": "", "wait_seconds": "For the conversion"},
    collections.UpdateCollection: {"confirmation": ""},
    packages.DownloadHtml: {"save": "", "wait_seconds": ""},
    forms.GetLeadFormSample: {"reveal": ""},
}
"""What an action's tool takes besides what its effect brings with it, and how it is described where not as usual."""

ActionT = TypeVar("ActionT", bound=Action[Any])


def input_of(action: type[ActionT]) -> type[ActionT]:
    """What the tool of an action takes: the action, with the options as further fields; alone where there are none."""
    own, types = OWN.get(action, {}), get_type_hints(Options, include_extras=True)
    fields: dict[str, Any] = {}
    for name in options_taken_by(action):
        described = Annotated[types[name], Field(description=own[name])] if own.get(name) else types[name]
        fields[name] = (described, Options.model_fields[name].default)
    if not fields:
        return action
    validators: dict[str, Any] = {check.__name__: model_validator(mode="after")(check) for check in checks(action)}
    return create_model(
        f"{action.__name__}Input", __base__=action, __doc__=action.__doc__, __validators__=validators, **fields
    )


def options_taken_by(action: type[Action[Any]]) -> list[str]:
    """The options of an action's tool."""
    by_effect = {
        "file_path": bool(action.uploads),
        "dry_run": action.effect is not Effect.READS,
        "confirmation": action.effect is Effect.DESTROYS,
    }
    return [name for name in Options.model_fields if by_effect.get(name) or name in OWN.get(action, {})]


def options_of(action: Action[Any]) -> Options:
    """The options that a tool's input came with."""
    given = {name: getattr(action, name) for name in Options.model_fields if name in type(action).model_fields}
    return Options.model_construct(**given)


def checks(action: type[Action[Any]]) -> list[Callable[[Any], Any]]:
    """What has to be true of the whole of a tool's input."""
    change = [name_a_change] if action is collections.UpdateCollection else []
    return [*([name_one_document] if action.uploads else []), *change]


def name_one_document(given: Any) -> Any:
    """The input, where it names exactly one document."""
    if (given.file_path is None) == (given.file_url is None):
        raise ValueError(
            f"give either file_path or file_url: {'neither is' if given.file_path is None else 'both are'} given"
        )
    return given


def name_a_change(given: collections.UpdateCollection) -> collections.UpdateCollection:
    """The input, where it names at least one thing to change."""
    changing = collections.UpdateCollection.model_fields.keys() - {"collection_hash"}
    if not any(getattr(given, name) not in (None, {}) for name in changing):
        raise ValueError("say what to change: title, description, status, width, height or settings")
    return given
