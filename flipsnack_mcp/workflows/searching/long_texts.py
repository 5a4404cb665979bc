"""One word, looked for in many texts and in long ones: as in a title, but of texts that cannot have it none is read."""

import re
from dataclasses import dataclass
from functools import cached_property

from flipsnack_mcp.workflows.searching.words import Word, holds_all, words

PIECE = re.compile(r"\S.{0,200}(?!\S)|\S+", re.DOTALL)
"""As much of a text as is read at once, up to a blank: no word is cut."""


def sought(query: str) -> list["Sought"]:
    """The parts of a query, each of which has to be found; a picture counts only where there is nothing else."""
    return [one for one in map(Sought, query.split()) if words(one.term)] or [Sought(query.strip())]


@dataclass(frozen=True)
class Sought:
    """What somebody typed between two blanks."""

    term: str

    @cached_property
    def _words(self) -> tuple[Word, ...]:
        return words(self.term)

    def stands_in(self, text: str) -> bool:
        """Whether it stands there as whole words."""
        if not self.may_stand_in(text):
            return False
        return any(holds_all(self.term, piece) for piece in PIECE.findall(text))

    def may_stand_in(self, text: str) -> bool:
        """Whether its letters do, where that is quickly told."""
        if not text.isascii():
            return True
        lower = text.lower()
        return all(any(one.lstrip("0") in lower for one in word.spellings) for word in self._words)
