"""One word, looked for in what people typed, of any length: as in a title, but nothing of it is remembered."""

import re
from dataclasses import dataclass
from functools import cached_property

from flipsnack_mcp.text import as_compared
from flipsnack_mcp.workflows.searching.words import Word, stands_in, words_unremembered

PIECE = re.compile(r"\S.{0,200}(?!\S)|\S+", re.DOTALL)
"""As much of a text as is read at once, up to a blank: no word is cut."""
LETTER, NO_LETTER = "[a-z0-9]", "[^a-z0-9]+"


def sought(query: str) -> list["Sought"]:
    """The parts of a query, each of which has to be found; a picture counts only where there is nothing else."""
    return [one for one in map(Sought, query.split()) if one.words] or [Sought(query.strip())]


@dataclass(frozen=True)
class Sought:
    """What somebody typed between two blanks."""

    term: str

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Its words, which have to stand side by side."""
        return words_unremembered(self.term)

    def is_in(self, text: str) -> bool:
        """Whether it stands there as whole words."""
        if self.words and text.isascii():
            lower = text.lower()
            return all(any(one in lower for one in some) for some in self._letters) and bool(
                self._in_ascii.search(lower)
            )
        return any(map(self._is_in_piece, PIECE.findall(text)))

    def may_be_in_one_of(self, text: str) -> bool:
        """Whether it may stand in one of several texts, which are written one after the other: a no is certain."""
        return not (self.words and text.isascii()) or self.is_in(text)

    @cached_property
    def _letters(self) -> list[list[str]]:
        """Of each word what has to be there at least, which is looked for faster than by a pattern."""
        return [[one.lstrip("0") for one in word.spellings] for word in self.words]

    @cached_property
    def _in_ascii(self) -> re.Pattern[str]:
        """The same rules where all letters are plain: thousands of texts are cut into words in a second, not in a moment."""
        return re.compile(f"(?<!{LETTER}){NO_LETTER.join(map(in_ascii, self.words))}(?!{LETTER})")

    def _is_in_piece(self, piece: str) -> bool:
        if self.words:
            return stands_in(self.words, words_unremembered(piece))
        return bool(sign := as_compared(self.term)) and sign in as_compared(piece)


def in_ascii(word: Word) -> str:
    """How a word looks in plain letters; a number with or without zeros before it."""
    return f"0*{int(word.spellings[0])}" if word.kind == "number" else f"(?:{'|'.join(map(re.escape, word.spellings))})"
