"""The words of titles as people type them: in any order, accents and case folded, and with a slip where that does no harm.

`holds_all` chooses what is changed, deleted or counted: it forgives nothing. `distance` finds what a person looks for.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

from flipsnack_mcp.text import PICTURES, as_compared, bare

SLIPS_FROM = 4
"""Letters that a word has in which a slip is forgiven."""
PREFIX_FROM = 2
MOST_WORDS = 8
"""So many of a query are compared with all words of an account."""
ALIKE = 0.7
"""From where on a word that is no slip of another is near it all the same."""
# Points and accents that people leave out. Marks of other scripts make another letter.
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0640\u064b-\u065f\u0670]")
WITHOUT_PARTS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h"}
)
SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
# Thai, Lao, Burmese, Khmer, Chinese and Japanese are written without spaces between words.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
A_PICTURE = re.compile(f"[{PICTURES}]")
EXACT, BEGINNING, SLIP = 0, 1, 2
TITLES_REMEMBERED = 4096
"""Titles of an account that is searched several times in a row."""


@dataclass(frozen=True)
class Word:
    """One word or number, in the ways in which it can be written."""

    spellings: tuple[str, ...]
    kind: str
    """`number`, `letters`, `mixed`, or `unspaced` where it may be several words."""

    def is_in(self, other: "Word") -> bool:
        """Whether the other one is this word, or holds it where words are not told apart."""
        if self.kind == other.kind == "number":
            return int(self.spellings[0]) == int(other.spellings[0])
        if self.kind == other.kind == "unspaced":
            return self.spellings[0] in other.spellings[0]
        return any(one in other.spellings for one in self.spellings)


def holds_all(query: str, title: str) -> bool:
    """Whether all words and pictures of a query stand in a title, words whole, and those written in one piece side by side."""
    there, wanted = words(title), [found for term in bare(query).split() if (found := words(term))]
    if not wanted:
        return holds_sign(query, title)
    return {*A_PICTURE.findall(query)} <= {*A_PICTURE.findall(title)} and all(stands_in(one, there) for one in wanted)


def holds_sign(query: str, title: str) -> bool:
    """The same of what has no letter and no figure, as a picture."""
    sign = as_compared(query)
    return bool(sign) and sign in as_compared(title)


def stands_in(term: Sequence[Word], there: Sequence[Word]) -> bool:
    """Whether these words stand there side by side."""
    places = range(len(there) - len(term) + 1)
    return any(all(one.is_in(there[place + at]) for at, one in enumerate(term)) for place in places)


def distance(query: str, title: str) -> int | None:
    """How far a title is from what was typed, 0 for every word as it stands there; None where a word is missing."""
    if wanted := parts(query):
        return distance_of(wanted, title)
    return EXACT if holds_sign(query, title) else None


def distance_so_far(query: str, title: str) -> int | None:
    """The same for somebody who is typing still: the last word may be any beginning, of a number too."""
    if (whole := distance(query, title)) is not None:
        return whole
    *before, last = parts(query) or [Word((), "")]
    begins = any(one.startswith(last.spellings) for word in parts(title) for one in word.spellings)
    so_far = distance_of(before, title)
    return so_far + BEGINNING if begins and so_far is not None else None


def distance_of(words_typed: Sequence[Word], title: str) -> int | None:
    """How far a title is from these words."""
    wanted, there = [*dict.fromkeys(words_typed)], parts(title)
    joined = [Word(tuple(a + b for a in one.spellings for b in two.spellings), "letters") for one, two in pairs(there)]
    found, at = 0, 0
    while at < len(wanted):
        step = word_distance(wanted[at], there, joined)
        if step != EXACT and at + 1 < len(wanted) and written_as_one(wanted[at], wanted[at + 1], there):
            step, at = SLIP, at + 1
        if step is None:
            return None
        found, at = found + step, at + 1
    return found


def word_distance(word: Word, there: Sequence[Word], joined: Sequence[Word]) -> int | None:
    """How far the nearest word of a title is from one that was typed; a missing space counts as a slip."""
    if any(word.is_in(one) for one in there):
        return EXACT
    if word.kind != "letters":
        return None
    letters = [spelling for one in there if one.kind == "letters" for spelling in one.spellings]
    if any(len(mine) >= PREFIX_FROM and one.startswith(mine) for mine in word.spellings for one in letters):
        return BEGINNING
    slipped = any(is_a_slip(mine, one) for mine in word.spellings for one in letters)
    return SLIP if slipped or any(word.is_in(one) for one in joined) else None


def written_as_one(first: Word, second: Word, there: Sequence[Word]) -> bool:
    """Whether two words that were typed are one of the title."""
    both = {a + b for a in first.spellings for b in second.spellings}
    return any(one.kind == "letters" and both.intersection(one.spellings) for one in there)


def is_a_slip(typed: str, meant: str) -> bool:
    """Whether one letter is missing, too many, another, or exchanged with its neighbour."""
    short, long = sorted((typed, meant), key=len)
    if len(short) < SLIPS_FROM or len(long) - len(short) > 1:
        return False
    same = next((at for at, (one, other) in enumerate(zip(short, long, strict=False)) if one != other), len(short))
    one, other = short[same:], long[same:]
    exchanged = one[:2] == other[1::-1] and one[2:] == other[2:]
    return one[1:] == other[1:] or one == other[1:] or exchanged


def nearest_titles(query: str, titles: Iterable[str], most: int) -> list[int]:
    """The places of the titles that have the most words of a query, or words like them; none where nothing is alike."""
    every = [{spelling for one in parts(title) for spelling in one.spellings} for title in titles]
    known, wanted = {spelling for one in every for spelling in one}, parts(query)[:MOST_WORDS]
    alike = [{near for mine in one.spellings for near in near_words(mine, known)} for one in wanted]
    counted = [(sum(not some.isdisjoint(one) for some in alike), place) for place, one in enumerate(every)]
    return [place for count, place in sorted(counted, key=lambda one: -one[0])[:most] if count]


def near_words(word: str, known: Iterable[str]) -> set[str]:
    """What a word may have been meant to be. Numbers are only themselves."""
    if any(sign.isdigit() for sign in word):
        return {word}
    return {word, *difflib.get_close_matches(word, known, cutoff=ALIKE)}


def words_unremembered(text: str) -> tuple[Word, ...]:
    """The words of a text; `KW38` is one."""
    return tuple(cut_into_words(text, of_a_word))


@lru_cache(maxsize=TITLES_REMEMBERED)
def words(title: str) -> tuple[Word, ...]:
    """The same of what is searched again and again, and is nobody's secret."""
    return words_unremembered(title)


@lru_cache(maxsize=TITLES_REMEMBERED)
def parts(text: str) -> tuple[Word, ...]:
    """The words of a text, letters and figures apart: `KW38` is two."""
    return tuple(cut_into_words(text, of_a_part))


def cut_into_words(text: str, kind: Callable[[str], str]) -> Iterator[Word]:
    """What stands in a text of one kind side by side, without what is no letter and no figure: pictures among it."""
    for found, signs in groupby(unicodedata.normalize("NFKC", bare(text)), kind):
        run = "".join(signs)
        if found and (spellings := spellings_of(run)):
            yield Word(spellings, kind_of(run))


def of_a_word(sign: str) -> str:
    """What a sign stands in one piece with; nothing for what parts words."""
    if UNSPACED.match(sign):
        return "unspaced"
    return "spaced" if unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) in {"Mn", "Mc"} else ""


def of_a_part(sign: str) -> str:
    """The same, with figures by themselves."""
    return "number" if sign.isdecimal() else of_a_word(sign)


def kind_of(run: str) -> str:
    """The kind of a word."""
    if run.isdecimal():
        return "number"
    if UNSPACED.match(run):
        return "unspaced"
    return "mixed" if any(map(str.isdecimal, run)) else "letters"


def spellings_of(run: str) -> tuple[str, ...]:
    """A word without accents and case; where that is another one, also with them spelled out, as `oe`."""
    lower = run.casefold()
    plain, spelled = (without_accents(one) for one in (lower, lower.translate(SPELLED_OUT)))
    return tuple(filter(None, dict.fromkeys((plain, spelled))))


def without_accents(text: str) -> str:
    """Letters without what people leave out of them."""
    bald = ACCENTS.sub("", unicodedata.normalize("NFKD", text).translate(WITHOUT_PARTS))
    return unicodedata.normalize("NFC", bald)


def pairs(there: Sequence[Word]) -> Iterator[tuple[Word, Word]]:
    """Neighbours that are both letters."""
    return ((one, two) for one, two in pairwise(there) if one.kind == two.kind == "letters")
