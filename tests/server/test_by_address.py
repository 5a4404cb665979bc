"""A server that several people use: nobody's disk is theirs, so what names a file of it is gone, and words say what works."""

import re
from dataclasses import replace
from typing import Any

import pytest

from flipsnack_mcp.server.by_address.offering import ANSWERED_BESIDE, FETCHED, LOCAL_TOOLS, OF_THIS_DISK
from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.server.prompts import offered_prompts
from flipsnack_mcp.server.toolsets import lacking, menu
from flipsnack_mcp.settings import Settings
from tests.server.bench import Assistant, Bench, tokens

BOTH = frozenset({"default", "legacy"})
USUAL = Settings("k", "s", toolsets=BOTH)
TEAM = replace(USUAL, team=True, public_url="https://flips.example.test")
URLS = ["https://shop.example.com/Spring%20sale.pdf?v=2", "https://shop.example.com/autumn.PDF"]


@pytest.fixture
async def teams(bench: Bench) -> Any:
    async with bench.assistant(team=True, public_url="https://flips.example.test", upload_dirs=()) as assistant:
        yield assistant


def test_a_team_has_the_usual_tools_but_those_of_this_disk() -> None:
    assert menu(USUAL).keys() - menu(TEAM).keys() == LOCAL_TOOLS
    assert menu(TEAM).keys() <= menu(USUAL).keys()


@pytest.mark.parametrize("name", menu(TEAM))
def test_a_tool_of_a_team_is_the_usual_one_without_files_of_this_disk(name: str) -> None:
    usual, teams = menu(USUAL)[name], menu(TEAM)[name]
    assert teams.input_schema["properties"].keys() == usual.input_schema["properties"].keys() - OF_THIS_DISK
    assert teams.input_schema.get("required") == usual.input_schema.get("required")
    assert (teams.title, teams.annotations, teams.meta) == (usual.title, usual.annotations, usual.meta)
    told, before = teams.output_schema or {}, usual.output_schema or {}
    assert "path" not in told["properties"]
    new = told["properties"].keys() - before["properties"].keys()
    assert new <= {*FETCHED, *ANSWERED_BESIDE.get(name, {})}
    described = str(teams.description)
    assert not any(word in described for word in ("file_path", "folder", "path"))


def test_no_answer_of_the_usual_menu_has_an_address() -> None:
    assert not any("address" in str([*(one.output_schema or {})["properties"]]) for one in menu(USUAL).values())


def test_the_menu_of_a_team_costs_no_more_than_a_little_beyond_the_usual_one() -> None:
    usual, teams = (sum(tokens(one.model_dump_json()) for one in menu(its).values()) for its in (USUAL, TEAM))
    assert teams < usual + 100


def test_the_instructions_of_a_team_say_how_documents_come(bench: Bench) -> None:
    said = instructions(replace(TEAM, upload_dirs=(bench.folder,)), lacking(TEAM))
    assert "create_collection without file_url gives an address" in said
    assert "Upload folders" not in said
    assert len(said) < 1800
    assert "address to send" not in instructions(USUAL, lacking(USUAL))


def test_a_job_of_a_team_needs_no_document_of_this_disk() -> None:
    arguments = [one for job in offered_prompts(TEAM) for one in job.arguments if one.kind == "document"]
    assert len(arguments) == 2
    assert not any(one.required for one in arguments)
    assert all("upload address" in one.absent for one in arguments)


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("create_collection", {"file_path": "/etc/passwd"}),
    ("create_collection", {"file_path": "a.pdf", "file_url": URLS[0]}),
    ("create_collections", {"folder": "/etc"}),
    ("create_collections", {"folder": "/etc", "documents": URLS}),
    ("add_flipbook", {"collection_hash": "abc", "file_path": "a.pdf"}),
    ("set_logo", {"collection_hash": "abc", "file_path": "a.png"}),
    ("set_background_image", {"collection_hash": "abc", "file_path": "a.png"}),
]


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_a_file_of_this_disk_is_refused_with_what_works(
    bench: Bench, teams: Assistant, tool: str, arguments: dict[str, Any]
) -> None:
    said = await teams.call(tool, arguments)
    assert said.is_error
    assert "reads files of nobody's computer" in said.text
    (step,) = re.findall(r"Give \w+", said.text)
    assert step.removeprefix("Give ") in menu(TEAM)[tool].input_schema["properties"]
    assert ("without a file" in said.text) == (tool == "create_collections")
    assert ("leave the file out" in said.text) == (tool in {"create_collection", "add_flipbook"})
    assert "Nothing was changed." in said.text
    assert bench.requests == []


@pytest.mark.parametrize("tool", ["set_logo", "set_background_image"])
async def test_a_picture_comes_by_its_address_only(teams: Assistant, tool: str) -> None:
    said = await teams.call(tool, collection_hash="abc")
    assert said.is_error
    assert "give file_url" in said.text.lower()


async def test_what_a_client_fills_in_with_nothing_is_no_file(teams: Assistant) -> None:
    said = await teams.call("create_collection", file_path="", file_url="", title="Autumn")
    assert not said.is_error
    assert said.data["state"] == "waiting"


async def test_documents_of_this_disk_are_listed_for_nobody(bench: Bench) -> None:
    team: dict[str, Any] = {"team": True, "public_url": "https://flips.example.test"}
    bench.document()
    if bench.mode == "auto":
        said = await bench.send("list_documents", {}, **team)
        assert said.is_error
        assert "file_url" in said.text
        assert "offers.pdf" not in said.text


async def test_without_an_address_of_its_own_a_server_gives_none(bench: Bench) -> None:
    said = await bench.send("create_collection", {}, team=True)
    assert said.is_error
    assert "FLIPSNACK_PUBLIC_URL" in said.text


async def test_a_dry_run_gives_no_address_and_says_what_it_would_cost(teams: Assistant) -> None:
    said = await teams.call("create_collection", title="Autumn", dry_run=True)
    assert "upload_address" not in said.data
    assert any("upload address would be given" in one for one in said.data["changes"])
    assert any("api_uploads_left" in one for one in said.data["changes"])


async def test_many_documents_come_by_their_addresses(bench: Bench, teams: Assistant) -> None:
    planned = await teams.call("create_collections", documents=URLS, status="unlisted", title="{number} {name}")
    assert planned.data["state"] == "planned", planned.text
    assert [one["title"] for one in planned.data["items"]] == ["1 Spring sale", "2 autumn"]
    assert "collection.create" not in bench.requests
    await teams.call("create_collections", plan_id=planned.data["plan_id"], wait_seconds=45)
    sent = [one.params for one in bench.sandbox.requests if one.action == "collection.create"]
    assert [(one["fileUrl"], one["title"]) for one in sent] == [(URLS[0], "1 Spring sale"), (URLS[1], "2 autumn")]


async def test_who_names_no_document_is_told_of_what_there_is_for_several_people(teams: Assistant) -> None:
    said = await teams.call("create_collections", title="{name}")
    assert said.is_error
    assert "give documents, by their public https addresses" in said.text
    assert "create_collection gives an address" in said.text
    assert "folder" not in said.text


@pytest.mark.parametrize(
    "given",
    ["/etc/passwd", "offers.pdf", "file:///etc/passwd", "http://shop.example.com/a.pdf", "https://10.0.0.1/a.pdf"],
)
async def test_many_documents_come_from_nowhere_else(bench: Bench, teams: Assistant, given: str) -> None:
    bench.document()
    planned = await teams.call("create_collections", documents=[given])
    assert planned.data["counts"] == {"failed": 1}
    assert "It cannot be fetched" in planned.text
    # A name is of the person's own computer: the way on is an address to send that document to.
    assert ("call create_collection without a file" in planned.text) == ("://" not in given)


async def test_the_usual_server_gives_no_address(bench: Bench) -> None:
    said = await bench.call("create_collection", title="Autumn")
    assert said.is_error
    assert "give either file_path or file_url" in said.text.lower()
