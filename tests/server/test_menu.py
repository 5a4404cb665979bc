"""The menu as a contract: names, titles, hints, schemas, and what is not on it cannot be called."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from flipsnack_mcp import __version__
from tests.samples_of import NAMES, expected_tool, expected_tools, meaning, names_with
from tests.server.bench import Assistant, Bench, Given, tokens
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.typical import typical

TABLE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
ALLOWED = {
    "type", "properties", "required", "items", "additionalProperties", "enum", "description", "default",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern",
}  # fmt: skip
NAME_OF_A_CLASS = re.compile(r"\b[A-Z][a-z]+[A-Z]")
DEFAULT = frozenset({"default"})
ONE_TYPE = {"object", "array", "string", "integer", "number", "boolean"}


def expected_order(*, legacy: bool) -> list[str]:
    """The tools in the order of the table in docs/tools.md, which somebody has read."""
    tools = expected_tools()
    names = re.findall(r"^\| `(\w+)` \|", TABLE, re.MULTILINE)
    return [name for name in dict.fromkeys(names) if name in tools and tools[name].legacy is legacy]


def schemas(tools: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, tool in tools.items():
        yield from ((f"{name} input", tool.input_schema), (f"{name} output", tool.output_schema))


async def menu_of(bench: Bench, **settings: Any) -> dict[str, Any]:
    async with bench.assistant(**settings) as assistant:
        return {tool.name: tool for tool in (await assistant.client.list_tools()).tools}


async def refusal_of(assistant: Assistant, name: str, **arguments: Any) -> str:
    """The text of a refusal: up to 2025-11-25 an unknown tool is a protocol error, after it an answer."""
    try:
        said = await assistant.call(name, arguments)
    except MCPError as error:
        return error.message
    assert said.is_error
    return said.text


def nodes(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every schema in a schema, also what is no object where one should be."""
    yield path, schema
    if not isinstance(schema, dict):
        return
    for name, member in schema.get("properties", {}).items():
        yield from nodes(member, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from nodes(schema[keyword], f"{path}.{keyword}")


def objections(schema: Any, path: str) -> Iterator[str]:
    """What about a schema some client chokes on."""
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield f"{path}: the root is no object with properties"
    for where, node in nodes(schema, path):
        if not isinstance(node, dict):
            yield f"{where}: a boolean or empty sub-schema"
            continue
        if unknown := set(node) - ALLOWED:
            yield f"{where}: {unknown}"
        if node.get("type") not in ONE_TYPE:
            yield f"{where}: type {node.get('type')!r}"
        if node.get("default", "") is None or None in node.get("enum", []):
            yield f"{where}: null"
        if missing := set(node.get("required", [])) - set(node.get("properties", {})):
            yield f"{where}: requires unknown {missing}"


async def test_the_menu_is_the_contract_and_has_old_actions_only_when_asked_for(bench: Bench) -> None:
    names = list(await menu_of(bench, toolsets=DEFAULT))
    both = await menu_of(bench, toolsets=frozenset({"default", "legacy"}))
    only = await menu_of(bench, toolsets=frozenset({"legacy"}))
    assert sorted(names) == sorted(name for name, tool in expected_tools().items() if not tool.legacy)
    assert names == expected_order(legacy=False)
    assert sorted(both) == sorted(expected_tools())
    assert list(both) == [*expected_order(legacy=False), *expected_order(legacy=True)]
    assert list(only) == expected_order(legacy=True)
    assert [name for name, tool in only.items() if not re.search(r"\bold\b", tool.description, re.IGNORECASE)] == [], (
        "says it is old"
    )


def test_what_destroys_or_overwrites_takes_a_confirmation_and_nothing_else_does() -> None:
    tools = expected_tools()
    asking = {name for name, tool in tools.items() if "confirmation" in tool.parameters}
    assert asking == {name for name, tool in tools.items() if tool.hints.destructive}


async def test_titles_and_all_four_hints_are_set_and_true(bench: Bench) -> None:
    tools = await menu_of(bench)
    hints = {name: tool.annotations for name, tool in tools.items()}
    assert {
        name: (tool.title, hints[name].read_only_hint, hints[name].destructive_hint, hints[name].idempotent_hint)
        for name, tool in tools.items()
    } == {
        name: (tool.title, tool.hints.read_only, tool.hints.destructive, tool.hints.idempotent)
        for name, tool in expected_tools().items()
    }
    expected = expected_tools()
    assert {name: tool.annotations.open_world_hint for name, tool in tools.items()} == {
        name: tool.hints.open_world for name, tool in expected.items()
    }


async def test_names_of_parameters_and_results_are_the_contract(bench: Bench) -> None:
    tools = await menu_of(bench)
    assert {where: tuple(schema["properties"]) for where, schema in schemas(tools)} == {
        where: names
        for name, tool in expected_tools().items()
        for where, names in ((f"{name} input", tool.parameters), (f"{name} output", tool.results))
    }


async def test_bounds_and_defaults_are_the_contract(bench: Bench) -> None:
    tools = await menu_of(bench)
    listing = tools["list_collections"].input_schema["properties"]
    assert listing["limit"].items() >= {"type": "integer", "maximum": 100, "default": 20}.items()
    assert (listing["offset"]["default"], listing["status"]["items"]["enum"]) == (0, ["public", "unlisted", "editable"])
    assert listing["order_by"]["enum"] == ["date_published", "date_created", "name"]
    assert listing["order"]["enum"] == ["asc", "desc"]
    for name in ("create_collection", "get_collection", "download_collection_html"):
        wait = tools[name].input_schema["properties"]["wait_seconds"]
        assert wait.items() >= {"type": "integer", "maximum": 45, "default": 30}.items()
    assert tools["get_collection"].input_schema["required"] == ["collection_hash"]
    assert tools["create_collection"].input_schema.get("required", []) == []


async def test_every_schema_is_portable_and_describes_every_field(bench: Bench) -> None:
    every = list(schemas(await menu_of(bench)))
    fields = [(f"{where}.{name}", node) for where, schema in every for name, node in schema["properties"].items()]
    assert [one for where, schema in every for one in objections(schema, where)] == []
    assert [where for where, node in fields if not node.get("description", "").strip()] == []
    assert [where for where, node in fields if NAME_OF_A_CLASS.search(node["description"])] == []


async def test_every_tool_says_what_it_is_for(bench: Bench) -> None:
    for name, tool in (await menu_of(bench)).items():
        first = tool.description.split(". ")[0]
        assert tool.title not in {None, "", name}
        assert len(tool.description) <= 400, name
        assert tool.description == " ".join(tool.description.split()), name
        assert 15 <= len(first) <= 130, (name, first)
        assert first[0].isupper()
        assert tool.description.endswith("."), name


async def test_the_same_thing_is_described_with_the_same_type_everywhere(bench: Bench) -> None:
    types: dict[str, set[str]] = {}
    for _, schema in schemas(await menu_of(bench)):
        for where, node in nodes(schema, ""):
            types.setdefault(where.rpartition(".")[2], set()).add(node["type"])
    keywords = {"", "items", "additionalProperties"}
    mixed = {name: found for name, found in types.items() if len(found) > 1 and name not in keywords}
    # By the contract: a filter takes several statuses, and statistics are of pages where others count them.
    assert mixed == {"status": {"array", "string"}, "pages": {"array", "integer"}}


async def test_the_menu_is_small(bench: Bench) -> None:
    def cost(tools: list[Any]) -> tuple[int, int]:
        menu = [
            {"name": one.name, "title": one.title, "description": one.description, "inputSchema": one.input_schema}
            for one in tools
        ]
        full = {"tools": [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in tools]}
        read, sent = (tokens(json.dumps(one, separators=(",", ":"))) for one in (menu, full))
        return read, sent

    tools = [*(await menu_of(bench, toolsets=DEFAULT)).values()]
    in_menu, in_full = cost(tools)
    said = (
        f"{in_menu} tokens, {in_full} with answers: say it in fewer words, or offer it in a toolset that is asked for"
    )
    assert in_menu < min(160 * len(tools), 3200), said
    assert in_full < min(380 * len(tools), 7600), said


async def test_read_only_keeps_what_changes_nothing_in_the_account(bench: Bench) -> None:
    assert set(await menu_of(bench, read_only=True)) == {
        name for name, tool in expected_tools().items() if tool.in_read_only_mode
    }
    every = [meaning(name) for name in NAMES]
    assert [one for one in every if one.tool.in_read_only_mode is not (one.effect == "reads")] == []


HIDDEN: list[tuple[Given, list[str]]] = [
    ({"read_only": True}, [*names_with("writes"), *names_with("destroys")]),
    ({"toolsets": DEFAULT}, ["collection.deleteLogo"]),
]


@pytest.mark.parametrize(("settings", "names"), HIDDEN, ids=["read only", "not asked for"])
@pytest.mark.parametrize("confirm", ["ask", "allow"])
async def test_a_hidden_tool_called_by_name_is_an_unknown_tool_whatever_else_is_set(
    bench: Bench, settings: Given, names: list[str], confirm: str
) -> None:
    async with bench.assistant(**settings, confirm=confirm) as assistant:
        for name in names:
            tool, arguments = expected_tool(name).name, typical(name, bench)
            hidden = await refusal_of(assistant, tool, **arguments)
            unknown = await refusal_of(assistant, "no_such_tool", **arguments)
            assert hidden == unknown.replace("no_such_tool", tool)
            assert [one for one in ("no tool", "Nothing was changed.") if one not in hidden] == []
            assert bench.requests == []


UNKNOWN = (
    *("", "a`b\nc", "\u202elist", "x\r\n\u202edeleted: yes", 'x confirmation="ABCD2345"', "<b>`x`</b>", "__class__"),
    *("LIST_COLLECTIONS", "list_collections ", " delete_collection", "delete_c\u043ellection", "../delete_collection"),
    *("approve", "collection.deleteCollection", "x" * 1_000_000),
)


async def test_an_unknown_tool_is_refused_in_one_short_line(bench: Bench, assistant: Assistant) -> None:
    said = {ascii(name[:40]): await refusal_of(assistant, name) for name in UNKNOWN}
    assert [name for name, text in said.items() if not text.isprintable() or len(text) >= 800] == []
    assert bench.requests == []


MISSING: list[tuple[dict[str, Any], str]] = [
    ({"api_key": "", "api_secret": ""}, "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set."),
    ({"api_secret": ""}, "FLIPSNACK_API_SECRET is not set."), ({"api_key": ""}, "FLIPSNACK_API_KEY is not set."),
    ({"problems": ("FLIPSNACK_API_URL is no https address.",)}, "FLIPSNACK_API_URL is no https address."),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "missing"), MISSING)
async def test_without_credentials_tools_are_listed_and_a_call_says_what_is_missing(
    bench: Bench, settings: Given, missing: str
) -> None:
    async with bench.assistant(**settings) as assistant:
        tools = (await assistant.client.list_tools()).tools
        said = await assistant.call("get_user_stats")
    assert {one.name for one in tools} == expected_tools().keys()
    assert_told_in_four_parts(said, "Nothing was changed.")
    assert said.text.startswith(missing)
    assert bench.requests == []


CANNOT = ("folders", "leads", "replacing a PDF", "scheduling", "passwords", "restoring what was deleted")


@pytest.mark.parametrize("settings", [{"read_only": True, "sandbox": True}, {"sandbox": True}, {"read_only": True}, {}])
async def test_the_server_introduces_itself_and_says_in_which_mode_it_is(bench: Bench, settings: Given) -> None:
    async with bench.assistant(**settings) as assistant:
        info, instructions = assistant.client.server_info, assistant.client.instructions
    assert info
    assert (info.name, info.title, info.version) == ("flipsnack", "Flipsnack", __version__)
    assert info.icons
    assert info.icons[0].src.startswith("data:image/svg+xml;base64,")
    assert instructions
    assert len(instructions) < 1800
    assert ("read-only" in instructions) is settings.get("read_only", False)
    assert ("sandbox" in instructions) is settings.get("sandbox", False)
    assert [one for one in CANNOT if one not in instructions.partition("Cannot be done here: ")[2].split("\n")[0]] == []
    assert "The form is the preview" in instructions
