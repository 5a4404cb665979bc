"""Resources: as clean and as safe as answers of tools, and hashes completed by title."""

import json
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from tests.server.bench import KEY, Assistant, Bench

TEMPLATE = "flipsnack://collections/{hash}"
ACCOUNT = "flipsnack://stats/account"
TITLE = "Summer catalogue 2026"


async def read(assistant: Assistant, uri: str) -> dict[str, Any]:
    (content,) = (await assistant.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    found: dict[str, Any] = json.loads(content.text)
    return found


async def suggested(assistant: Assistant, typed: str, ref: Any = None, argument: str = "hash") -> list[str]:
    reference = ref or ResourceTemplateReference(uri=TEMPLATE)
    return list((await assistant.client.complete(reference, {"name": argument, "value": typed})).completion.values)


async def test_what_there_is_is_listed_and_read_as_tools_answer_it(bench: Bench, assistant: Assistant) -> None:
    hash_ = bench.collection(TITLE).hash
    fixed = (await assistant.client.list_resources()).resources
    templates = (await assistant.client.list_resource_templates()).resource_templates
    collection = await read(assistant, f"flipsnack://collections/{hash_}")
    said = await assistant.call("get_collection", collection_hash=hash_)
    totals = await read(assistant, ACCOUNT)
    assert list(totals) == ["impressions", "views", "time_spent", "downloads", "api_uploads_left"]
    assert totals.items() <= (await assistant.call("get_user_stats")).data.items()
    assert ([one.uri for one in fixed], [one.uri_template for one in templates]) == ([ACCOUNT], [TEMPLATE])
    assert collection["title"] == TITLE
    assert collection.items() <= said.data.items()


async def test_what_flipsnack_sends_is_cleaned(bench: Bench, assistant: Assistant) -> None:
    collection = bench.collection(TITLE)
    collection.title = f"Sum\u202emer\x1b[2J {KEY}"
    found = await read(assistant, f"flipsnack://collections/{collection.hash}")
    assert found["title"].startswith("Summer[2J")
    assert KEY not in found["title"]


@pytest.mark.parametrize(
    "uri", ["flipsnack://nothing", "flipsnack://collections/nothere7", "flipsnack://collections/a%2Fb", "file:///etc"]
)
async def test_what_does_not_exist_is_an_error_in_words(assistant: Assistant, uri: str) -> None:
    with pytest.raises(MCPError) as refused:
        await assistant.client.read_resource(uri)
    assert refused.value.error.code == -32602
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(("key", "says"), [(KEY, "Nothing was changed"), ("", "FLIPSNACK_API_KEY")])
async def test_while_flipsnack_is_down_or_no_key_is_set_reading_ends_in_time(bench: Bench, key: str, says: str) -> None:
    bench.fails("maintenance", times=0)
    async with bench.assistant(api_key=key) as assistant:
        with pytest.raises(MCPError, match=says) as refused:
            await assistant.client.read_resource(ACCOUNT)
        assert await suggested(assistant, "summer") == []
    assert refused.value.error.code == -32010
    assert key or bench.requests == []


async def test_hashes_are_completed_by_title(bench: Bench, assistant: Assistant) -> None:
    of_template = await suggested(assistant, "summer cat")
    of_prompt = await suggested(assistant, "summer cat", PromptReference(name="swap_issue"), "old")
    everything = await suggested(assistant, "")
    assert of_template == of_prompt == [bench.collection(TITLE).hash]
    assert len(everything) == 20


async def test_the_beginning_of_a_hash_and_words_in_any_order_complete_too(bench: Bench, assistant: Assistant) -> None:
    wanted = bench.collection(TITLE).hash
    for typed in (wanted[:3], wanted, "catalogue summer 2026", "sumer catalogue"):
        assert wanted in await suggested(assistant, typed), typed


@pytest.mark.parametrize(
    ("prompt", "argument"), [("swap_issue", "title"), ("nothing", "old"), ("weekly_report", "query")]
)
async def test_where_no_hash_is_wanted_none_is_suggested(bench: Bench, prompt: str, argument: str) -> None:
    async with bench.assistant() as assistant:
        assert await suggested(assistant, "summer", PromptReference(name=prompt), argument) == []
    assert bench.requests == []


async def test_typing_on_asks_flipsnack_once_for_the_same_words(bench: Bench, assistant: Assistant) -> None:
    for typed in ("sum", "sum ", "sum"):
        await suggested(assistant, typed)
    assert bench.requests == ["collection.getList"]
