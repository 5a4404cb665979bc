"""Somebody else's text made harmless."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.api.parameters import whole_number
from flipsnack_mcp.text import cleaned, few_named, names_with_room, quoted

joined = st.text(
    alphabet=st.sampled_from(
        list(
            '\u200c\u200d\ufe0e\ufe0f👨👩🏽❤1\u20e3بक\u094dᠠ\u180b\u180e\u2800⠓a \u00a0\u0301\U0001f3f4\U000e0067\U000e0062\U000e007f"”'
        )
    )
)
texts = joined | st.text() | st.text(alphabet=st.sampled_from(list('a" \n\t\u200b\u202e\U000e0041\ufe0f\u2028\x85\x1c\u3164\u00ad'))) | st.text(
    min_size=250, max_size=700
)  # fmt: skip


WITHOUT_FLAGS = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{5}\U000e007f")
MAY_STAND = re.compile("[\u200c\u200d\u180e\u0600-\u0605\u06dd\u070f]")
YOUNG = re.compile("[\U0001f000-\U0001faff\U00020000-\U0003ffff]")


def is_hidden(one: str) -> bool:
    """Joiners have tables of their own; a character that these tables do not know yet may be a picture."""
    category = unicodedata.category(one)
    shown = MAY_STAND.match(one) or (category == "Cn" and YOUNG.match(one))
    return category in {"Zl", "Zp"} or (category[0] == "C" and not shown)


@pytest.mark.parametrize(
    ("things", "named"),
    [
        ([], []),
        (["a"], ["Left: a."]),
        (list("abcde"), ["Left: a; b; c; d; e."]),
        (list("abcdef"), ["Left: a; b; c; d; e; and 1 more."]),
        (list("abcdefgh"), ["Left: a; b; c; d; e; and 3 more."]),
    ],
)
def test_five_are_named_and_the_others_counted(things: list[str], named: list[str]) -> None:
    assert few_named("Left", things) == named


def test_as_many_names_are_told_as_have_just_the_room() -> None:
    names = ["abc", "de", "f"]
    told = [names_with_room(names, room) for room in (0, 8, 9, 11, 12)]
    assert told == [*["abc, and 2 more"] * 2, *["abc, de, and 1 more"] * 2, "abc, de, f"]


@given(texts)
@example("a \u200b b")
@example("a\u200b\n\u200bb")
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)


@given(texts, st.integers(1, 400))
def test_cleaned_text_is_one_short_visible_line(text: str, limit: int) -> None:
    shown = cleaned(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert shown == shown.strip()
    assert [ascii(one) for one in WITHOUT_FLAGS.sub("", shown) if is_hidden(one)] == []
    assert shown.encode().decode() == shown


@given(texts)
def test_a_quotation_cannot_be_closed_from_inside(text: str) -> None:
    shown = quoted(text)
    assert (shown[0], shown[-1]) == ('"', '"')
    assert '"' not in shown[1:-1]


# Lines, direction and zero width, tags, variation selectors, fillers, terminal codes, half a character, a hard space.
SHOWN = [
    *(("Été & jardin, 目录 🎉", "Été & jardin, 目录 🎉"), (" a\r\n\tb ", "a b"), ("a\u202eb\u2066c\u200bd", "abcd")),
    *(("a\U000e0041\U000e0042", "a"), ("a\ufe0f\U000e0100", "a"), ("\u3164\u115f\u1160\uffa0", "")),
    *(("a\x1b[31mb\x07", "a[31mb"), ("a\ud800b", "ab"), ("a\u00a0b", "a\u00a0b"), ("a \u200b b", "a b")),
    ("x" * 301, "x" * 299 + "…"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN, ids=lambda text: ascii(text[:20]))
def test_what_cannot_be_seen_is_taken_out(text: str, shown: str) -> None:
    assert cleaned(text) == shown


NO_NUMBERS: tuple[object, ...] = ("", "n/a", None, True, False, [], {}, 10**30, "1e999", float("nan"), float("inf"))
NUMBERS = [(5, 5), ("5", 5), (" 5 ", 5), ("1,234", 1234), (5.6, 6), ("5.4", 5), ("1e3", 1000), (-2, -2), (10**15,) * 2]


@pytest.mark.parametrize(("value", "number"), [*NUMBERS, *((one, None) for one in NO_NUMBERS)], ids=repr)
def test_a_whole_number_is_read_or_is_none(value: object, number: int | None) -> None:
    assert whole_number(value) == number
