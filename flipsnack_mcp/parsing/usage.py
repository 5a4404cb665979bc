"""A parser whose errors are worded here, and the words."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from typing_extensions import override

from flipsnack_mcp.as_written import nearest

LACKING = "the following arguments are required: "
"""How the parser begins to say what is missing."""
ALONE = frozenset({"--version", "--help", "-h"})


class WrongUsage(Exception):  # noqa: N818 - it says what is wrong, in words of ours
    """Something was typed that is no command, option or value."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are worded here. No abbreviations: a value must not be taken for that of a longer name."""

    def __init__(self, **details: Any) -> None:
        super().__init__(**details, exit_on_error=False, allow_abbrev=False)

    @override
    def error(self, message: str) -> NoReturn:
        command = self.prog.split()[1:]
        if message.startswith(LACKING):
            raise WrongUsage(
                f"{' '.join((*command, message.removeprefix(LACKING)))} is what it takes; {see_help(*command)}"
            )
        raise WrongUsage(f"this cannot be understood; {see_help(*command)}")

    @override
    def parse_known_args(  # type: ignore[override]  # only the one of its overloads that is called here
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        try:
            return super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            if error.argument_name is None:  # raised from Python 3.13 on, where `error` was called before
                self.error(error.message)
            raise

    @property
    def options(self) -> list[str]:
        """All options it takes."""
        return [*self._option_string_actions]


def unknown_words(unknown: Sequence[str], command: str, parser: Parser) -> str:
    """Say what was typed too much."""
    options = [one.partition("=")[0].lower() for one in unknown if one.startswith("-")]
    if not options:
        return "there is an argument too many"
    meant = nearest(options[0], parser.options)
    return f"there is no such option{meant or f'; {see_help(command)}'}"


def see_help(*command: str) -> str:
    """Name the help, as it is called here."""
    from flipsnack_mcp.started import as_typed  # noqa: PLC0415  # only for who mistypes

    return f"see {as_typed(' '.join((*command, '--help')))}"


def worded(error: argparse.ArgumentError) -> str:
    """Say what is wrong with the value of an option, without the value."""
    if error.message.startswith(("expected ", "takes ")):
        return f"{error.argument_name} {error.message}"
    if "|" in (error.argument_name or ""):
        return f"there is no such command; it takes {error.argument_name}"
    if error.message.startswith("ignored explicit argument"):
        return f"{error.argument_name} takes no value"
    return f"{error.argument_name} has a value that it does not take"
