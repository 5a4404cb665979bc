"""What a client filled in where it had nothing to say: left out, for every parameter of every tool.

Clients and strict models fill optional parameters with "", 0, [], {}, false or null. What of that is meant after all
follows from the parameter (a zero that is allowed, a false where true is usual) or stands in `MEANT_EMPTY`.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flipsnack_mcp.api import FreeText, marks, opened, shows_nothing

MEANT_EMPTY: Mapping[tuple[str, str], Callable[[AbstractSet[str], AbstractSet[str]], bool]] = {
    ("update_collections", "replace"): lambda given, _: "find" in given,
    ("update_collection", "description"): lambda _, filled: filled == {"description"},
}
"""Where an empty text is meant, by tool and parameter: judged by the names that hold something, and those that hold nothing."""


@dataclass(frozen=True)
class Shape:
    """What a parameter takes, as far as it decides what is nothing there."""

    text: FreeText | None
    zero: bool
    """Whether 0 is a value like any other."""
    false: bool
    """Whether it is true where it is left out."""
    words: tuple[str, ...]
    """The only texts it takes, where there are such."""


@cache
def shapes(kind: type[BaseModel]) -> Mapping[str, Shape]:
    """The shape of every parameter of a tool."""
    return {name: shape_of(field) for name, field in kind.model_fields.items()}


def shape_of(field: FieldInfo) -> Shape:
    """What a parameter's declaration says."""
    found = tuple(marks(field))
    least = [one.ge for mark in found for one in inside(mark) if hasattr(one, "ge")]
    return Shape(
        text=next((one for one in found if isinstance(one, FreeText)), None),
        zero=any(one is not None and one <= 0 for one in least),
        false=field.default is True,
        words=tuple(words_of(field.annotation)),
    )


def inside(mark: object) -> tuple[Any, ...]:
    """A limit stands in the field's own metadata, or in that of a `Field(...)` inside `X | None`."""
    return tuple(mark.metadata) if isinstance(mark, FieldInfo) else (mark,)


def words_of(annotation: Any) -> Iterator[str]:
    """The words of a `Literal`, also inside `X | None` and lists."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    for one in get_args(annotation):
        yield from words_of(one)


def without_fillers(tool: str, kind: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that hold something. An unknown name stays, whatever it holds: it is refused by name."""
    known = shapes(kind)
    unknown = {name: value for name, value in arguments.items() if name not in known}
    read = {name: unwrapped(value, known[name]) for name, value in arguments.items() if name in known}
    given = {name: value for name, value in read.items() if not is_nothing(value, known[name])}
    filled = arguments.keys() - unknown.keys() - given.keys()
    rules = {name: MEANT_EMPTY.get((tool, name)) for name in filled if arguments[name] == ""}
    meant = {name: "" for name, is_meant in rules.items() if is_meant and is_meant(given.keys(), filled)}
    return {**given, **meant, **unknown}


def is_nothing(value: object, shape: Shape) -> bool:
    """Whether a value says no more than leaving it out."""
    read = opened(value) if shape.text is None else value
    if isinstance(read, bool):
        return not read and not shape.false
    if isinstance(read, int | float):
        is_id = isinstance(value, str) and "e" in value.lower()  # an id is drawn as `0e123456` now and then
        return read == 0 and not shape.zero and not is_id
    if isinstance(read, str):
        return not read if shape.text and shape.text.exact else shows_nothing(read)
    return not read


def unwrapped(value: object, shape: Shape) -> object:
    """A value without the nothings inside it; a word that has to be one of some, as it is declared."""
    if isinstance(value, str):
        if shape.text:
            return value
        read = opened(value)
        return pruned(read) if isinstance(read, list | dict) else declared(value, shape.words)
    return pruned(value)


def declared(value: str, words: tuple[str, ...]) -> str:
    """The word that is meant, in any case and between any blanks."""
    folded = "_".join(value.casefold().replace("-", " ").split())
    return next((one for one in words if one.casefold() == folded), value)


def pruned(value: object) -> object:
    """A list or an object without the members that are nothing. What has a name is something, unless it is null."""
    if isinstance(value, list):
        return [one for one in cast("list[object]", value) if not is_hollow(one)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {name: one for name, one in members.items() if one is not None and (name.strip() or not is_hollow(one))}
    return value


def is_hollow(value: object) -> bool:
    """Nothing, as a member of a list. A number or a truth value there is something: it is for the list to refuse."""
    return value is None or value in ([], {}) or (isinstance(value, str) and shows_nothing(value))
