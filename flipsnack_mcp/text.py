"""Somebody else's text: made harmless without losing its meaning, put in quotes, and compared as a person compares."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import accumulate

# Cc control, Cf format (zero-width, direction, tags), Cs surrogates, Co private use, Cn unassigned.
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters and marks that print as nothing: Hangul fillers, combining grapheme joiner, most variation selectors.
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\ufe00-\ufe0d\uffa0\U0001d159\U000e0100-\U000e01ef]")
# Letters, figures and punctuation of Latin, Greek, Cyrillic, Chinese, Japanese and Korean, without a mark of its own.
ORDINARY = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u3001-\u3029"
    "\u3041-\u3098\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9f]*+"
)
LINE_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]")
# The blank of Braille is one between its letters; elsewhere it only looks like a space.
BRAILLE_BLANK = "\u2800"
STRAY_BRAILLE_BLANK = re.compile("(?<![\u2800-\u28ff])\u2800+|(?<!\u2800)\u2800++(?![\u2801-\u28ff])")
WORDS_OF_A_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
BLANKS_IN_A_ROW = re.compile(r"\s{2,}")

# https://unicode.org/reports/tr51, with what is reserved there for pictures to come.
PICTURES = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
# Arabic, Syriac, the scripts of India and their kin, Tibetan, Burmese, Khmer, Mongolian: a joiner makes another letter.
JOINING_SCRIPTS = (
    "\u0600-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1810-\u18af\u1a20-\u1aaf\u1b00-\u1bff\ua8e0-\ua8ff"
    "\ua980-\ua9df\uaa00-\uaa7f\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\U00010d00-\U00010d3f\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
JOINERS, SELECTORS, TAGS = "\u200c\u200d", "\ufe0e\ufe0f", "\U000e0020-\U000e007f"
MONGOLIAN, MONGOLIAN_SELECTORS = "\u1820-\u18aa", "\u180b-\u180d\u180f"
MAYBE_HIDDEN = re.compile(f"[{JOINERS}{SELECTORS}{MONGOLIAN_SELECTORS}\u180e{TAGS}]")
HIDDEN_AT_A_CUT = re.compile(rf"[\s{BRAILLE_BLANK}{MAYBE_HIDDEN.pattern[1:-1]}]+\Z")
# England, Scotland and Wales: the only flags that are written with tags.
FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
KEYCAP = "[0-9#*]\ufe0f?\u20e3"
PICTURE = f"[{PICTURES}][{SELECTORS}]?"
PICTURES_JOINED = f"{FLAGS}|{KEYCAP}|{PICTURE}(?:\u200d{PICTURE})*"
# One joiner behind a letter of such a script, unless a letter of another one is the next that is seen.
JOINER_WITH_A_MEANING = (
    f"(?<=[{JOINING_SCRIPTS}])[{JOINERS}](?={MAYBE_HIDDEN.pattern}*+(?:[{JOINING_SCRIPTS}]|[\\W\\d_]|$))"
)
MONGOLIAN_LETTER = f"(?<=[{MONGOLIAN}])(?:[{MONGOLIAN_SELECTORS}]|\u180e(?=[{MONGOLIAN}]))"
MEANT_OR_HIDDEN = re.compile(
    f"{PICTURES_JOINED}|{JOINER_WITH_A_MEANING}|{MONGOLIAN_LETTER}|(?P<hidden>{MAYBE_HIDDEN.pattern})"
)
# Signs of numbers that print although they are format characters; pictures and ideographs younger than Python's tables.
PRINTS = re.compile(
    "[\u0600-\u0605\u06dd\u070f\U0001f000-\U0001faff\U00020000-\U0002fffd\U00030000-\U0003fffd]|" + MAYBE_HIDDEN.pattern
)

DOUBLE_QUOTES = (
    '"\u00ab\u00bb\u02ba\u02dd\u02ee\u02f6\u05f4\u1cd3\u201c-\u201f\u2033\u2034\u2036\u2037\u2057\u275d\u275e\u2760\u276e\u276f\u2e42'
    "\u300c-\u300f\u301d-\u301f\u3003\ufe41-\ufe44\uff02\uff62\uff63\U0001f676-\U0001f678"
)
SINGLE_QUOTES = (
    "'`\u00b4\u02b9\u02bb-\u02bd\u02c8\u02ca\u02cb\u0374\u0384\u055a\u05f3\u07f4\u07f5\u1fbd\u1fbf\u1fef\u1ffd\u1ffe"
    "\u2018-\u201b\u2032\u2035\u2039\u203a\u275b\u275c\u275f\ua78b\ua78c\uff07\uff40"
)
QUOTES_IN_A_ROW = re.compile(f"[{DOUBLE_QUOTES}{SINGLE_QUOTES}]+")
DASHES = (
    "\\-\u02d7\u058a\u05be\u1400\u1806\u2010-\u2015\u2043\u2053\u207b\u208b\u2212\u2796\u2e17\u2e1a\u2e3a\u2e3b\u2e40"
    "\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\uff5e"
)
ELLIPSES = "\u1801\u22ef\ufe19\u2026"
PLAIN_FORMS = (
    (QUOTES_IN_A_ROW, "'"),
    (re.compile(f"[{DASHES}]+"), "-"),
    (re.compile(f"[{ELLIPSES}]"), "..."),
    (re.compile(BRAILLE_BLANK), " "),
)

WORTH_NAMING = 5
"""Of many things a sentence names so many."""


def cleaned(text: str, limit: int = 300) -> str:
    """One line of what can be seen and what gives that its form, at most `limit` characters long."""
    visible = BLANKS_IN_A_ROW.sub(_one_blank, one_line(text[: limit * 8])).strip()
    return visible if len(visible) <= limit else HIDDEN_AT_A_CUT.sub("", visible[: limit - 1]) + "…"


def one_line(text: str) -> str:
    """The text without line breaks, and without whatever is not seen, unless it forms what is.

    A joiner between pictures or in a script that needs it and a selector behind a picture form something; control,
    direction and tag characters, and joiners elsewhere, hide something or act.
    """
    if text.isprintable() and ORDINARY.fullmatch(text):
        return text
    printed = "".join(_on_their_bases(filter(_prints, BLANK.sub("", LINE_BREAKS.sub(" ", text)))))
    meant = MEANT_OR_HIDDEN.sub(lambda found: "" if found["hidden"] else found[0], printed)
    return STRAY_BRAILLE_BLANK.sub(" ", meant)


def words_of_name(name: str) -> list[str]:
    """The words of a program's name for something, in camelCase or snake_case."""
    return [word.lower() for word in WORDS_OF_A_NAME.findall(name)]


def first_sentence(text: str) -> str:
    """What there is room for in one line of the history."""
    return cleaned(text.split(". ", maxsplit=1)[0], 200)


def shows_nothing(text: str) -> bool:
    """Whether nothing of it is seen. Half a character is something: whoever reads it refuses it."""
    return not one_line(text.encode(errors="replace").decode()).strip()


def first_few(texts: list[str], most: int = WORTH_NAMING) -> list[str]:
    """As many as are worth reading, and how many more there are."""
    return [*texts[:most], f"and {len(texts) - most} more"] if len(texts) > most else texts


def how_many_fit(texts: Iterable[str], room: int) -> int:
    """How many of them have room, one after the other."""
    return sum(so_far <= room for so_far in accumulate(len(one) + 2 for one in texts))


def names_with_room(names: list[str], room: int) -> str:
    """As many names as have room in a text, one at least, and how many more there are."""
    return ", ".join(first_few(names, max(1, how_many_fit(names, room))))


def as_many(count: int, thing: str) -> str:
    """How many there are of a thing, whose plural ends with an s: 1 collection, 2 collections."""
    return f"{count} {thing}{'s' * (count != 1)}"


def few_named(said: str, things: list[str]) -> list[str]:
    """A sentence that names as many things as are worth reading; none where there is nothing."""
    return [f"{said}: {'; '.join(first_few(things))}."] if things else []


def quoted(text: str, limit: int = 300) -> str:
    """The cleaned text in quotation marks that it cannot seem to close: no kind of them stands inside."""
    return '"' + QUOTES_IN_A_ROW.sub("'", cleaned(text, limit)) + '"'


def in_its_own_words(text: str, limit: int = 300) -> str:
    """The cleaned text in quotation marks it cannot close; other kinds inside stay, for whoever sends the text on."""
    return '"' + cleaned(text, limit).replace('"', "'") + '"'


def bare(text: str) -> str:
    """The cleaned text with plain spaces and without joiners and selectors, as a program in between may leave it."""
    return " ".join(MAYBE_HIDDEN.sub("", cleaned(text)).replace(BRAILLE_BLANK, " ").split())


def as_compared(text: str) -> str:
    """What two texts have in common that are one to a person, whatever keyboard they were typed on.

    It compares with the one text that is shown. Two things may fold alike: it never chooses between them.
    """
    seen = _in_plain_forms(MAYBE_HIDDEN.sub("", one_line(text)))
    return " ".join(_in_plain_forms(unicodedata.normalize("NFKC", seen)).split())


def _in_plain_forms(text: str) -> str:
    for marks, plain in PLAIN_FORMS:
        text = marks.sub(plain, text)
    return text


def _one_blank(found: re.Match[str]) -> str:
    return found[0].strip(" ")[:1] or " "


def _prints(one: str) -> bool:
    return unicodedata.category(one) not in INVISIBLE_CATEGORIES or PRINTS.match(one) is not None


def _on_their_bases(characters: Iterable[str]) -> Iterator[str]:
    """Without marks, joiners and selectors on no letter: they would sit on whatever is printed before the text."""
    based = False
    for one in characters:
        if one.isspace() or one == BRAILLE_BLANK:
            based = False
        elif not based and (unicodedata.category(one)[0] == "M" or MAYBE_HIDDEN.match(one)):
            continue
        else:
            based = True
        yield one
