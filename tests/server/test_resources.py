"""Resources: as clean and as safe as answers of tools; and what a person who is typing may mean."""

import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pytest
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from flipsnack_mcp.server.completing import usual_periods
from flipsnack_mcp.server.resources import SKILL_ADDRESS, SKILL_FILE
from tests.server.bench import KEY, PDF, Assistant, Bench

TEMPLATE = "flipsnack://collections/{hash}"
ACCOUNT = "flipsnack://stats/account"
TITLE = "Summer catalogue 2026"


def day_of(moment: float | None) -> str:
    return datetime.fromtimestamp(moment or 0, UTC).date().isoformat()


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
    assert ([one.uri for one in fixed], [one.uri_template for one in templates]) == (
        [ACCOUNT, SKILL_ADDRESS],
        [TEMPLATE],
    )
    assert collection["title"] == TITLE
    assert collection.items() <= said.data.items()


async def test_the_skill_is_read_as_the_plugins_bring_it_and_asks_nobody(bench: Bench, assistant: Assistant) -> None:
    (content,) = (await assistant.client.read_resource(SKILL_ADDRESS)).contents
    assert isinstance(content, TextResourceContents)
    assert (content.mime_type, content.text) == ("text/markdown", SKILL_FILE.read_text(encoding="utf-8"))
    assert bench.requests == []


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


async def test_who_reads_what_is_not_there_is_told_all_that_is_listed(assistant: Assistant) -> None:
    listed = [str(one.uri) for one in (await assistant.client.list_resources()).resources]
    with pytest.raises(MCPError) as refused:
        await assistant.client.read_resource("flipsnack://nothing")
    assert [one for one in listed if one not in str(refused.value)] == []


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
    wanted = bench.collection(TITLE)
    assert of_template == of_prompt == [f'{wanted.hash} "{TITLE}", public, {day_of(wanted.published_at)}']
    assert len(everything) == 20


async def test_the_beginning_of_a_hash_and_words_in_any_order_complete_too(bench: Bench, assistant: Assistant) -> None:
    wanted = bench.collection(TITLE).hash
    for typed in (wanted[:3], wanted, "catalogue summer 2026", "sumer catalogue"):
        assert wanted in [one.split()[0] for one in await suggested(assistant, typed)], typed


ODD = {
    "a link": "www.flipsnack.com/A/b-x7y7z7q7.html",
    "signs": "50 % off? #1 / 2",
    "letters": "\u79cb \u202e\"x\", 'y'",
    "none": "",
}


@pytest.mark.parametrize("title", ODD)
async def test_what_was_suggested_for_a_hash_is_taken_for_one_whatever_the_title(
    bench: Bench, assistant: Assistant, title: str
) -> None:
    """Two of one title are told apart by their days, and each leads to its own."""
    add, now = bench.sandbox.account.add, bench.clock()
    made = [add(title=ODD[title] or "\u200b", created_at=now - days * 86_400) for days in (50, 90)]
    found = {
        one.split()[0]: one
        for one in await suggested(assistant, made[0].hash) + await suggested(assistant, made[1].hash)
    }
    for one in made:
        value, address = found[one.hash], f"flipsnack://collections/{found[one.hash]}"
        read_back = [await read(assistant, address), await read(assistant, quote(address, safe=":/"))]
        looked = await assistant.call("get_collection", collection_hash=value)
        assert {seen["collection_hash"] for seen in (*read_back, looked.data)} == {one.hash}
    assert len({value.split(maxsplit=1)[1] for value in found.values()}) == 2


JOB = PromptReference(name="publish_issue")


async def test_documents_are_completed_by_words_with_what_file_path_takes(bench: Bench, assistant: Assistant) -> None:
    for name in ("spring.pdf", "2026/Summer offers.pdf", "~odd.pdf", "notes.txt"):
        path = bench.folder / "uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PDF)
    found = {typed: await suggested(assistant, typed, JOB, "file") for typed in ("", "spr", "offers summer", "zzz")}
    taken = [await assistant.call("create_collection", file_path=one, dry_run=True) for one in found[""]]
    assert found["spr"] == ["spring.pdf"]
    assert found["offers summer"] == ["2026/Summer offers.pdf"]
    assert {*found[""]} == {"spring.pdf", "2026/Summer offers.pdf", str(bench.folder / "uploads" / "~odd.pdf")}
    assert (found["zzz"], [one.is_error for one in taken]) == ([], [False] * 3)


@pytest.mark.parametrize("settings", [{"read_only": True}, {"upload_dirs": ()}])
async def test_where_nothing_can_be_uploaded_no_document_is_suggested(bench: Bench, settings: dict[str, Any]) -> None:
    bench.document("spring.pdf")
    async with bench.assistant(**settings) as assistant:
        assert await suggested(assistant, "", JOB, "file") == []


async def test_seasons_are_completed_from_the_titles_there_are(bench: Bench, assistant: Assistant) -> None:
    bench.sandbox.account.collections.clear()
    for title in (
        "Sommer 2025",
        "Summer offers 2025",
        "Summer sale 2026",
        "Stores 2026 North",
        "Stores 2026 South",
        "Odd 2024",
    ):
        bench.sandbox.account.add(title=title, created_at=bench.clock() - 86_400)
    job = PromptReference(name="archive_season")
    assert await suggested(assistant, "", job, "season") == ["Summer 2026", "Sommer 2025", "Summer 2025", "Stores 2026"]
    assert await suggested(assistant, "sum 20", job, "season") == ["Summer 2026", "Summer 2025"]
    assert bench.requests == ["collection.getList"]


def test_usual_periods_are_whole_at_the_turns_of_the_year() -> None:
    every = {day: [str(one) for one in usual_periods(date.fromisoformat(day))] for day in ("2026-01-01", "2026-03-31")}
    assert every == {
        "2026-01-01": [
            "2025-12-22 to 2025-12-28", "2025-12-01 to 2025-12-31", "2025-12-02 to 2025-12-31",
            "2025-10-01 to 2025-12-31", "2025-01-01 to 2025-12-31",
        ],
        "2026-03-31": [
            "2026-03-23 to 2026-03-29", "2026-02-01 to 2026-02-28", "2026-03-01 to 2026-03-30",
            "2025-10-01 to 2025-12-31", "2025-01-01 to 2025-12-31", "2026-01-01 to 2026-03-30",
        ],
    }  # fmt: skip


async def test_days_of_usual_periods_are_completed_and_the_last_one_follows_the_first(
    bench: Bench, assistant: Assistant
) -> None:
    job, given = PromptReference(name="weekly_report"), {"start_date": ""}
    starts = await suggested(assistant, "", job, "start_date")
    for one in starts:
        given["start_date"] = one
        asked = {"name": "end_date", "value": ""}
        ends = (await assistant.client.complete(job, asked, given)).completion.values
        assert (one, ends[0]) in {
            (str(each.start), str(each.end))
            for each in usual_periods(datetime.fromtimestamp(bench.clock(), UTC).date())
        }
        assert min(ends) >= one
    assert len(starts) >= 5
    assert await suggested(assistant, starts[0][:9], job, "start_date") == [
        each for each in starts if each.startswith(starts[0][:9])
    ]
    assert bench.requests == []


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
