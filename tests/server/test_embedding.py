"""get_embed_code: only of what readers will see, and with a word where a pasted code would look wrong."""

import re
from typing import Any

import pytest

from tests.server.bench import Bench, Said
from tests.server.revisions import newer

LOOK, EMBED = "collection.getCollection", "collection.getEmbed"
PAGES = 16

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


@pytest.fixture
def wanted(bench: Bench) -> dict[str, Any]:
    """A collection of one flipbook of 16 pages, 650 x 385."""
    collection = bench.sandbox.account.add(title="Summer menu", pages=PAGES)
    assert (collection.width, collection.height) == (650, 385)
    return {"collection_hash": collection.hash}


async def embedded(bench: Bench, arguments: dict[str, Any]) -> Said:
    said = await bench.send("get_embed_code", arguments)
    assert not said.is_error, said.text
    return said


async def test_a_draft_gets_no_code_but_the_call_that_publishes_it(bench: Bench) -> None:
    draft = bench.sandbox.account.add(title="Not yet", status="editable")
    said = await bench.call("get_embed_code", collection_hash=draft.hash)
    assert said.is_error
    assert f'"Not yet" ({draft.hash}) is a draft' in said.text
    assert f'update_collection(collection_hash="{draft.hash}", status="unlisted")' in said.text
    assert bench.requests == [LOOK]


async def test_after_the_call_that_was_named_there_is_a_code(bench: Bench) -> None:
    draft = bench.sandbox.account.add(title="Not yet", status="editable")
    async with bench.assistant() as assistant:
        await assistant.call("get_embed_code", collection_hash=draft.hash)
        published = await assistant.call("update_collection", collection_hash=draft.hash, status="unlisted")
        said = await assistant.call("get_embed_code", collection_hash=published.data["collection_hash"])
    assert "<iframe" in said.data["embed_code"]
    assert said.data["warnings"] == []


async def test_a_failed_conversion_gets_no_code(bench: Bench) -> None:
    failed = bench.sandbox.account.add(title="Broken", conversion="failed")
    said = await bench.call("get_embed_code", collection_hash=failed.hash)
    assert said.is_error
    assert f'The conversion of "Broken" ({failed.hash}) failed' in said.text
    assert "create_collection" in said.text
    assert bench.requests == [LOOK]


async def test_a_draft_whose_conversion_failed_is_not_sent_to_be_published(bench: Bench) -> None:
    failed = bench.sandbox.account.add(title="Scan", status="editable", conversion="failed")
    said = await bench.call("get_embed_code", collection_hash=failed.hash)
    assert said.is_error
    assert f'The conversion of "Scan" ({failed.hash}) failed' in said.text
    assert "ublish" not in said.text


@pytest.mark.parametrize("conversion", ["complete", "failed"])
async def test_a_read_only_server_names_no_call_that_is_not_there(bench: Bench, conversion: str) -> None:
    draft = bench.sandbox.account.add(title="Not yet", status="editable", conversion=conversion)
    said = await bench.send("get_embed_code", {"collection_hash": draft.hash}, read_only=True)
    assert said.is_error
    assert not re.search(r"update_collection|create_collection", said.text)
    assert "Tell the person" in said.text


async def test_what_is_still_being_converted_gets_its_code_with_a_word(bench: Bench) -> None:
    coming = bench.sandbox.account.add(title="Coming", conversion="processing")
    said = await embedded(bench, {"collection_hash": coming.hash})
    assert ["still being converted" in one for one in said.data["warnings"]] == [True]


async def test_one_look_of_the_last_seconds_is_enough(bench: Bench, wanted: dict[str, Any]) -> None:
    async with bench.assistant() as assistant:
        await assistant.call("get_collection", wanted)
        for page in (1, 2):
            await assistant.call("get_embed_code", **wanted, start_page=page)
    assert bench.requests.count(LOOK) == 1
    assert bench.requests.count(EMBED) == 2


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, ""), ({"start_page": PAGES}, ""), ({"start_book": 1, "start_page": 2}, ""), ({"width": 1300, "height": 770}, ""),
        ({"width": 300, "height": 300}, ""), ({"width": 652}, ""),
        ({"start_page": PAGES + 1}, "start_page=17 lies beyond the end: the flipbook has 16 pages."),
        ({"start_page": 99, "start_book": 1}, "start_page=99 lies beyond the end"),
        ({"start_book": 2}, "start_book=2 lies beyond the end: it has 1 flipbook."),
        ({"start_book": 4, "start_page": 99}, "start_book=4 lies beyond the end"),
        ({"width": 800}, "The code is 800 x 385 pixels and the collection 650 x 385, so that edges stay empty. width=800 with height=474 fits."),
        ({"height": 770}, "The code is 650 x 770 pixels and the collection 650 x 385, so that edges stay empty. width=1300 with height=770 fits."),
        ({"responsive": True}, "paste in_container instead"),
    ],
)  # fmt: skip
async def test_what_would_look_wrong_is_said(
    bench: Bench, wanted: dict[str, Any], given: dict[str, Any], warned: str
) -> None:
    said = await embedded(bench, {**wanted, **given})
    assert [warned in one for one in said.data["warnings"]] == [True] * bool(warned)
    assert "<iframe" in said.data["embed_code"]


async def test_pages_that_are_not_told_are_not_counted(bench: Bench, wanted: dict[str, Any]) -> None:
    item = {"itemHash": "a1", "status": "complete"}
    bench.answers(LOOK, {"collectionHash": wanted["collection_hash"], "collectionStatus": "public", "items": [item]})
    said = await embedded(bench, {**wanted, "start_page": 9999, "width": 800})
    assert said.data["warnings"] == []


@pytest.mark.parametrize(("size", "share"), [((650, 385), 59.23), ((1000, 2000), 200.0), ((None, None), 59.23)])
async def test_a_responsive_code_comes_in_a_container_that_is_as_high_as_its_pages(
    bench: Bench, wanted: dict[str, Any], size: tuple[int | None, int | None], share: float
) -> None:
    facts = {"collectionWidth": size[0], "collectionHeight": size[1], "collectionStatus": "public", **wanted}
    bench.answers(LOOK, facts)
    said = await embedded(bench, {**wanted, "responsive": True})
    whole, code = said.data["in_container"], said.data["embed_code"]
    assert whole.count(code) == 1
    assert re.findall(r"padding-top:([0-9.]+)%", whole) == [f"{share:.2f}"]
    assert whole.count("<div ") == whole.count("</div>") == 2
    assert f"in_container: `{whole}`" in said.text
    assert "in_container" not in (await embedded(bench, wanted)).data


@pytest.mark.parametrize("responsive", [True, False])
async def test_a_width_beyond_all_that_there_is_counts_as_none(
    bench: Bench, wanted: dict[str, Any], *, responsive: bool
) -> None:
    bench.answers(LOOK, {"collectionTitle": "T", "collectionWidth": 10**400, "collectionHeight": 385})
    said = await embedded(bench, {**wanted, "responsive": responsive})
    assert "<iframe" in said.data["embed_code"]
