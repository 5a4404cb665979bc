"""How a setting is declared: once, at its field, with what it means, its default and how it is read."""

from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any, TypedDict, Unpack

from flipsnack_mcp.reading import Reading, Variable

KIND_OF_READING = {Reading.switch: "boolean", Reading.number: "number", Reading.folder: "filepath"}
"""How a form takes a value, by how it is read."""
EITHER = ("true", "false")


class InForms(TypedDict, total=False):
    """What forms say of it beside its meaning."""

    choices: tuple[str, ...]
    """All that it may be."""
    asked: str
    """What a form calls it that asks for it."""
    written: str
    """How a list of it is written, for who writes one."""


def setting(
    read: Callable[[Reading, str, Any], Any],
    meaning: str,
    *,
    default: Any = "",
    shown: str | None = None,
    secret: bool = False,
    separator: str = "",
    veiled: bool = False,
    **told: Unpack[InForms],
) -> Any:
    """A field that is read from its variable. `shown` is how its default is written where the value itself is not.

    `veiled`: its value may hold a secret, and stands in no `repr`.
    """
    flag, written = isinstance(default, bool), told.get("written", "")
    variable = Variable(
        "",
        f"{meaning}, {written}" if written else meaning,
        str(int(default) if flag else default) if shown is None else shown,
        secret=secret,
        flag=flag,
        separator=separator,
        kind=KIND_OF_READING.get(read.func if isinstance(read, partial) else read, "string"),
        choices=EITHER if flag else told.get("choices", ()),
        in_words=bool(shown) and not default,
        asked=told.get("asked", ""),
        gist=meaning,
    )
    return field(default=default, repr=not (secret or veiled), metadata={"read": read, "variable": variable})
