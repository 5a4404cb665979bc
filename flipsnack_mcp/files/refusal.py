"""What is said when a file cannot be taken or written."""

import errno
import re

from flipsnack_mcp import systems
from flipsnack_mcp.text import DOUBLE_QUOTES

SHOWN_LENGTH = 200
FORBIDDEN_BY_MACOS = (
    "If macOS forbids it, allow the program that started this server (Claude, a terminal, an editor) the folder in System "
    "Settings > Privacy & Security > Files and Folders, and start it again."
)
# Whatever looks like the end of a quotation, two apostrophes included; a single one belongs to the name.
QUOTATION_MARKS = re.compile(f"[{DOUBLE_QUOTES}]+|''+")


class RefusedFile(Exception):  # noqa: N818 - a refusal is a decision of this program, not a failure of it
    """A file or folder was refused before anything was sent or kept.

    Attributes:
        happened: What was refused and why, one sentence.
        next_step: The one thing to do about it.
    """

    def __init__(self, happened: str, next_step: str) -> None:
        super().__init__(f"{happened} {next_step}")
        self.happened = happened
        self.next_step = next_step


def quote_path(text: object) -> str:
    """Returns the text for use inside a message: one line, nothing invisible, not too long, in quotes it cannot close."""
    shown = QUOTATION_MARKS.sub("'", "".join(char if char.isprintable() else "?" for char in str(text)))
    return f'"{shown}"' if len(shown) <= SHOWN_LENGTH else f'"{shown[:SHOWN_LENGTH]}..."'


def cure_of(error: OSError) -> str:
    """Returns what to do where the system itself is in the way, so that no other path helps, or nothing."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return "Wait until other work of this server has ended, or raise how many files it may have open (ulimit -n)."
    return FORBIDDEN_BY_MACOS if systems.HERE.asks_for_folders and error.errno == errno.EPERM else ""
