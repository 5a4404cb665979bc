"""What a person types to confirm: compared as a person compares, and nothing is ever confirmed by typing nothing."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import json
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.server.consent import asking, form
from flipsnack_mcp.server.consent.form import Preview
from tests.server.bench import Bench, Person, types

TABLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "texts.json").read_text(encoding="utf-8"))
DELETE, DELETED = "delete_collection", "collection.deleteCollection"
ONE_REVISION = pytest.mark.parametrize("mode", ["auto"])

TYPED: dict[str, list[Any]] = json.loads(Path(__file__).with_name("typed.json").read_text(encoding="utf-8"))
NOTHING: list[str] = TYPED["nothing"]
EMPTY_TITLES: list[str] = TYPED["titles"]
"""Dots, dashes, quotes, joiners, blanks, pictures, and what has one or two letters."""


def preview_of(title: str, collection_hash: str = "fxh4k89") -> Preview:
    collection = Collection(collection_hash=collection_hash, title=title)
    return Preview(text="", target=f"{collection_hash}/", seen="", **form.what_to_type(collection))


@pytest.mark.parametrize("title", EMPTY_TITLES, ids=ascii)
def test_a_text_that_folds_to_nothing_never_confirms(title: str) -> None:
    preview = preview_of(title)
    assert preview.expected == "fxh4k89"
    answers = (*NOTHING, *(one for one in EMPTY_TITLES if one != "fxh4k89"), title, title * 2)
    assert [ascii(one) for one in answers if form.confirms(one, preview)] == []


@pytest.mark.parametrize("expected", NOTHING, ids=ascii)
def test_not_even_a_preview_that_asks_for_nothing_is_confirmed_by_nothing(expected: str) -> None:
    preview = Preview(text="", target="x/", seen="", expected=expected)
    assert [ascii(one) for one in NOTHING if form.confirms(one, preview)] == []


@ONE_REVISION
async def test_a_form_sent_back_with_nothing_in_it_deletes_nothing(bench: Bench) -> None:
    """Some of them: that none of all ever confirms is proven above."""
    person, wrong, some = Person(types("")), list[str](), [*zip(EMPTY_TITLES, NOTHING * 2, strict=False)][::4]
    async with bench.assistant(person) as assistant:
        for title, typed in some:
            collection = bench.sandbox.account.add(title=title)
            person.answer = types(typed if typed != "\ud800" else "")  # no client can send half a character
            said = await assistant.call(DELETE, collection_hash=collection.hash)
            refused = said.is_error and said.text.endswith("Nothing was changed.")
            if not refused or not person.forms[-1].endswith(f'type "{collection.hash}".'):
                wrong.append(ascii((title, typed, said.text)))
    assert wrong == []
    assert len(person.forms) == len(some)
    assert bench.sandbox.carried_out(DELETED) == []


@pytest.mark.parametrize(("title", "typed"), TABLE["alike"], ids=ascii)
def test_what_is_one_to_a_person_confirms(title: str, typed: str) -> None:
    preview = preview_of(title)
    assert preview.expected != "fxh4k89"
    assert form.confirms(typed, preview)
    assert form.confirms(title, preview)
    assert form.confirms(preview.expected, preview)


@pytest.mark.parametrize(("title", "typed"), TABLE["different"], ids=ascii)
def test_what_is_another_to_a_person_does_not(title: str, typed: str) -> None:
    assert not form.confirms(typed, preview_of(title))


HASHES = ("fxh4k89", " fxh4k89\n", "\u200bfxh4k89\ufeff", "\u00a0fxh4k89")
NO_HASHES = (
    "fxh4k88",
    "Fxh4k89",
    "fxh4k8",
    "fxh4k899",
    "fxh4k89/",
    "xh4k89",
    "offline",
    "fxh4-k89",
    "fxh4k89 fxh4k89",
    "…",
)


@pytest.mark.parametrize("title", ["Spring catalogue", "", "👍", "x" * 90])
def test_the_hash_always_counts_and_no_other(title: str) -> None:
    preview = preview_of(title)
    assert all(form.confirms(one, preview) for one in HASHES)
    assert [one for one in NO_HASHES if form.confirms(one, preview)] == []


@pytest.mark.parametrize("number", ["2", " 2 ", "２", "2\u200b"], ids=ascii)
def test_a_plan_is_confirmed_by_its_number_alone(number: str) -> None:
    preview = Preview(text="", target="offline/0123", seen="", expected="2")
    assert form.confirms(number, preview)
    wrong = (*NOTHING, "1", "22", "offline", "offline/0123", "-2", "two")
    assert [one for one in wrong if form.confirms(one, preview)] == []


@ONE_REVISION
@pytest.mark.parametrize(("title", "typed"), TYPED["stored and typed"], ids=ascii)
async def test_a_title_typed_on_any_keyboard_deletes_it(bench: Bench, title: str, typed: str) -> None:
    collection = bench.sandbox.account.add(title=title)
    said = await bench.send(DELETE, {"collection_hash": collection.hash}, Person(types(typed)))
    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(DELETED)) == 1


@ONE_REVISION
async def test_the_hash_typed_instead_of_the_title_deletes_it_and_that_of_another_does_not(bench: Bench) -> None:
    collection, other = bench.sandbox.account.add(title="Spring catalogue"), bench.sandbox.account.add(title="Autumn")
    wrong = await bench.send(DELETE, {"collection_hash": collection.hash}, Person(types(other.hash)))
    assert wrong.is_error
    assert bench.sandbox.carried_out(DELETED) == []
    person = Person(types(collection.hash))
    said = await bench.send(DELETE, {"collection_hash": collection.hash}, person)
    assert not said.is_error, said.text
    assert person.forms[0].endswith('type "Spring catalogue".')


ENDS = [
    f"Old draft{mark} (zz99zz9): status editable, no flipbooks, 0 views. It is a draft." for mark in TYPED["quotes"]
]


@ONE_REVISION
async def test_a_title_in_a_form_does_not_seem_to_end_its_quotation(bench: Bench) -> None:
    person, inside = Person(types("x")), dict[str, str]()
    async with bench.assistant(person) as assistant:
        for title in ENDS:
            await assistant.call(DELETE, collection_hash=bench.sandbox.account.add(title=title).hash)
            inside[title] = person.forms[-1].partition('collection "')[2].partition('"')[0]
    assert inside == dict.fromkeys(ENDS, "Old draft' (zz99zz9): status editable, no flipbooks, 0 views. It is a draft.")


@ONE_REVISION
async def test_a_link_that_is_none_is_not_shown_as_one(bench: Bench) -> None:
    person, shown = Person(types("x")), list[str]()
    async with bench.assistant(person) as assistant:
        for number, link in enumerate(TYPED["links"]):
            one = f"abc{number:04}"
            data = {"collectionHash": one, "collectionTitle": "A", "collectionStatus": "public", "directLink": link}
            bench.sandbox.clear_faults()
            bench.answers("collection.getCollection", data, times=0)
            await assistant.call(DELETE, collection_hash=one)
            looked = await assistant.call("get_collection", collection_hash=one, wait_seconds=0)
            form = person.forms[-1]
            if link.strip() in form or 'link "' in form or f"direct_link: {link.strip()}" in looked.text:
                shown.append(link)
    assert shown == []
    assert len(person.forms) == len(TYPED["links"])


@ONE_REVISION
async def test_a_title_goes_back_to_flipsnack_as_it_was_told(bench: Bench) -> None:
    """Listed, looked at, changed with what was shown: the collection has every character of both."""
    bench.sandbox.account.collections.clear()
    kept = {name: bench.sandbox.account.add(title=title) for name, title in TABLE["kept"].items()}
    lost = list[tuple[str, object]]()
    async with bench.assistant(calls_per_second=100, calls_per_minute=1000) as assistant:
        listed = await assistant.call("list_collections", limit=100)
        titles = {one["collection_hash"]: one["title"] for one in listed.data["collections"]}
        for name, collection in kept.items():
            title, target = collection.title, {"collection_hash": collection.hash}
            looked = await assistant.call("get_collection", target, wait_seconds=0)
            changed = await assistant.call("update_collection", target, title=f"{looked.data['title']}!")
            told = (titles[collection.hash], looked.data["title"], f'title: "{title}"' in looked.text)
            if told != (title, title, True) or changed.is_error or collection.title != f"{title}!":
                lost.append((name, told))
    assert lost == []


FOUND = [
    ["Prix\u00a0: 5\u00a0€", "Prix : 5", "Prix : 6", "Prix : 6\u00a0€"],
    ["Sale ❤\ufe0f 2025–2026", "2025-2026", "2026–2027", "Sale ❤\ufe0f 2026–2027"],
    ["کتاب\u200cها 2025", "2025", "2026", "کتاب\u200cها 2026"],
    ["L’été 👨\u200d👩\u200d👧", "L'été", "L’hiver", "L’hiver 👨\u200d👩\u200d👧"],
]


@ONE_REVISION
@pytest.mark.parametrize(("title", "find", "replace", "becomes"), FOUND, ids=ascii)
async def test_a_plan_finds_what_a_person_writes_and_flipsnack_gets_the_rest_as_it_was(
    bench: Bench, title: str, find: str, replace: str, becomes: str
) -> None:
    collection = bench.sandbox.account.add(title=title)
    async with bench.assistant() as assistant:
        given = {"collections": [collection.hash], "find": find, "replace": replace}
        planned = await assistant.call("update_collections", given)
        done = await assistant.call("update_collections", plan_id=planned.data["plan_id"])
    assert planned.data["items"][0]["new_title"] == becomes
    assert done.data["counts"]["done"] == 1
    assert collection.title == becomes


@pytest.mark.parametrize(("title", "told"), [("Summer catalogue 2026", True), ("…", False)])
def test_a_form_says_that_the_hash_counts_as_well_only_where_something_else_is_asked_for(
    title: str, *, told: bool
) -> None:
    preview = preview_of(title)
    assert ("Its hash counts as well." in asking.question(preview).message) is told
