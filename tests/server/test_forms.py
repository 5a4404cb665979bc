"""What a person reads before something is gone, to the letter: each thing recognisable, and all that would be done."""

from types import SimpleNamespace
from typing import Any

import pytest
from mcp.types import ElicitResult

from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, Flipbook, UpdateCollection
from flipsnack_mcp.api.actions.legacy import SetLogo
from flipsnack_mcp.server.consent.form import (
    AS_PLANNED,
    LONGEST_SHOWN,
    LONGEST_TO_TYPE,
    OFFLINE_FOR_NOW,
    SEVERAL_OFFLINE_FOR_NOW,
    sentences_about,
    sentences_about_many,
    value_on_form,
    what_to_type,
)
from flipsnack_mcp.server.consent.many import FOR_GOOD, SEVERAL_FOR_GOOD, sentences_about_deletions
from flipsnack_mcp.server.consent.reply import QUESTION
from flipsnack_mcp.server.consent.yes import brings_no_yes
from flipsnack_mcp.server.tools.changes import what_is_sent
from flipsnack_mcp.workflows.plans.item import Item

LINK = "https://www.flipsnack.com/hearth/summer-fxh4k89.html"


def item(number: int = 0, **more: Any) -> Item:
    known = {"number": number, "collection_hash": f"abc{number}", "title": "Summer", "status": "public"}
    return Item.model_validate({**known, **more})


DATES = {"created_date": "2026-05-01 10:00:00", "publish_date": "May the first"}
LOOKED_AT = {"flipbooks": ("f1", "f2"), "pages": 12, "views": 0, "direct_link": LINK}
RECOGNISED: list[tuple[dict[str, Any], str]] = [
    ({}, '"Summer" (abc0, public)'),
    ({"title": "", "status": "odd"}, 'without a title (abc0, "odd")'),
    (DATES, '"Summer" (abc0, public, created 2026-05-01 10:00:00, published "May the first")'),
    (LOOKED_AT, f'"Summer" (abc0, public, 2 flipbooks, 12 pages, 0 views, link "{LINK}")'),
    ({"flipbooks": ("f1",), "pages": 1, "views": 1}, '"Summer" (abc0, public, 1 flipbook, 1 page, 1 view)'),
    ({"flipbooks": (), "direct_link": "javascript:alert(1)"}, '"Summer" (abc0, public, 0 flipbooks)'),
]


@pytest.mark.parametrize(("known", "line"), RECOGNISED)
def test_what_goes_for_good_has_a_line_of_all_that_is_known_of_it(known: dict[str, Any], line: str) -> None:
    one = sentences_about_deletions((item(**known),))
    two = sentences_about_deletions((item(**known), item(1)))
    assert one == f"Delete 1 collection:\n(1) {line}\n{FOR_GOOD} {AS_PLANNED}"
    assert two == f'Delete 2 collections:\n(1) {line}\n(2) "Summer" (abc1, public)\n{SEVERAL_FOR_GOOD} {AS_PLANNED}'
    assert ("its link and every embed of it" in one, "their links and every embed of them" in two) == (True, True)


def test_what_goes_offline_is_counted_and_each_has_what_else_is_changed_of_it() -> None:
    changed = item(1, day="2026-05-01", new_title="Old", new_description="Gone", new_width=500)
    known = '"Summer" (abc0, public)'
    also = '"Summer" (abc1, public, published 2026-05-01) with the new title "Old" with the description "Gone" with the width 500'
    one, two = sentences_about_many((item(),)), sentences_about_many((item(), changed))
    assert one == f"Take offline 1 collection: {known}. {OFFLINE_FOR_NOW} {AS_PLANNED}"
    assert two == f"Take offline 2 collections: {known}, {also}. {SEVERAL_OFFLINE_FOR_NOW} {AS_PLANNED}"
    assert ("until it is published" in one, "until they are published" in two) == (True, True)


SEEN = Collection(collection_hash="abc0", title="Summer", status="public")
BESIDES: list[tuple[Any, tuple[str, ...], str]] = [
    (DeleteCollection(collection_hash="abc0"), (), "for good."),
    (UpdateCollection(collection_hash="abc0", status="editable"), (), "another link."),
    (
        UpdateCollection(collection_hash="abc0"),
        ('title "A"', "width 5"),
        'another link. Also changed: title "A"; width 5.',
    ),
    (SetLogo(collection_hash="abc0"), ('"logo.png"',), 'does not tell. Sent instead: "logo.png".'),
]


@pytest.mark.parametrize(("action", "more", "end"), BESIDES)
def test_what_else_would_be_done_is_said_at_the_end_or_nothing_is(action: Any, more: tuple[str, ...], end: str) -> None:
    said = sentences_about(SEEN, action, more, "3 views", LINK)
    assert f'the collection "Summer" (abc0): status public, no flipbooks, 3 views, link "{LINK}". ' in said
    assert said.endswith(end)


def test_documents_of_which_no_hash_can_be_shown_are_counted_and_nothing_is_left_behind_their_number() -> None:
    books = [Flipbook(flipbook_hash=one, status="") for one in ("", "\u200b", "f3", "\x1b")]
    alone, beside = (SEEN.model_copy(update={"flipbooks": some}) for some in (books[:2], books))
    said = [
        sentences_about(one, DeleteCollection(collection_hash="abc0"), (), "3 views", None) for one in (alone, beside)
    ]
    assert ("status public, 2 flipbooks, 3 views." in said[0], "4 flipbooks f3, 3 views." in said[1]) == (True, True)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (500, "500"),
        ("", '""'),
        ("x" * LONGEST_SHOWN, f'"{"x" * LONGEST_SHOWN}"'),
        ("x" * (LONGEST_SHOWN + 1), f'"{"x" * (LONGEST_SHOWN - 1)}…" ({LONGEST_SHOWN + 1} characters)'),
    ],
)
def test_a_value_that_is_not_shown_whole_has_its_length(value: str | int, said: str) -> None:
    assert value_on_form(value) == said


async def test_an_action_that_takes_no_document_would_send_what_it_is_given() -> None:
    sent = await what_is_sent(UpdateCollection(collection_hash="abc0", title="Autumn"), None, None)
    assert sent == "collectionHash abc0, title Autumn"


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Summer", "Summer"),
        ("abc", "abc"),
        ("x" * LONGEST_TO_TYPE, "x" * LONGEST_TO_TYPE),
        *((title, "abc0") for title in ("", "ab", "…—…—…", "x" * (LONGEST_TO_TYPE + 1))),
    ],
)
def test_a_title_is_typed_where_that_says_something_and_else_the_hash(title: str, asked: str) -> None:
    typed = what_to_type(Collection(collection_hash="abc0", title=title))
    assert typed == {"expected": asked, "collection_hash": "abc0"}


@pytest.mark.parametrize(
    ("state", "action", "no"),
    [
        *(("sealed", action, action != "accept") for action in ("accept", "decline", "cancel")),
        ("sealed", None, False),
        (None, "decline", False),
    ],
)
def test_only_a_form_of_an_earlier_round_that_comes_back_without_a_yes_is_a_no(
    state: str | None, action: Any, *, no: bool
) -> None:
    replies = {QUESTION: ElicitResult(action=action)} if action else {}
    request: Any = SimpleNamespace(state=state, replies=replies)
    assert brings_no_yes(request) is no
