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
) -> Any:
    """A field that is read from its variable. `shown` is how its default is written where the value itself is not."""
    flag = isinstance(default, bool)
    text = str(int(default) if flag else default) if shown is None else shown
    variable = Variable("", meaning, text, secret=secret, flag=flag, separator=separator)
    return field(default=default, repr=not secret, metadata={"read": read, "variable": variable})
