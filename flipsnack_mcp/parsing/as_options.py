"""Settings as options: which of them a command takes, and what was typed for each as its variable would hold it."""

import argparse
from collections.abc import Set as AbstractSet
from typing import Any

from flipsnack_mcp.settings import VARIABLES, Variable

EVERY_NAME = frozenset(one.name for one in VARIABLES)


def add_settings(
    parser: argparse.ArgumentParser, names: AbstractSet[str] = EVERY_NAME, *, with_defaults: bool = True
) -> None:
    """Every one of these settings that is no secret, as an option."""
    for variable in VARIABLES:
        if variable.option and variable.name in names:
            usual = f"; default: {variable.default or 'none'}" if with_defaults else ""
            text = f"{variable.meaning} ({variable.name}{usual})".replace("%", "%%")
            parser.add_argument(variable.option, dest=variable.name, help=text, **values_of(variable))


def values_of(variable: Variable) -> dict[str, Any]:
    """How many values an option takes. A host that fills in a list may give none, and lists add up."""
    if variable.separator:
        return {"nargs": "*", "action": "extend", "metavar": "VALUE"}
    return {"nargs": "?", "const": "1", "metavar": "0|1"} if variable.flag else {"metavar": "VALUE"}


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings among the options, each as its variable would hold it."""
    found = {one: getattr(options, one.name, None) for one in VARIABLES}
    joined = {one: one.separator.join(value) if isinstance(value, list) else value for one, value in found.items()}
    return {one.name: value for one, value in joined.items() if value or (value is not None and not one.separator)}
