"""Text in many titles is found as a person writes it; what is not replaced stays as it was, to the last joiner."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.workflows.plans.drafts import Rule

TITLES: dict[str, list[str]] = json.loads(Path(__file__).with_name("titles.json").read_text(encoding="utf-8"))


def test_only_the_part_that_is_found_is_replaced() -> None:
    made = {what: Rule(find, replace).title_of(title) for what, (title, find, replace, _) in TITLES.items()}
    assert made == {what: becomes for what, (*_, becomes) in TITLES.items()}


texts = st.text(
    alphabet=st.sampled_from(list("aé e\u0301\u00a0\u200c\u200d\ufe0f❤👩ب1\u20e3-–\"'’…．ﬁ🇫🇷\u1112\u1161")), max_size=10
)


MARKS = ("\u0301", "\u20e3", "\ufe0f")
"""They belong to what stands before them."""


@given(texts, texts)
def test_what_is_replaced_by_itself_or_not_found_stays_as_it_is(title: str, find: str) -> None:
    assert Rule(find, find).title_of(find) == find
    assert Rule("never there", find).title_of(title) == title


@given(texts, texts, texts)
def test_what_stands_there_exactly_is_found_between_others(before: str, find: str, after: str) -> None:
    plain = f"{before}|{find}|{after}"
    if after[:1] not in MARKS:
        assert Rule(f"|{find}|", "|x|").title_of(plain) == f"{before}|x|{after}"
