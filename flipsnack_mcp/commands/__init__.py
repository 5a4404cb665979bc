"""What a person can run: a module or a room for each command, and what all of them say it with; `chosen` leads there."""

import errno
import os
import sys
from contextlib import suppress

from flipsnack_mcp.text import one_line

READER_GONE = frozenset({errno.EPIPE, errno.EINVAL})
"""What a closed pipe is called, on Windows the second."""
NAMES_NO_ACCOUNT = "There is no accounts file (FLIPSNACK_ACCOUNTS), so the one account has no name: leave {} out."


class NotDone(Exception):  # noqa: N818 - it says why
    """Why a command does nothing, and what to do."""


def say(text: str) -> None:
    """Print what a command has to say, at once, so that a person sees it happen; nothing in it acts on a terminal.

    Raises:
        SystemExit: Nobody reads it any more, or it cannot be written.
    """
    try:
        print("\n".join(map(one_line, text.split("\n"))), flush=True)  # noqa: T201  # this is a command's output
    except OSError as error:
        end_output(error)


def fail(text: str) -> int:
    """Say why a command did not do what it was asked, and give its exit status."""
    say(text)
    return 1


def fail_beside(text: str) -> int:
    """The same of a command whose output goes into a file: what stands there is a token, an address or a table, or nothing."""
    sys.stderr.write("\n".join(map(one_line, text.split("\n"))) + "\n")
    return 1


def end_output(error: OSError | None = None) -> None:
    """Write what is left, and end the command where the output has nowhere to go: quietly if its reader saw enough.

    What Python has kept back is thrown away then, or it would try once more at its end, with a traceback.

    Raises:
        SystemExit: It has nowhere to go.
    """
    try:
        if error is None:
            print(end="", flush=True)  # noqa: T201  # to stdout, where there is one
            return
    except OSError as failed:
        error = failed
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno not in READER_GONE:
        sys.stderr.write(f"flipsnack-mcp: the output cannot be written: {error.strerror}\n")
    raise SystemExit(1)
