"""A saved file also comes as something to click, beside a text and data that stay as they were."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.server.bench import Bench, Person, Said, types_what_is_asked
from tests.server.revisions import turn
from tests.server.wire import CAN, WHO, wired

TITLE = "Weekly offers, Week 38"
SAVING: list[tuple[str, dict[str, Any], str]] = [
    ("report_stats", {"save_as": "csv", "query": "Weekly", "wait_seconds": 45}, "text/csv"),
    ("report_stats", {"save_as": "markdown", "query": "Weekly", "wait_seconds": 45}, "text/markdown"),
    ("update_collections", {"everything": True, "suffix": " (old)"}, "text/csv"),
    ("download_collection_html", {"wait_seconds": 45}, "application/zip"),
]

# What is linked does not depend on these two revisions.
mode = turn


def ready(bench: Bench, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    of_one = {"collection_hash": bench.collection(TITLE).hash} if tool == "download_collection_html" else {}
    return {**arguments, **of_one}


def assert_leads_to_the_file(said: Said, kind: str) -> None:
    (link,) = said.links
    path = Path(said.data["path"])
    assert Path(unquote(urlsplit(link.uri).path)) == path
    assert (link.name, link.mime_type, link.size) == (path.name, kind, path.stat().st_size)
    assert link.uri == path.as_uri()


@pytest.mark.parametrize(("tool", "arguments", "kind"), SAVING)
async def test_a_saved_file_is_linked(bench: Bench, tool: str, arguments: dict[str, Any], kind: str) -> None:
    bench.folder = bench.folder / "Ann & Bo's \u00fc%20#?"
    bench.folder.mkdir()
    said = await bench.send(tool, ready(bench, tool, arguments), Person(types_what_is_asked))
    assert_leads_to_the_file(said, kind)
    assert str(said.data["path"]) in said.text


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("report_stats", {"query": "Weekly", "wait_seconds": 45}),
        ("update_collections", {"query": "Weekly", "suffix": " (old)"}),
        ("list_documents", {}),
        ("list_collections", {}),
    ],
)
async def test_where_nothing_was_saved_nothing_is_linked(bench: Bench, tool: str, arguments: dict[str, Any]) -> None:
    bench.document()
    said = await bench.send(tool, arguments)
    assert not said.is_error, said.text
    assert said.links == []


async def test_a_file_that_is_gone_is_named_and_not_linked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipsnack_mcp.server.views.clickable.link_to", lambda _: None)
    tool, arguments, _ = SAVING[0]
    said = await bench.send(tool, arguments)
    assert said.data["path"]
    assert said.links == []


async def test_a_path_out_of_which_a_credential_was_taken_is_not_linked(bench: Bench) -> None:
    bench.folder = bench.folder / "apikey=abc"
    bench.folder.mkdir()
    tool, arguments, _ = SAVING[0]
    said = await bench.send(tool, arguments)
    assert "apikey=***" in said.data["path"]
    assert said.links == []


@pytest.mark.parametrize(("revision", "kinds"), [("2025-03-26", ["text"]), ("2025-06-18", ["text", "resource_link"])])
async def test_a_client_whose_revision_has_no_links_gets_none(bench: Bench, revision: str, kinds: list[str]) -> None:
    async with wired(bench.server(), "shaken hands by hand") as wire:  # type: ignore[arg-type]  # neither of the two that it knows
        hello = {"protocolVersion": revision, "capabilities": CAN, "clientInfo": WHO}
        assert (await wire.request("initialize", hello))["result"]["protocolVersion"] == revision
        await wire.say({"method": "notifications/initialized"})
        tool, arguments, _ = SAVING[0]
        said = await wire.call(tool, arguments)
    assert said.result
    assert [one["type"] for one in said.result["content"]] == kinds
