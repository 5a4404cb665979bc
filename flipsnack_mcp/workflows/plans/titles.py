"""Text in a title found as a person writes it, and replaced without touching a character beside it."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Self

from flipsnack_mcp.text import DASHES, DOUBLE_QUOTES, FLAGS, KEYCAP, MAYBE_HIDDEN, PICTURE, SINGLE_QUOTES, one_line

FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
HANGUL = "[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6][\u11a8-\u11ff\ud7cb-\ud7fb]?"
IN_ITS_COLOUR = f"{PICTURE}[\U0001f3fb-\U0001f3ff]?"
SEEN_CHARACTER = re.compile(
    f"{FLAG}|{FLAGS}|{KEYCAP}|{IN_ITS_COLOUR}(?:\u200d{IN_ITS_COLOUR})*|{HANGUL}|.",
    re.DOTALL,
)
# Not the figure or letter that they are made of: of "5 m² of 2" only the last is a 2.
APART = ("<super>", "<sub>", "<fraction>", "<circle>", "<square>")
FORMS_IN_TITLES = (
    (re.compile(r"[\s\u2800]"), " "),
    (re.compile(f"[{DOUBLE_QUOTES}]"), '"'),
    (re.compile(f"[{SINGLE_QUOTES}]"), "'"),
    (re.compile(f"[{DASHES}]"), "-"),
)

IN_AN_ANSWER = str.maketrans({'"': "'", "|": "\u00a6"})
"""Signs that an answer's text has others for, lest somebody's title end its quotes or its column."""


@dataclass(frozen=True)
class Pieces:
    """A text in what a person sees as its characters: as they are written, and as they are compared.

    A character that is not seen is a piece that is compared as nothing, so that what stands beside it can be replaced
    without it.
    """

    written: tuple[str, ...]
    compared: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Marks belong to the piece before them."""
        found: list[str] = []
        for piece in SEEN_CHARACTER.findall(text):
            if found and unicodedata.category(piece[0])[0] == "M":
                found[-1] += piece
            else:
                found.append(piece)
        return cls(tuple(found), tuple(map(comparable, found)))

    def without(self, start: int, end: int) -> "Pieces":
        """The text without these pieces."""
        return Pieces(self.written[:start] + self.written[end:], self.compared[:start] + self.compared[end:])

    @property
    def as_shown(self) -> "Pieces":
        """The same as an answer's text has it: with single quotes for double ones, another stroke, and one blank for several."""
        shown = [one.translate(IN_AN_ANSWER) for one in self.compared]
        once = ["" if one == before == " " else one for before, one in pairwise(["", *shown])]
        return Pieces(self.written, tuple(once))

    @property
    def hidden_at_the_start(self) -> bool:
        """Whether it begins with what is not seen, and so means that too."""
        return not self.compared[0]

    @property
    def hidden_at_the_end(self) -> bool:
        """Whether it ends so."""
        return not self.compared[-1]


def replaced(text: str, find: str, replace: str) -> str:
    """The text with every `find` in it replaced, from the left; whole characters only, and nothing else changes.

    Where it does not stand there as it is, it may be copied from an answer.
    """
    wanted = Pieces.of(find)
    if not any(wanted.compared):
        return text.replace(find, replace)
    title, made, done = Pieces.of(text), list[str](), 0
    for start, end in places(title, wanted) or places(title.as_shown, wanted):
        made += [*title.written[done:start], replace]
        done = end
    return "".join([*made, *title.written[done:]])


def begins_with(text: str, beginning: str) -> bool:
    """Whether a text begins so, as a person reads it; with nothing begins every text."""
    return not beginning or at_the_start(Pieces.of(text), Pieces.of(beginning)) is not None


def ends_with(text: str, end: str) -> bool:
    """Whether a text ends so."""
    return not end or at_the_end(Pieces.of(text), Pieces.of(end)) is not None


def without_ends(text: str, wanted: str) -> str:
    """The text without what stands at its beginning, and at its end."""
    title, looked_for = Pieces.of(text), Pieces.of(wanted)
    if found := at_the_start(title, looked_for):
        title = title.without(*found)
    if found := at_the_end(title, looked_for):
        title = title.without(*found)
    return "".join(title.written)


def at_the_start(title: Pieces, wanted: Pieces) -> tuple[int, int] | None:
    """Where it stands with nothing before it that is seen."""
    if not any(wanted.compared):
        return (0, 0)
    return next((one for one in places(title, wanted) if not any(title.compared[: one[0]])), None)


def at_the_end(title: Pieces, wanted: Pieces) -> tuple[int, int] | None:
    """Where it stands with nothing behind it that is seen, overlapping another place or not."""
    if not any(wanted.compared):
        return (0, 0)
    length = len("".join(wanted.compared))
    start = len(title.compared)
    while start and len("".join(title.compared[start:])) < length:
        start -= 1
    tail = Pieces(title.written[start:], title.compared[start:])
    found = next(iter(places(tail, wanted)), None)
    return (start + found[0], start + found[1]) if found and not any(tail.compared[found[1] :]) else None


def places(title: Pieces, wanted: Pieces) -> list[tuple[int, int]]:
    """Where it stands in the title: the first piece of each place, and the one behind it."""
    needle, hay = "".join(wanted.compared), "".join(title.compared)
    ends = list(accumulate(map(len, title.compared)))
    first = {end - len(one): number for number, (end, one) in enumerate(zip(ends, title.compared, strict=True)) if one}
    last = {end: number + 1 for number, (end, one) in enumerate(zip(ends, title.compared, strict=True)) if one}
    found: list[tuple[int, int]] = []
    at = hay.find(needle)
    while at >= 0:
        whole = at in first and at + len(needle) in last
        if whole:
            found.append(widened(title, wanted, first[at], last[at + len(needle)]))
        at = hay.find(needle, at + (len(needle) if whole else 1))
    return found


def widened(title: Pieces, wanted: Pieces, start: int, end: int) -> tuple[int, int]:
    """The place with what is not seen at its edges, where that is looked for too."""
    while wanted.hidden_at_the_start and start and not title.compared[start - 1]:
        start -= 1
    while wanted.hidden_at_the_end and end < len(title.compared) and not title.compared[end]:
        end += 1
    return start, end


def comparable(piece: str) -> str:
    """One piece, as it is compared; nothing, where it is not seen."""
    for marks, plain in FORMS_IN_TITLES:
        if marks.fullmatch(piece):
            return plain
    if len(piece) == 1 and unicodedata.decomposition(piece).startswith(APART):
        return piece
    seen = MAYBE_HIDDEN.sub("", one_line(piece))
    return unicodedata.normalize("NFKC", seen).replace("\u22ef", "...")
