"""Small words that save a person a wrong step: which document goes, what stays, what was asked for, and why a tool is missing."""

import pytest
from mcp import MCPError

from flipsnack_mcp.sandbox.account import Item
from flipsnack_mcp.server.instructions import CHANGES_NOTHING
from tests.server.bench import Bench, Person, declines, types, types_what_is_asked


async def test_a_form_tells_which_document_goes_by_its_place_and_pages(bench: Bench) -> None:
    collection = bench.sandbox.account.add(title="Two in one", pages=16)
    collection.items.append(Item(bench.sandbox.account.new_item_hash(), "Price list", 4, 0.0))
    person, wanted = Person(declines), collection.items[1].hash
    await bench.send("delete_flipbook", {"collection_hash": collection.hash, "flipbook_hash": wanted}, person)
    (form,) = person.forms
    assert f'Delete flipbook 2 of 2 (4 pages, {wanted}) of the collection "Two in one" ({collection.hash})' in form


@pytest.mark.parametrize(("length", "shown"), [(200, True), (480, True), (900, False)])
async def test_a_link_in_a_form_opens_or_is_left_out(bench: Bench, length: int, shown: bool) -> None:  # noqa: FBT001
    wanted = bench.collection().hash
    link = f"https://www.flipsnack.com/{'a' * (length - 31)}.html"
    bench.answers("collection.getCollection", {"collectionHash": wanted, "collectionTitle": "Long", "directLink": link})
    person = Person(declines)
    await bench.send("delete_collection", {"collection_hash": wanted}, person)
    (form,) = person.forms
    assert (f'link "{link}"' in form) is shown
    assert ("no link that can be shown" in form) is not shown


@pytest.mark.parametrize("several", [False, True], ids=["of one", "of several"])
async def test_a_link_as_flipsnack_documents_it_is_shown_in_the_form(bench: Bench, several: bool) -> None:  # noqa: FBT001
    wanted, link = bench.collection().hash, "http://www.flipsnack.com/user/lorem-ipsum.html"
    row = {"collectionHash": wanted, "collectionTitle": "Lorem ipsum", "collectionStatus": "public", "directLink": link}
    bench.answers("collection.getList", {"collectionsCount": "1", "collections": [row]})
    bench.answers("collection.getCollection", row)
    person = Person(declines)
    async with bench.assistant(person) as assistant:
        if several:
            plan = await assistant.call("delete_collections", collections=[wanted])
            await assistant.call("delete_collections", plan_id=plan.data["plan_id"])
        else:
            await assistant.call("delete_collection", collection_hash=wanted)
    (form,) = person.forms
    assert link in form


@pytest.mark.parametrize("tool", ["delete_logo", "delete_background_image"])
async def test_what_is_removed_of_a_collection_is_not_the_collection(bench: Bench, tool: str) -> None:
    said = await bench.send(tool, {"collection_hash": bench.collection().hash}, Person(types_what_is_asked))
    assert said.data["removed"].endswith("; the collection stays")
    assert f"removed: {said.data['removed']}" in said.text
    gone = await bench.send(
        "delete_collection", {"collection_hash": bench.collection().hash}, Person(types_what_is_asked)
    )
    assert "removed" not in gone.data


async def test_who_typed_something_else_is_told_what_was_asked_for(bench: Bench) -> None:
    collection = bench.collection()
    said = await bench.send("delete_collection", {"collection_hash": collection.hash}, Person(types("weekly 38")))
    assert said.is_error
    assert f'than what was asked for, "{collection.title}".' in said.text
    assert "weekly 38" not in said.text


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_missing_tool_says_that_the_server_is_read_only_whatever_it_is_called(
    bench: Bench,
    read_only: bool,  # noqa: FBT001
) -> None:
    told = list[str]()
    async with bench.assistant(read_only=read_only) as assistant:
        for name in ("delete_collection_now", "delete_collection") if read_only else ("delete_collection_now",):
            try:
                told.append((await assistant.call(name, collection_hash="x")).text.replace(name, "it"))
            except MCPError as error:
                told.append(str(error).replace(name, "it"))
    assert len(set(told)) == 1
    assert (CHANGES_NOTHING in told[0]) is read_only
    assert "The tools are: list_collections, " in told[0]


async def test_a_refused_file_is_not_told_in_one_breath_to_try_and_not_to_try(bench: Bench) -> None:
    said = await bench.call("create_collection", file_path="no-such-document.pdf")
    assert said.is_error
    assert "Trying again as it is will not help." in said.text
