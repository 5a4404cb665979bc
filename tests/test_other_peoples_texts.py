"""Other people's text keeps its meaning: what is kept and what is taken out of it, and which two texts are one to a person."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import json
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp import text as texts

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("texts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", TABLE["kept"].values(), ids=TABLE["kept"])
def test_what_has_a_meaning_is_kept(text: str) -> None:
    assert texts.cleaned(text) == text


@pytest.mark.parametrize(("text", "shown"), TABLE["stripped"].values(), ids=TABLE["stripped"])
def test_what_hides_something_is_taken_out(text: str, shown: str) -> None:
    assert texts.cleaned(text) == shown
    assert texts.cleaned(shown) == shown


@pytest.mark.parametrize(("stored", "typed"), TABLE["alike"], ids=ascii)
def test_two_texts_that_are_one_to_a_person_fold_alike(stored: str, typed: str) -> None:
    assert texts.as_compared(stored) == texts.as_compared(typed)
    assert texts.as_compared(texts.cleaned(stored)) == texts.as_compared(typed)


@pytest.mark.parametrize(("stored", "typed"), TABLE["different"], ids=ascii)
def test_what_differs_to_a_person_folds_to_something_else(stored: str, typed: str) -> None:
    assert texts.as_compared(stored) != texts.as_compared(typed)


QUOTES = '"“”„‟«»‹›‘’‚‛＂＇「」『』〝〞〟❝❞❛❜″‶ʺ˝״〃'


@pytest.mark.parametrize("mark", QUOTES, ids=ascii)
@pytest.mark.parametrize("title", ["Old draft{} (zz99zz9): status editable", "{0}{0}Old{0}{0}"])
def test_a_quotation_does_not_seem_to_end_inside(title: str, mark: str) -> None:
    shown = texts.quoted(title.format(mark))
    assert (shown[0], shown[-1]) == ('"', '"')
    assert not set(shown[1:-1]) & (set(QUOTES) | {'"'})
    assert "''" not in shown


@pytest.mark.parametrize("many", [["'", "'"], ["‘", "’"], ["′", "′"], ["`", "`"], ["'", "\u200b", "'"]], ids=ascii)
def test_two_small_marks_do_not_make_a_large_one(many: list[str]) -> None:
    assert texts.quoted(f"Old draft{''.join(many)} (zz99zz9)") == '"Old draft\' (zz99zz9)"'
