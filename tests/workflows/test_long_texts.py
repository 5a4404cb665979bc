"""Words in texts of any length: found as in titles, wherever they stand."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.workflows.searching.long_texts import sought
from flipsnack_mcp.workflows.searching.words import holds_all, words

TITLES = json.loads(Path(__file__).with_name("chosen.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "found"), [("chosen", True), ("left alone", False)])
def test_a_query_finds_what_it_finds_in_a_title(kind: str, *, found: bool) -> None:
    wrong = [(query, text) for query, text in TITLES[kind] if all(one.is_in(text) for one in sought(query)) != found]
    assert wrong == []


@pytest.mark.parametrize("filling", ["word ", "x" * 700 + "\n", "Straße\t", "季節 "])
@pytest.mark.parametrize("wanted", ["needle", "anna@example.com", "Müller"])
def test_a_word_is_found_wherever_it_stands_in_a_long_text(filling: str, wanted: str) -> None:
    text = filling * 100 + wanted + " " + filling * 100
    assert all(one.is_in(text) for one in sought(wanted))
    assert not all(one.is_in(filling * 100) for one in sought(wanted))


def test_nothing_of_what_people_typed_is_remembered() -> None:
    words.cache_clear()
    assert all(one.is_in("Anna Sandström, anna@example.com") for one in sought("sandstrom anna@example.com"))
    assert words.cache_info().currsize == 0


letters = st.text("aB0 5z.-@_", max_size=12)


@given(letters, letters)
def test_in_plain_letters_it_is_found_by_the_rules_of_titles(query: str, text: str) -> None:
    assert all(one.is_in(text) for one in sought(query)) == holds_all(query, text)
