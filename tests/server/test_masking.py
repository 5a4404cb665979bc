"""What people typed into a form is not for the model to read."""

import pytest

from flipsnack_mcp.server.safety.masking import mask, mask_answers

MASKED = {
    "address": ("ada@example.com", "a***@example.com"), "word": ("Ada", "A***"), "no domain": ("ada@home", "a***"),
    "address in a sentence": ("mail bob@x.com, my number is 555 1234. Bob Smith", "m***"), "nothing": ("", ""),
    "at sign in a sentence": ("Meet @ 12 Baker St. London", "M***"), "two at signs": ("a@b@example.com", "a***"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "shown"), MASKED.values(), ids=list(MASKED))
def test_an_answer_is_its_first_character_and_an_address_keeps_its_domain(typed: str, shown: str) -> None:
    assert mask({"message": typed}) == {"message": shown}


def test_which_form_and_when_is_nobodys_secret() -> None:
    fields = {"flipbook_hash": "abc", "formTitle": "Contact", "timestamp": "1700000000"}
    assert mask(fields) == fields


def test_of_what_came_by_a_webhook_no_name_of_a_field_is_believed() -> None:
    typed = {"type": "Ada", "form_title": "Lovelace", "customers.ada@example.com.id": "1815"}
    assert dict(mask_answers(typed)) == {"type": "A***", "form_title": "L***", "c***@example.com.id": "1***"}
