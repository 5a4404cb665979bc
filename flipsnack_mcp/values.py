"""What stands in a value that a person, a shell or a host has written: placeholders, lists, files, slips of the pen."""

import re
from collections.abc import Iterable
from pathlib import Path

# What a host leaves behind that was not told what to fill in, and which it does with every field a person left empty.
LEFT_OPEN = re.compile(r"""\s*(["']?)\$\{[^{}]*\}\1\s*""")
LONGEST_CREDENTIAL = 10_000


def split_beside_placeholders(value: str, separator: str) -> list[str]:
    """The parts of a list; the separator may also stand inside a placeholder."""
    if not separator or "${" not in value:
        return value.split(separator) if separator else [value]
    return re.split(rf"{re.escape(separator)}(?![^{{}}]*\}})", value)


def credential_in(file: Path) -> str:
    """What a file with a credential holds; it may be a pipe, and may have no end.

    Raises:
        OSError: It cannot be read.
        ValueError: What is in it cannot be a credential.
    """
    with file.open("rb") as opened:
        content = opened.read(LONGEST_CREDENTIAL + 1)
    if len(content) > LONGEST_CREDENTIAL:
        raise ValueError("it is too long")
    return content.decode("utf-8-sig").strip()


def reason_of(error: OSError | ValueError) -> str:
    """Why a file cannot be read, without its name."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def nearest(typed: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  # only for who misspells

    found = get_close_matches(typed[:60], [*known], n=1, cutoff=0.75)
    return f": did you mean {found[0]}?" if found else ""
