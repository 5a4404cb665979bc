"""What people typed into a form is not for the model to read."""

import pytest

from flipsnack_mcp.server.safety.masking import mask


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        pytest.param("ada@example.com", "a***@example.com", id="address"),
        pytest.param("Ada", "A***", id="word"),
        pytest.param("mail bob@x.com, my number is 555 1234. Bob Smith", "m***", id="address in a sentence"),
        pytest.param("Meet @ 12 Baker St. London", "M***", id="at sign in a sentence"),
        pytest.param("ada@home", "a***", id="no domain"),
        pytest.param("a@b@example.com", "a***", id="two at signs"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_an_answer_is_its_first_character_and_an_address_keeps_its_domain(typed: str, shown: str) -> None:
    assert mask({"message": typed}) == {"message": shown}


def test_which_form_and_when_is_nobodys_secret() -> None:
    fields = {"flipbook_hash": "abc", "formTitle": "Contact", "timestamp": "1700000000"}
    assert mask(fields) == fields
