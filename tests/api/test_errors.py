"""Every documented code has its error, and every error says four things and no secret."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.api import cleaned, errors
from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.exchange import no_answer
from flipsnack_mcp.api.wire import unreadable
from tests.api.asking import every_action, sampled
from tests.samples_of import meaning

REFUSALS: list[tuple[int, str, str]] = json.loads(Path(__file__).with_name("refusals.json").read_bytes())
DOCUMENTED = [(code, message, getattr(errors, kind)) for code, message, kind in REFUSALS]


@pytest.mark.parametrize(("code", "message", "kind"), [pytest.param(*row, id=str(row[0])) for row in DOCUMENTED])
def test_every_documented_code_has_its_error(code: int, message: str, kind: type[errors.RefusedError]) -> None:
    error = errors.refusal(code, message)
    assert type(error) is kind
    assert str(error).startswith(f'Flipsnack refused with code {code} "{message}". Nothing was changed.')


def test_what_flipsnack_does_not_offer_is_not_put_down_to_the_arguments() -> None:
    assert "arguments, if any were given" in errors.refusal(40, "Bad request").next_step  # some tools take none
    assert "does not offer this" in errors.refusal(42, "Invalid action").next_step


def test_just_the_documented_codes_are_mapped_and_with_them_all_that_an_action_names() -> None:
    assert sorted(errors.BY_CODE) == [code for code, _, _ in DOCUMENTED]
    assert {code for kind in ACTIONS for code in (*kind.codes, *errors.ANY_ACTION)} <= errors.BY_CODE.keys()


SPOKEN = [(code, "New upload") for code in (0, 20, 21, 30, 31, 33, 36, 45, 48, 99, 500, 999999)]
SPOKEN += [(32, text) for text in ("Uploads per month exceeded", "monthly UPLOAD limit reached", "upload")]


@pytest.mark.parametrize(("code", "message"), SPOKEN)
def test_a_32_that_speaks_of_uploads_is_the_quota_and_no_other_code_is(code: int, message: str) -> None:
    error = errors.refusal(code, message)
    by_code = errors.BY_CODE.get(code, errors.RefusedError)
    assert type(error) is (errors.QuotaExceededError if code == 32 else by_code)
    assert f'code {code} "{message}"' in str(error)


def assert_says_four_things(error: errors.FlipsnackError) -> None:
    parts = (error.happened, error.changed.value, error.again, error.next_step)
    assert all(len(part) > 10 and part.endswith((".", "?", "!")) for part in parts), parts
    assert str(error) == " ".join(parts)
    assert "://" not in str(error)
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [*(errors.refusal(*row[:2]) for row in DOCUMENTED), errors.refusal(99, ""), errors.OutOfTimeError(12.4)],
    ids=lambda error: str(error)[:40],
)
def test_every_error_says_four_things(error: errors.FlipsnackError) -> None:
    assert_says_four_things(error)


def test_the_tree_in_the_docstring_names_every_error_and_every_code() -> None:
    tree = (errors.__doc__ or "").split("\n\n")[1]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(kind.__name__ in tree for kind in kinds)
    for code, kind in errors.BY_CODE.items():
        (line,) = [line for line in tree.splitlines() if kind.__name__ in line]
        assert str(code) in line


@given(st.integers(0, 100), st.text())
def test_flipsnacks_own_words_stay_in_their_quotes(code: int, message: str) -> None:
    text = str(errors.refusal(code, message))
    assert len(text.splitlines()) == 1
    assert text.count('"') in {0, 2}
    hidden = {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert not [one for one in text if unicodedata.category(one) in hidden]
    assert cleaned(text, 1000) == text, "a format character stays only where it is needed"
    assert len(text) < 500


@every_action
def test_only_after_a_write_on_its_way_something_may_have_been_changed(kind: type[Action[Any]]) -> None:
    action = sampled(kind)
    lost, unsent = (no_answer(action, never_left=never_left) for never_left in (False, True))
    assert (lost.changed is errors.Changed.PERHAPS) is (meaning(kind.api_name).effect != "reads")
    assert unsent.changed is errors.Changed.NOTHING
    for error in (lost, unsent, unreadable(action, "it is odd")):
        assert_says_four_things(error)
