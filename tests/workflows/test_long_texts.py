"""Words in texts of any length: found as in titles, wherever they stand."""

import json
from pathlib import Path

import pytest

from flipsnack_mcp.workflows.searching.long_texts import sought

TITLES = json.loads(Path(__file__).with_name("chosen.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "found"), [("chosen", True), ("left alone", False)])
def test_a_query_finds_what_it_finds_in_a_title(kind: str, *, found: bool) -> None:
    wrong = [
        (query, text) for query, text in TITLES[kind] if all(one.stands_in(text) for one in sought(query)) != found
    ]
    assert wrong == []


@pytest.mark.parametrize("filling", ["word ", "x" * 700 + "\n", "Straße\t", "季節 "])
@pytest.mark.parametrize("wanted", ["needle", "anna@example.com", "Müller"])
def test_a_word_is_found_wherever_it_stands_in_a_long_text(filling: str, wanted: str) -> None:
    text = filling * 100 + wanted + " " + filling * 100
    assert all(one.stands_in(text) for one in sought(wanted))
    assert not all(one.stands_in(filling * 100) for one in sought(wanted))
