"""What an action and a result are: declared once, and everything else is made from the declaration.

An *action* is something Flipsnack can be asked. From its class come the signed request, the decoded result, the
tool an assistant sees and the texts it reads.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from typing_extensions import override

JsonObject = dict[str, Any]

ENTRIES = 1000
"""As many pages as a document may have: of no list or object is more built or shown."""
LONGEST_TEXT = 10_000
"""More than is shown of any text; what follows is cut off before anything is made of it."""


class Effect(Enum):
    """What an action does to the account."""

    READS = "reads"
    WRITES = "writes"
    DESTROYS = "destroys"


@dataclass(frozen=True)
class Wire:
    """Flipsnack's name for a field, where it is not simply ours in camelCase."""

    name: str


@dataclass(frozen=True)
class Unsent:
    """Marks a field that Flipsnack does not have: a parameter that `Action.derived` turns into others, a result we make."""


@dataclass(frozen=True)
class FreeText:
    """Marks a text of the person's own: `null` or `[]` in it are words like any other."""

    exact: bool = False
    """Whether a blank is a letter like any other."""


class Result(BaseModel):
    """What Flipsnack answered, read leniently: numbers as text or numbers, fields nobody asked for left out."""

    # `defer_build`: a model costs 1 ms of the start, and most are not needed before a call.
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, defer_build=True)

    @classmethod
    def read(cls, data: JsonObject) -> Self:
        """Make a result from the `data` member of Flipsnack's envelope."""
        named = {name: data.get(theirs) for name, theirs in wire_names(cls).items()}
        return lenient(cls, {name: cut(value) for name, value in named.items() if value not in (None, "")})

    @classmethod
    def unnamed(cls, data: JsonObject) -> dict[str, str]:
        """What Flipsnack sent that has no name here, as text."""
        named = {*wire_names(cls).values()}
        told = ((key, one) for key, one in data.items() if key not in named and one not in (None, "", {}, []))
        return {cut(key): cut(as_text(value)) for key, value in islice(told, ENTRIES)}


AnyT = TypeVar("AnyT")
ModelT = TypeVar("ModelT", bound=BaseModel)


def cut(value: AnyT) -> AnyT:
    """A text without what nobody is shown of it; anything else as it is."""
    return cast("AnyT", value[:LONGEST_TEXT]) if isinstance(value, str) else value


def lenient(model: type[ModelT], values: JsonObject) -> ModelT:
    """A model without the fields that cannot be read: one odd field must not hide the rest."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        odd = {one["loc"][0] for one in error.errors() if one["loc"]}
    return model.model_validate({name: value for name, value in values.items() if name not in odd})


def refuse_half_characters(value: object) -> object:
    """Text that can be signed and sent: JSON allows half a character, UTF-8 does not."""
    try:
        as_text(value).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character: send it again without") from None
    return value


ResultT_co = TypeVar("ResultT_co", bound=Result, covariant=True)


class Action(BaseModel, Generic[ResultT_co]):
    """One thing Flipsnack can be asked. The docstring of a subclass is what an assistant reads about it."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, defer_build=True)

    api_name: ClassVar[str]
    """Flipsnack's name, such as `collection.getList`."""
    tool_name: ClassVar[str]
    tool_title: ClassVar[str]
    returns: ClassVar[type[Result]]
    """What stands in the brackets of `Action[...]`."""
    effect: ClassVar[Effect]
    overwrites: ClassVar[bool] = False
    """Replaces something that was there before."""
    idempotent: ClassVar[bool] = False
    """Sent twice it leaves the account as sent once, so it may be tried again after a lost connection. What only reads
    always does."""
    uploads: ClassVar[Literal["", "PDF", "picture"]] = ""
    """What it uploads. Such an action goes to the upload host as multipart/form-data by POST; any other is a GET with
    a query."""
    loses: ClassVar[str] = ""
    """What it overwrites without a way back, where it does: `logo`. A person is asked as before a deletion."""
    removes: ClassVar[str] = ""
    """What of a collection is gone after it, where the collection stays: `logo`."""
    doing: ClassVar[str] = ""
    """What it does to its target, for the person who is asked before it is destroyed: `Delete`."""
    legacy: ClassVar[bool] = False
    """Gone from the menu of Flipsnack's current documentation."""
    source: ClassVar[str]
    """The page of Flipsnack's documentation it was written from."""
    codes: ClassVar[tuple[int, ...]]
    """Flipsnack's status codes it can end with, besides those any action can: `errors.ANY_ACTION`."""

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if arguments := cls.__pydantic_generic_metadata__["args"]:
            cls.returns = arguments[0]
        cls.idempotent = cls.idempotent or getattr(cls, "effect", None) is Effect.READS

    _refuse_half_characters = field_validator("*", mode="after")(refuse_half_characters)

    def derived(self) -> dict[str, str]:
        """Parameters of Flipsnack's that are made from several fields."""
        return {}

    def narrowed(self) -> Self | None:
        """What to ask where Flipsnack refuses this as a bad request: it may ask for too much at once. None where there is no less."""
        return None

    def read(self, data: JsonObject) -> ResultT_co:
        """Make the result from the `data` of a successful answer."""
        return self.returns.read(data)  # type: ignore[return-value]  # a test compares `returns` with the generic argument


def wire_parameters(action: Action[Any]) -> dict[str, str]:
    """An action's own parameters in Flipsnack's names, as the text that is signed and sent. Only what was given.

    They are those of the class that declares `api_name`: what a tool's input adds to it is never sent.
    """
    given = {
        theirs: as_text(getattr(action, name))
        for name, theirs in wire_names(declaring_class(action)).items()
        if getattr(action, name) is not None and name in action.model_fields_set
    }
    return given | action.derived()


def declaring_class(action: Action[Any]) -> type[Action[Any]]:
    """The class that says what Flipsnack is sent."""
    return next(kind for kind in type(action).__mro__ if issubclass(kind, Action) and "api_name" in vars(kind))


@cache
def wire_names(kind: type[BaseModel]) -> Mapping[str, str]:
    """Flipsnack's names for the fields that it takes or gives, by ours. Every call asks, and a class never changes."""
    return {name: wire_name(name, field) for name, field in kind.model_fields.items() if not is_ours(field)}


def wire_name(name: str, field: FieldInfo) -> str:
    """Flipsnack's name for one of our fields."""
    return next((mark.name for mark in marks(field) if isinstance(mark, Wire)), to_camel(name))


def is_ours(field: FieldInfo) -> bool:
    """Whether Flipsnack neither takes nor gives this field."""
    return any(isinstance(mark, Unsent) for mark in marks(field))


def marks(field: FieldInfo) -> Iterator[object]:
    """Everything a field is annotated with, also inside `X | None`."""
    yield from field.metadata
    annotations: list[Any] = [field.annotation]
    while annotations:
        annotation = annotations.pop()
        yield from getattr(annotation, "__metadata__", ())
        annotations.extend(get_args(annotation))


def as_text(value: object) -> str:
    """A value as Flipsnack reads it: `true` and `false`, dates as YYYY-MM-DD, structures as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
