"""How a setting is declared: once, at its field, with what it means, its default and how it is read."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from flipsnack_mcp.reading import Reading, Variable


def setting(
    read: Callable[[Reading, str, Any], Any],
    meaning: str,
    *,
    default: Any = "",
    shown: str | None = None,
    secret: bool = False,
    separator: str = "",
    veiled: bool = False,
) -> Any:
    """A field that is read from its variable. `shown` is how its default is written where the value itself is not.

    `veiled`: its value may hold a secret, and stands in no `repr`.
    """
    flag = isinstance(default, bool)
    text = str(int(default) if flag else default) if shown is None else shown
    variable = Variable("", meaning, text, secret=secret, flag=flag, separator=separator)
    return field(default=default, repr=not (secret or veiled), metadata={"read": read, "variable": variable})
