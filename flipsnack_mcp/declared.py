"""How a setting is declared: once, at its field, with what it means, its default and how it is read."""

from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any

from flipsnack_mcp.reading import Reading, Variable


KINDS = {Reading.switch: "boolean", Reading.number: "number", Reading.folder: "filepath"}
"""How a form takes a value, by how it is read."""
SWITCH = ("true", "false")


def setting(
    read: Callable[[Reading, str, Any], Any],
    meaning: str,
    *,
    default: Any = "",
    shown: str | None = None,
    secret: bool = False,
    separator: str = "",
    veiled: bool = False,
    choices: tuple[str, ...] = (),
    asked: str = "",
    written: str = "",
) -> Any:
    """A field that is read from its variable. `shown` is how its default is written where the value itself is not.

    `veiled`: its value may hold a secret, and stands in no `repr`. `asked`: what a form calls it that asks for it.
    `written`: how a list is written, for who writes one.
    """
    flag = isinstance(default, bool)
    variable = Variable(
        "",
        f"{meaning}, {written}" if written else meaning,
        str(int(default) if flag else default) if shown is None else shown,
        secret=secret,
        flag=flag,
        separator=separator,
        kind=KINDS.get(read.func if isinstance(read, partial) else read, "string"),
        choices=SWITCH if flag else choices,
        in_words=bool(shown) and not default,
        asked=asked,
        gist=meaning,
    )
    return field(default=default, repr=not (secret or veiled), metadata={"read": read, "variable": variable})
