"""How a value looks that a person, a shell or a host has written: left open, an example, joined otherwise, a slip of the pen.

Pure rules, and how a file is read that holds one. What a value was is never repeated.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

# The shapes of the key and the secret in Flipsnack's own examples; only good enough for a hint.
KEY_SHAPE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+")
SECRET_SHAPE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+")
SHOWABLE = re.compile(r"[A-Za-z_]{1,40}")  # and so no key
# What separates folders on the other system, or in other programs, before what begins like a folder.
JOINED = re.compile(r"[,;|\s]\s*(?:[/~]|[A-Za-z]:[/\\])")
# What a host leaves behind that was not told what to fill in, and which it does with every field a person left empty.
LEFT_OPEN = re.compile(r"""\s*(["']?)\$\{[^{}]*\}\1\s*""")
LONGEST_CREDENTIAL = 10_000
LONGEST_HOST = 253
PART_OF_A_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# What stands where a key or a secret belongs, in examples.
IN_AN_EXAMPLE = re.compile(
    r"(?:[\W_]|your|my|their|the|flipsnack|api|key|secret|here|insert|enter|paste|put|placeholder|value)+",
    re.IGNORECASE,
)


def is_plain_host(text: str) -> bool:
    """Whether it is a host's name and nothing else: no address of numbers, no port, no wildcard, no other alphabet."""
    labels = text.split(".")
    return (
        len(text) <= LONGEST_HOST
        and len(labels) > 1
        and all(map(PART_OF_A_HOST.fullmatch, labels))
        and not labels[-1].isdigit()
    )


def misspelt(environment: Mapping[str, str], known: Sequence[str]) -> Iterator[str]:
    """Names that look like settings and are none, each with the one that is nearest. No value is repeated."""
    for name in environment:
        if name.upper().startswith("FLIPSNACK_") and name not in known:
            meant = nearest(name.upper(), known)
            shown = f'"{name}"' if meant and SHOWABLE.fullmatch(name) else "A variable that begins with FLIPSNACK_"
            yield f"{shown} is no setting{meant or ': docs/settings.md lists them.'}"


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


SEE_THAT_IT_CAN_BE_READ = "See that it is a file you may read."


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
