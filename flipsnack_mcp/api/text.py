"""Somebody else's text, made harmless: one line, no invisible characters, capped, in quotes."""

import re
import unicodedata

# Cc control, Cf format (zero-width, direction, tags), Cs surrogates, Co private use, Cn unassigned.
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters and marks that print as nothing: Hangul fillers, combining grapheme joiner, variation selectors.
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def cleaned(text: str, limit: int = 300) -> str:
    """One line without control, zero-width, direction and tag characters, at most `limit` characters long."""
    spaced = re.sub(r"[\s\x1c-\x1f\x85\u2028\u2029]", " ", text[: limit * 8])
    printed = "".join(one for one in BLANK.sub("", spaced) if unicodedata.category(one) not in INVISIBLE_CATEGORIES)
    visible = re.sub(" +", " ", printed).strip()
    return visible if len(visible) <= limit else visible[: limit - 1].rstrip() + "…"


def first_few(texts: list[str], most: int) -> list[str]:
    """As many as are worth reading, and how many more there are."""
    return [*texts[:most], f"and {len(texts) - most} more"] if len(texts) > most else texts


def quoted(text: str, limit: int = 300) -> str:
    """The cleaned text in quotation marks it cannot close."""
    return '"' + cleaned(text, limit).replace('"', "'") + '"'
