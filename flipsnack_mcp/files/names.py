"""File names that mean the same on Windows, macOS and Linux."""

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

MOST_CHARACTERS = 80
MOST_NAME_BYTES = 150  # a file system allows 255; the rest is for " (999).zip" and for encrypting layers
MOST_KNOWN = 64  # the longest hash
LAST_RESORT = "flipsnack"

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file (the superscript digits count too)
RESERVED_NAMES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{device}{digit}" for device in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"}
)
DRIVE = re.compile(r"[A-Za-z]:")
PUNCTUATION = frozenset("-_.,&'()")
TYPOGRAPHIC = str.maketrans({"\u2018": "'", "\u2019": "'", "/": "-", "\\": "-", "|": "-"})
# Letters, marks and signs by category, or of none yet, but drawn as nothing: joiners, fillers and variation selectors.
INVISIBLE_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\ufffe\uffff"
    "\U0001d159\U000e0000-\U000e0fff]"
)

TextRules = tuple[tuple[str, Callable[[str], bool]], ...]
"""Each rule says what is wrong with a text, and tells whether it is; they are read from the top."""


T = TypeVar("T")


def first_objection(judged: T, rules: Sequence[tuple[str, Callable[[T], bool]]]) -> str:
    """Returns what the first broken rule says, or nothing."""
    return next((reason for reason, is_broken in rules if is_broken(judged)), "")


def safe_name(title: str, fallback: str) -> str:
    """Returns a file name stem made from a title, or from the fallback where the title leaves nothing."""
    return _stem(title) or _stem(fallback) or LAST_RESORT


def telling_names(title: str, known_as: str) -> tuple[str, str]:
    """Returns a stem made from a title, and the one that says as well what it is known as.

    The first is the second where the title is too long for a name: titles of a series differ at their ends.
    """
    stem, known = safe_name(title, known_as), _stem(known_as)[:MOST_KNOWN]
    if not known or stem == known:
        return stem, stem
    with_hash = f"{_cut(_whole(title), len(known) + 3)} ({known})"
    return (stem if _whole(title) == stem else with_hash), with_hash


def is_reserved(name: str) -> bool:
    """Tells whether Windows would open a device under this name, whatever its extension."""
    return name.partition(".")[0].rstrip(" ").upper() in RESERVED_NAMES


def has_control(text: str) -> bool:
    """Tells whether a text holds control characters, line separators or halves of characters."""
    return any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text)


def can_be_written(text: str) -> bool:
    """Tells whether names of files can hold a text: where a locale forces another encoding than UTF-8 on Python, not all can."""
    try:
        os.fsencode(text)
    except UnicodeError:
        return False
    return True


def without_format_characters(text: str) -> str:
    """Returns the text as it is seen: zero-width, direction and tag characters are left out."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def _stem(title: str) -> str:
    return _cut(_whole(title))


def _cut(stem: str, less: int = 0) -> str:
    shortened = stem[: MOST_CHARACTERS - less].encode()[: MOST_NAME_BYTES - less]
    return _without_edges(shortened.decode(errors="ignore"))


def _whole(title: str) -> str:
    visible = INVISIBLE_LETTERS.sub("", without_format_characters(title))
    plain = "".join(map(_kept, unicodedata.normalize("NFC", visible.translate(TYPOGRAPHIC))))
    stem = _without_edges(unicodedata.normalize("NFC", " ".join(plain.split())))
    return f"_{stem}" if is_reserved(stem) else stem


def _kept(char: str) -> str:
    category = unicodedata.category(char)
    if not can_be_written(char):
        return " "
    if category[0] in "LM" or category == "Nd" or char in PUNCTUATION:
        return char
    return "-" if category == "Pd" else " "


def _without_edges(stem: str) -> str:
    stem = stem.rstrip(" .-")
    # A mark without a letter would sit on whatever is printed before the name.
    while stem and (stem[0] in " .-" or unicodedata.category(stem[0])[0] == "M"):
        stem = stem[1:]
    return stem
