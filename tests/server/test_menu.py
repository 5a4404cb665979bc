"""The menu as a contract: names, titles, hints, schemas, and what is not on it cannot be called."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import MCPError

from flipsnack_mcp import __version__
from tests.server.bench import Assistant, Bench

# name: title, read-only, destructive, idempotent
HINTS = {
    "list_collections": (True, False, True),
    "get_collection": (True, False, True),
    "create_collection": (False, False, False),
    "update_collection": (False, True, True),
    "delete_collection": (False, True, False),
    "delete_flipbook": (False, True, False),
    "get_embed_code": (True, False, True),
    "get_collection_stats": (True, False, True),
    "get_user_stats": (True, False, True),
    "download_collection_html": (False, False, False),
    "get_lead_form_sample": (True, False, True),
}
LEGACY_HINTS = {
    "add_flipbook": (False, False, False),
    "set_logo": (False, True, False),
    "delete_logo": (False, True, False),
    "set_background_image": (False, True, False),
    "delete_background_image": (False, True, False),
}
PARAMETERS = {
    "list_collections": "query status order_by order offset limit",
    "get_collection": "collection_hash wait_seconds",
    "create_collection": "file_path file_url title description status width height settings wait_seconds",
    "update_collection": "collection_hash title description status width height settings",
    "delete_collection": "collection_hash confirmation",
    "delete_flipbook": "collection_hash flipbook_hash confirmation",
    "get_embed_code": "collection_hash responsive start_page start_book width height",
    "get_collection_stats": "collection_hash start_date end_date include_page_stats",
    "get_user_stats": "",
    "download_collection_html": "collection_hash save wait_seconds",
    "get_lead_form_sample": "reveal",
    "add_flipbook": "collection_hash file_path file_url",
    "set_logo": "collection_hash file_path file_url",
    "delete_logo": "collection_hash confirmation",
    "set_background_image": "collection_hash file_path file_url",
    "delete_background_image": "collection_hash confirmation",
}
RESULTS = {
    "list_collections": "collections total next_offset",
    "get_collection": "collection_hash title description status width height conversion flipbooks direct_link extra",
    "create_collection": "state collection_hash direct_link warnings",
    "update_collection": "collection_hash previous_collection_hash changes",
    "delete_collection": "deleted collection_hash",
    "delete_flipbook": "deleted collection_hash flipbook_hash",
    "get_embed_code": "embed_code",
    "get_collection_stats": "impressions views time_spent downloads pages",
    "get_user_stats": "impressions views time_spent downloads api_uploads_left",
    "download_collection_html": "state path bytes sha256 files states resource_url expires_at",
}
READS = {name for name, hints in HINTS.items() if hints[0]} | {"download_collection_html"}
ALLOWED = {
    "type", "properties", "required", "items", "additionalProperties", "enum", "description", "default",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern",
}  # fmt: skip
ONE_TYPE = {"object", "array", "string", "integer", "number", "boolean"}


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


async def test_the_default_menu_is_the_contract(bench: Bench) -> None:
    assert list(await menu_of(bench, toolsets=frozenset({"default"}))) == list(HINTS)


async def test_old_actions_are_there_only_when_asked_for(bench: Bench) -> None:
    both = await menu_of(bench, toolsets=frozenset({"default", "legacy"}))
    only = await menu_of(bench, toolsets=frozenset({"legacy"}))

    assert list(both) == [*HINTS, *LEGACY_HINTS]
    assert list(only) == list(LEGACY_HINTS)
    assert all("old" in tool.description for tool in only.values())


async def test_all_four_hints_are_set_and_true(bench: Bench) -> None:
    said = {
        name: (tool.annotations.read_only_hint, tool.annotations.destructive_hint, tool.annotations.idempotent_hint)
        for name, tool in (await menu_of(bench)).items()
    }

    assert said == HINTS | LEGACY_HINTS
    assert all(tool.annotations.open_world_hint is True for tool in (await menu_of(bench)).values())


async def test_names_of_parameters_and_results_are_the_contract(bench: Bench) -> None:
    tools = await menu_of(bench)

    assert {name: set(tool.input_schema["properties"]) for name, tool in tools.items()} == {
        name: set(parameters.split()) for name, parameters in PARAMETERS.items()
    }
    for name, fields in RESULTS.items():
        assert set(fields.split()) <= set(tools[name].output_schema["properties"]), name


async def test_bounds_and_defaults_are_the_contract(bench: Bench) -> None:
    tools = await menu_of(bench)
    listing = tools["list_collections"].input_schema["properties"]

    assert listing["limit"].items() >= {"type": "integer", "maximum": 100, "default": 20}.items()
    assert listing["offset"]["default"] == 0
    assert listing["status"]["enum"] == ["public", "unlisted", "editable"]
    assert listing["order_by"]["enum"] == ["date_published", "date_created", "name"]
    assert listing["order"]["enum"] == ["asc", "desc"]
    for name in ("create_collection", "get_collection", "download_collection_html"):
        wait = tools[name].input_schema["properties"]["wait_seconds"]
        assert wait.items() >= {"type": "integer", "maximum": 45, "default": 30}.items()
    assert tools["get_collection"].input_schema["required"] == ["collection_hash"]
    assert tools["create_collection"].input_schema.get("required", []) == []


async def test_every_schema_is_portable(bench: Bench) -> None:
    found = [
        objection
        for name, tool in (await menu_of(bench)).items()
        for kind, schema in (("input", tool.input_schema), ("output", tool.output_schema))
        for objection in objections(schema, f"{name} {kind}")
    ]

    assert found == []


async def test_every_tool_says_what_it_is_for(bench: Bench) -> None:
    for name, tool in (await menu_of(bench)).items():
        first = tool.description.split(". ")[0]
        assert tool.title
        assert tool.title != name
        assert len(tool.description) <= 400, name
        assert tool.description == " ".join(tool.description.split()), name
        assert 15 <= len(first) <= 130, (name, first)
        assert first[0].isupper()
        assert tool.description.endswith("."), name


async def test_every_parameter_and_result_is_described(bench: Bench) -> None:
    for name, tool in (await menu_of(bench)).items():
        for kind, schema in (("input", tool.input_schema), ("output", tool.output_schema)):
            bare = [field for field, node in schema["properties"].items() if not node.get("description", "").strip()]
            assert bare == [], (name, kind)


async def test_the_same_thing_is_described_with_the_same_type_everywhere(bench: Bench) -> None:
    types: dict[str, set[str]] = {}
    for tool in (await menu_of(bench)).values():
        for schema in (tool.input_schema, tool.output_schema):
            for where, node in nodes(schema, ""):
                types.setdefault(where.rpartition(".")[2], set()).add(node["type"])

    mixed = {name: found for name, found in types.items() if len(found) > 1 and name not in {"", "items"}}
    assert mixed == {}


async def test_the_menu_is_small(bench: Bench) -> None:
    bpe = pytest.importorskip("bpe_openai", reason="the offline tokenizer is no part of the test extra")
    tools = (await menu_of(bench, toolsets=frozenset({"default"}))).values()
    menu = [
        {"name": one.name, "title": one.title, "description": one.description, "inputSchema": one.input_schema}
        for one in tools
    ]
    full = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in tools]
    encode = bpe.get_encoding("o200k_base").encode

    assert len(encode(json.dumps(menu, separators=(",", ":")))) < 1400
    assert len(encode(json.dumps({"tools": full}, separators=(",", ":")))) < 3200


async def test_read_only_keeps_what_changes_nothing_in_the_account(bench: Bench) -> None:
    assert set(await menu_of(bench, read_only=True)) == READS


@pytest.mark.parametrize(
    "settings", [{"read_only": True}, {"toolsets": frozenset({"default"})}], ids=["read-only", "toolset"]
)
@pytest.mark.parametrize("confirm", ["ask", "allow"])
async def test_a_hidden_tool_called_by_name_is_an_unknown_tool(
    bench: Bench, settings: dict[str, Any], confirm: str
) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(**settings, confirm=confirm) as assistant:
        hidden = await refusal_of(assistant, "delete_logo", collection_hash=wanted)
        unknown = await refusal_of(assistant, "no_such_tool", collection_hash=wanted)

    assert hidden == unknown.replace("no_such_tool", "delete_logo")
    assert "Nothing was changed." in hidden
    assert bench.requests == []


@pytest.mark.parametrize("tool", sorted((HINTS | LEGACY_HINTS).keys() - READS))
async def test_read_only_beats_every_other_setting(bench: Bench, tool: str) -> None:
    arguments = {"collection_hash": bench.collection().hash, "flipbook_hash": bench.collection().items[0].hash}

    async with bench.assistant(read_only=True, confirm="allow") as assistant:
        text = await refusal_of(assistant, tool, **arguments)

    assert "no tool" in text
    assert bench.requests == []


@pytest.mark.parametrize("name", ["", "x" * 5000, "a`b\nc", "\u202elist", "LIST_COLLECTIONS", "list_collections "])
async def test_an_unknown_tool_is_refused_in_one_short_line(bench: Bench, name: str) -> None:
    async with bench.assistant() as assistant:
        text = await refusal_of(assistant, name)

    assert text.isprintable()
    assert len(text) < 800
    assert bench.requests == []


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"api_key": "", "api_secret": ""}, "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set."),
        ({"api_secret": ""}, "FLIPSNACK_API_SECRET is not set."),
        ({"api_key": ""}, "FLIPSNACK_API_KEY is not set."),
        ({"problems": ("FLIPSNACK_API_URL is no https address.",)}, "FLIPSNACK_API_URL is no https address."),
    ],
    ids=["both", "secret", "key", "a problem"],
)
async def test_without_credentials_tools_are_listed_and_a_call_says_what_is_missing(
    bench: Bench, settings: dict[str, Any], missing: str
) -> None:
    async with bench.assistant(**settings) as assistant:
        tools = (await assistant.client.list_tools()).tools
        said = await assistant.call("get_user_stats")

    assert len(tools) == len(HINTS | LEGACY_HINTS)
    assert said.is_error
    assert said.text.startswith(missing)
    assert "Nothing was changed." in said.text
    assert bench.requests == []


async def test_the_server_introduces_itself(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        info, instructions = assistant.client.server_info, assistant.client.instructions

    assert info
    assert (info.name, info.title, info.version) == ("flipsnack", "Flipsnack", __version__)
    assert info.icons
    assert info.icons[0].src.startswith("data:image/svg+xml;base64,")
    assert instructions
    assert len(instructions) < 1800


@pytest.mark.parametrize(
    "settings", [{"read_only": True, "sandbox": True}, {"sandbox": True}, {"read_only": True}], ids=str
)
async def test_instructions_say_in_which_mode_the_server_is(bench: Bench, settings: dict[str, Any]) -> None:
    async with bench.assistant(**settings) as assistant:
        instructions = assistant.client.instructions or ""

    assert len(instructions) < 1800
    assert ("read-only" in instructions) is settings.get("read_only", False)
    assert ("sandbox" in instructions) is settings.get("sandbox", False)
