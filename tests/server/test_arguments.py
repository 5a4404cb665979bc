"""What clients get wrong is understood where that is safe; anything else is refused before a request is made."""

import json
from itertools import cycle

import pytest
from pydantic import BaseModel

from flipsnack_mcp.server.tools.arguments import BadArgumentsError, understand
from flipsnack_mcp.server.tools.choosing import PlanningInput
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from tests.samples_of import NAMES, expected_tool
from tests.server.bench import Assistant, Bench, Given
from tests.server.destructions import MODES
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.tables import table

ARGUMENTS = table("arguments")
ACTIONS = {expected_tool(name).name: name for name in NAMES}


@pytest.mark.parametrize(
    ("tool", "arguments", "wanted", "mode"),
    [
        (tool, *row, mode)
        for tool, rows in ARGUMENTS["understood"].items()
        for row, mode in zip(rows, cycle(MODES), strict=False)
    ],
)
async def test_what_clients_send_is_understood(bench: Bench, tool: str, arguments: Given, wanted: Given) -> None:
    await bench.call(tool, **arguments)
    sent = [one.params for one in bench.sandbox.requests if one.action == ACTIONS[tool]]
    assert any(one.items() >= wanted.items() for one in sent), sent


BAD = ARGUMENTS["refused"]
"""Hashes, addresses and the names of settings have one row of each kind here: all the others are in test_attacks."""


@pytest.mark.parametrize(("tool", "mode"), [*zip(BAD, cycle(MODES), strict=False)])
async def test_bad_input_is_refused_without_a_request(bench: Bench, assistant: Assistant, tool: str) -> None:
    bench.folder.joinpath("uploads").mkdir()
    for reason, *several in BAD[tool]:
        for arguments in several:
            said = await assistant.call(tool, arguments)
            assert_told_in_four_parts(said, reason, " Nothing was changed.")
            assert not said.data, arguments
            assert len(said.text) < 1500, arguments
            assert said.text.isprintable(), arguments
            assert bench.requests == [], arguments


def test_every_tool_that_takes_a_plan_carries_out_that_alone() -> None:
    takes = {name for name, tool in TOOLS.items() if "plan_id" in tool.input.model_fields}
    assert takes == {name for name, tool in TOOLS.items() if issubclass(tool.input, PlanningInput)}


@pytest.mark.parametrize(("tool", "mode"), [*zip(ARGUMENTS["not repeated"], cycle(MODES), strict=False)])
async def test_the_value_of_a_bad_argument_is_never_repeated(assistant: Assistant, tool: str) -> None:
    for arguments in ARGUMENTS["not repeated"][tool]:
        said = await assistant.call(tool, arguments)
        assert said.is_error, arguments
        assert "do-not-repeat-me" not in said.text, arguments


async def test_an_error_about_arguments_says_all_that_is_wrong_and_lists_the_known_ones(bench: Bench) -> None:
    several = await bench.call("list_collections", limit=-1, order="up", x=1)
    said = await bench.call("list_collections", limt=3)
    assert all(name in several.text for name in ("`limit`", "`order`", "`x`"))
    assert said.text.startswith(
        "There is no argument `limt`. Nothing was changed. Correct the arguments, then make the call again. "
        "The arguments of list_collections: "
    )
    assert set(said.text.rpartition(": ")[2].strip(".").split(", ")) == {
        "query", "status", "order_by", "order", "offset", "limit", "created_after", "created_before", "details",
    }  # fmt: skip


async def test_what_a_tool_is_said_to_take_is_what_the_menu_has_of_it(bench: Bench) -> None:
    for name, tool in menu(Settings()).items():
        said = await bench.call(name, not_one_of_them=1)
        told = said.text.rpartition(f"The arguments of {name}: ")[2].strip(".")
        assert told == (", ".join(tool.input_schema["properties"]) or "none")


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("update_collection", {"collection_hash": "bwltuz7"}),
        ("update_collections", {"query": "a"}),
        ("list_collections", {}),
    ],
)
async def test_who_asks_for_private_is_told_who_reads_what_is_unlisted_or_editable(
    bench: Bench, tool: str, given: Given
) -> None:
    said = await bench.send(tool, {**given, "status": "private"})
    assert_told_in_four_parts(said, "'unlisted'", "unlisted is read by whoever has the link", "offline) by nobody")
    assert bench.requests == []


def texts_of(given: type[BaseModel]) -> list[str]:
    """The arguments that are text of any kind, and bounded."""
    declared = given.model_json_schema()["properties"]
    return [name for name, one in declared.items() if "maxLength" in json.dumps(one) and "items" not in json.dumps(one)]


@pytest.mark.parametrize("tool", TOOLS)
def test_of_a_text_that_is_too_long_it_is_said_how_many_characters_it_may_have(tool: str) -> None:
    given = TOOLS[tool].input
    for name in texts_of(given):
        with pytest.raises(BadArgumentsError, match=rf"`{name}` has more than \d+ characters\."):
            understand(given, {name: "https://example.com/" + "x" * 5000})
