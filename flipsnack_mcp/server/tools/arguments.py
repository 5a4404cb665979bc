"""The arguments of a call: understood, or told what is wrong with them without repeating them.

A tool takes what its action declares and options of its own, none of which reaches Flipsnack: `api.wire_parameters` sends
what the class of the action declares.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, cast, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails

from flipsnack_mcp.api import (
    Action,
    Effect,
    FlipsnackError,
    StatusName,
    cleaned,
    hash_from,
    one_line,
    opened,
    status_from,
)
from flipsnack_mcp.api.actions import collections, forms, publishing
from flipsnack_mcp.server.by_address.offering import INSTEAD_OF, NOBODYS_DISK, OF_THIS_DISK
from flipsnack_mcp.server.tools.emptiness import without_fillers

LONGEST_REASON = 200
MOST_REASONS = 10
TEAM = "team"
"""In the context of a validation: whether several people use the server, whose disks it does not see."""
GIVEN_ID = re.compile(r"[a-z0-9]{8}")
SENTENCES = {
    "extra_forbidden": "There is no argument {name}.",
    "missing": "{name} is missing.",
    "literal_error": "{name} has to be one of {expected}.",
    "greater_than_equal": "{name} has to be at least {ge}.",
    "less_than_equal": "{name} has to be at most {le}.",
    "string_too_long": "{name} has more than {max_length} characters.",
    "string_unicode": "{name} holds half a character: send it again without.",
    "string_type": "{name} has to be a text.",
    **dict.fromkeys(
        ("int_parsing", "int_parsing_size", "int_from_float", "int_type", "finite_number"),
        "{name} has to be a whole number.",
    ),
    **dict.fromkeys(("bool_parsing", "bool_type"), "{name} has to be true or false."),
    "dict_type": "{name} has to be an object: names, each with its value.",
    "too_long": "{name} has more than {max_length} entries.",
}
WHO_READS = " What is unlisted is read by whoever has the link, what is editable (a draft, offline) by nobody."
"""Of statuses: what people call private or hidden may be either, and is not guessed."""


class BadArgumentsError(FlipsnackError):
    """The arguments of a call cannot be understood; nothing was asked."""

    retry = "Correct the arguments, then make the call again."


class ToolInput(BaseModel):
    """The arguments of a tool over a workflow; it has no action of Flipsnack's. Its docstring is the description."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, defer_build=True)

    tool_name: ClassVar[str]
    tool_title: ClassVar[str]
    effect: ClassVar[Effect]
    over: ClassVar[str]
    """What of Flipsnack's it stands on, for the table of tools."""
    overwrites: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False
    legacy: ClassVar[bool] = False

    @property
    def changes_something(self) -> bool:
        """Whether this call belongs in the history."""
        return self.effect is not Effect.READS


InputT = TypeVar("InputT", bound=Action[Any] | ToolInput)


def understand(
    kind: type[InputT], arguments: Mapping[str, Any], besides: Sequence[str] = (), *, team: bool = False
) -> InputT:
    """The validated arguments. What a client filled with nothing counts as absent.

    `besides` are arguments of every tool, which do not come here. A `team` has no files where the server is.
    """
    try:
        filled = without_fillers(kind.tool_name, kind, arguments)
        if team:
            refuse_local_files(kind.tool_name, kind, filled)
        given = kind.model_validate(filled, context={TEAM: team})
    except ValidationError as error:
        reasons = [in_our_words(one, arguments) for one in error.errors(include_url=False, include_input=False)]
        # Those of the menu: what is understood and stands there no longer is not offered to whoever guessed wrong.
        taken = [name for name in on_the_menu(kind) if not (team and name in OF_THIS_DISK)]
        known = ", ".join([*taken, *besides]) or "none"
        said = " ".join(list(dict.fromkeys(reasons))[:MOST_REASONS])
        raise BadArgumentsError(said, f"The arguments of {kind.tool_name}: {known}.") from None
    return cast("InputT", given)


def on_the_menu(kind: type[BaseModel]) -> Iterator[str]:
    """The arguments that the schema names."""
    for name, field in kind.model_fields.items():
        # To a type checker it is what it marks.
        if not any(isinstance(one, SkipJsonSchema) for one in field.metadata):  # type: ignore[misc]
            yield name


def refuse_local_files(tool: str, kind: type[BaseModel], given: Mapping[str, Any]) -> None:
    """Raise where a call names a file or folder as if the server shared a disk with whoever calls."""
    if named := [name for name in kind.model_fields if name in OF_THIS_DISK and name in given]:
        step = INSTEAD_OF.get(tool, "Give file_url.")
        raise BadArgumentsError(f"`{named[0]}` cannot be given here. {NOBODYS_DISK}", step)


def in_our_words(error: ErrorDetails, given: Mapping[str, Any]) -> str:
    """One sentence about one argument. The value is never repeated: it is the caller's text."""
    name = as_named(".".join(str(part) for part in where_wrong(error, given)))
    context = error.get("ctx", {})
    if sentence := SENTENCES.get(error["type"]):
        meaning = WHO_READS if "editable" in context.get("expected", "") else ""
        return sentence.format(name=name, **context) + meaning
    if error["type"] != "value_error":
        return f"{name}: {cleaned(error['msg'], 120)}."
    reason = cleaned(str(context["error"]), LONGEST_REASON)
    return f"{name}: {reason}." if error["loc"] else f"{reason[:1].upper()}{reason[1:]}."


def where_wrong(error: ErrorDetails, given: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Where it is wrong. Whoever gave one thing for a list of one has no list in which to look for a first."""
    name, *rest = error["loc"] or ("",)
    alone = rest[:1] == [0] and not isinstance(given.get(str(name)), list | tuple)
    return (name, *rest[1:]) if alone else error["loc"]


def as_named(name: str) -> str:
    """The name of an argument as it can be told, also one that only looks like another."""
    told = "`" + cleaned(name, 60).replace("`", "'") + "`"
    if not name:
        return f"{told} (its name is empty)"
    return told if one_line(name).strip() == name else f"{told} (in its name is what is not seen)"


def several(value: object) -> list[object]:
    """A list, the JSON text of one, or the one thing that would stand in it."""
    read = opened(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    return [*cast("Sequence[object]", read)] if isinstance(read, list | tuple) else [read]


def id_from(text: str) -> str:
    """An id of an upload, a plan or a report, which is written down as it is: anything else ends here."""
    known = text.strip().lower()
    if known and not GIVEN_ID.fullmatch(known):
        raise ValueError("it has eight letters and digits, and is no collection's hash: send it as an answer gave it")
    return known


GivenId = Annotated[str, AfterValidator(id_from)]
Hash = Annotated[str, BeforeValidator(hash_from)]
Collections = Annotated[list[Hash], BeforeValidator(several)]
Statuses = Annotated[list[Annotated[StatusName, BeforeValidator(status_from)]], BeforeValidator(several)]


WaitSeconds = Annotated[int, Field(ge=0, le=45, description="To wait")]
ConfirmationCode = Annotated[str, Field(max_length=40, description="Code, once the person agreed")]


class Options(BaseModel):
    """Every such parameter, in the order in which they follow the action's own. A tool takes some of them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    file_path: Annotated[str, Field(max_length=4096, description="Name or path in an upload folder")] | None = None
    dry_run: Annotated[bool, Field(description="Change nothing")] = False
    confirmation: ConfirmationCode | None = None
    again: Annotated[bool, Field(description="Upload it a second time")] = False
    save: Annotated[bool, Field(description="false: only the link, good for a minute")] = True
    reveal: Annotated[bool, Field(description="Unmask personal data")] = False
    wait_seconds: WaitSeconds = 30
    show: Annotated[bool, Field(description="The cover picture")] = False


OWN: dict[type[Action[Any]], dict[str, str]] = {
    collections.GetCollection: {"wait_seconds": "While it converts", "show": ""},
    publishing.CreateCollection: {"again": "", "wait_seconds": "For the conversion"},
    collections.UpdateCollection: {"confirmation": ""},
    publishing.DownloadHtml: {"save": "", "wait_seconds": ""},
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
        "confirmation": action.effect is Effect.DESTROYS or bool(action.loses),
    }
    return [name for name in Options.model_fields if by_effect.get(name) or name in OWN.get(action, {})]


def options_of(action: Action[Any]) -> Options:
    """The options that a tool's input came with."""
    given = {name: getattr(action, name) for name in Options.model_fields if name in type(action).model_fields}
    return Options.model_construct(**given)


def checks(action: type[Action[Any]]) -> list[Callable[..., Any]]:
    """What has to be true of the whole of a tool's input."""
    document: list[Callable[..., Any]] = [name_one_document] if action.uploads else []
    return [*document, *([name_a_change] if action is collections.UpdateCollection else [])]


def for_team(told: ValidationInfo) -> bool:
    """Whether arguments are validated for a server that several people use."""
    return bool(told.context and told.context[TEAM])


def name_one_document(given: Any, info: ValidationInfo) -> Any:
    """The input, where it names exactly one document; for a team a PDF may come by an address instead."""
    neither = given.file_path is None and given.file_url is None
    if for_team(info):
        if neither and given.uploads != "PDF":
            raise ValueError("give file_url: this server reads nobody's files")
    elif (given.file_path is None) == (given.file_url is None):
        raise ValueError(f"give either file_path or file_url: {'neither is' if neither else 'both are'} given")
    return given


def name_a_change(given: collections.UpdateCollection) -> collections.UpdateCollection:
    """The input, where it names at least one thing to change."""
    changing = collections.UpdateCollection.model_fields.keys() - {"collection_hash"}
    if not any(getattr(given, name) not in (None, {}) for name in changing):
        raise ValueError(
            "say what to change: title, description, status, width, height or settings; "
            'description="" empties it, where nothing else is filled with nothing'
        )
    return given
