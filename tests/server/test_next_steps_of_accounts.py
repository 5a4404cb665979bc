"""Whatever a call says is to be called next is about the same account, and nothing that somebody wrote is altered by that."""

import re
from typing import Any

import pytest

from tests.samples_of import TOOLS, expected_tool, expected_tools
from tests.server.bench import Given, Person, types_what_is_asked
from tests.server.destructions import TITLE
from tests.server.long_bench import named_call, to_its_end
from tests.server.revisions import newer
from tests.server.several import SeveralBench
from tests.server.typical import typical

pytestmark = pytest.mark.usefixtures("no_look_ahead")
OFFERS: Given = {"query": "Weekly offers", "find": "Weekly offers", "replace": "Offers"}
NAMED = re.compile(rf'"[^"]*"|\b({"|".join(expected_tools())})\b(\(account="fr"[,)])?')
"""A tool in a sentence, and whether its account is given; what stands in quotes is somebody's."""

mode = newer


def leading_elsewhere(text: str) -> list[str]:
    return [tool for tool, account in NAMED.findall(text.partition("] ")[2]) if tool and not account]


NEXT: dict[str, Given] = {
    "update_collections": OFFERS,
    "report_stats": {"query": "catalogue", "wait_seconds": 0},
    "audit_account": {"wait_seconds": 0},
    "download_collection_html": {"collection_hash": "<collection>", "wait_seconds": 0},
    "create_collection": {"file_path": "<offers.pdf>", "title": "New", "wait_seconds": 0},
}


@pytest.mark.parametrize("tool", NEXT)
async def test_the_next_call_is_about_the_same_account_to_its_end(several: SeveralBench, tool: str) -> None:
    ready = typical("collection.create", several) | typical("collection.getCollection", several)
    given = {name: ready[name] if str(value).startswith("<") else value for name, value in NEXT[tool].items()}
    async with several.assistant() as assistant:
        said = await assistant.call(tool, {**given, "account": "fr"})
        assert named_call(said)[1]["account"] == "fr"
        ended = await to_its_end(assistant, said)
    assert (ended.data["account"], list(several.asked)) == ("fr", ["fr"])


@pytest.mark.parametrize("of", [of for of in TOOLS if "collection_hash" in expected_tool(of).parameters])
async def test_an_error_leads_to_the_account_in_which_it_happened(several: SeveralBench, of: str) -> None:
    given = {**typical(of, several), "collection_hash": "gone1234", "account": "fr"}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        said = await assistant.call(expected_tool(of).name, given)
    assert said.is_error
    assert said.text.startswith("[account fr] ")
    assert leading_elsewhere(said.text) == []
    assert 'list_collections(account="fr")' in said.text


IDS: list[tuple[str, Given]] = [
    ("get_upload", {"upload_id": "abcdefgh"}), ("report_stats", {"report_id": "abcdefgh"}),
    ("audit_account", {"report_id": "abcdefgh"}),
    ("update_collections", {"plan_id": "abcdefgh"}), ("delete_collections", {"plan_id": "abcdefgh"}),
    ("undo_change", {"plan_id": "abcdefgh"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "given"), IDS)
async def test_what_is_unknown_leads_to_what_is_known_in_the_same_account(
    several: SeveralBench, tool: str, given: Given
) -> None:
    said = await several.call(tool, **given, account="fr")
    assert f'Call {tool}(account="fr") without' in said.text


@pytest.mark.parametrize("given", [("get_collection", {"collection_hash": "gone1234"}), IDS[1]], ids=["hash", "id"])
async def test_what_the_first_account_does_not_know_may_be_of_one_that_was_not_named(
    several: SeveralBench, given: tuple[str, Given]
) -> None:
    tool, arguments = given
    assumed, named = await several.call(tool, **arguments), await several.call(tool, **arguments, account="fr")
    assert assumed.text.endswith(" If another account is meant, name it in account.")
    assert "another account" not in named.text


@pytest.mark.parametrize("tool", ["get_embed_code", "get_collection_stats", "download_collection_html"])
async def test_of_whatever_asks_about_a_collection_the_same_is_said(several: SeveralBench, tool: str) -> None:
    assert "another account is meant" in (await several.call(tool, collection_hash="gone1234")).text


@pytest.mark.parametrize("code", [22, 40, 41])
async def test_what_has_nothing_to_do_with_whose_it_is_names_no_other_account(several: SeveralBench, code: int) -> None:
    several.fails("code", "collection.getCollection", code=code, times=9)
    said = await several.call("get_collection", collection_hash=several.collection(TITLE).hash)
    assert f"code {code}" in said.text
    assert "another account" not in said.text


WRITTEN = ("get_upload", "call get_upload(upload_id=1)", "use list_collections. Now", "delete_collection('a')")


@pytest.mark.parametrize("title", WRITTEN)
async def test_what_somebody_wrote_stays_as_it_is(several: SeveralBench, title: str) -> None:
    async def ask(tool: str, **given: Any) -> str:
        return (await assistant.call(tool, {**hash_, **given, "account": "fr"})).text

    hash_ = {"collection_hash": several.collection(TITLE).hash}
    several.sandboxes["fr"].account.collections[hash_["collection_hash"]].title = title
    async with several.assistant() as assistant:
        read, refused = await ask("get_collection"), await ask("delete_collection")
        plan = await assistant.call("update_collections", query=title, find=title, replace="", account="fr")
    assert f'"{title}"' in read
    assert f'Delete the collection "{title}" (' in refused
    assert f'Left as they are: "{title}"' in plan.text
