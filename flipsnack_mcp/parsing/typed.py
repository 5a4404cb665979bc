"""From what was typed to the command and its options."""

import argparse
from collections.abc import Callable, Sequence

from flipsnack_mcp.as_written import nearest
from flipsnack_mcp.parsing.commands import parsers
from flipsnack_mcp.parsing.usage import ALONE, WrongUsage, unknown_words, worded

AT_ODDS: tuple[tuple[str, Callable[[argparse.Namespace], bool], str], ...] = (
    ("doctor", lambda one: bool(one.token_file and not one.http), "--token-file goes with --http alone"),
    (
        "doctor",
        lambda one: one.http is not None and (one.config is not None or one.fix),
        "--http looks at a server from outside: --config and --fix are for this computer",
    ),
    ("setup", lambda one: one.print and one.remove, "--print and --remove do not go together"),
    (
        "history",
        lambda one: one.undo is not None and bool(one.json or one.verify or one.since),
        "--undo goes with --account alone",
    ),
)
"""What a command does not take together, and what is said of it."""


def parsed(given: Sequence[str]) -> argparse.Namespace:
    """Read what was typed, which is one word at least.

    Raises:
        WrongUsage: Something in it is not known.
    """
    top, commands = parsers()
    if given[0] not in {*commands, *ALONE}:
        meant = nearest(given[0].lower(), commands)
        raise WrongUsage(f"there is no such command{meant or '; the commands are ' + ', '.join(commands)}")
    try:
        options, unknown = top.parse_known_args(given)
    except argparse.ArgumentError as error:
        raise WrongUsage(worded(error)) from None
    if unknown:
        raise WrongUsage(unknown_words(unknown, given[0], commands[given[0]]))
    for command, is_so, said in AT_ODDS:
        if command == given[0] and is_so(options):
            raise WrongUsage(said)
    return options
