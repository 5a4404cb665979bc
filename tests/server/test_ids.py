"""The ids of uploads, plans and reports, as a model sends them: understood, or refused before they are written anywhere."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import pytest

from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.history import History
from tests.server.bench import Bench

ONE_REVISION = pytest.mark.parametrize("mode", ["auto"])
TOOLS = {
    "get_upload": "upload_id", "update_collections": "plan_id", "delete_collections": "plan_id", "undo_change": "plan_id",
    "report_stats": "report_id", "audit_account": "report_id",
}  # fmt: skip
WRITTEN = ("abcdefgh", " abcdefgh ", "ABCDEFGH", "\u00a0abcdefgh\n", "12345678")
NO_IDS = {
    "clipboard": "\x1b[1A\x1b[2K\x1b]52;c;Y3VybCB4LmNvfHNo\x07", "forged line": "\x1b[1A\x1b[2K\r    1  2026-01-01 nothing",
    "lines": "a\nb", "short": "abc", "long": "abcdefghi", "dash": "abcd-fgh", "path": "../../ab", "markup": "<b>abcde",
    "look-alike": "аbcdefgh", "full width": "ａbcdefgh", "direction": "\u202eabcdefgh", "quote": "abcdef\"'", "blank inside": "abcd efg",
    "percent": "%41bcdef", "word": "the last one", "joiner": "abcd\u200defgh",
}  # fmt: skip


@ONE_REVISION
@pytest.mark.parametrize("tool", TOOLS)
async def test_what_is_no_id_is_refused_and_written_nowhere(bench: Bench, tool: str) -> None:
    store = MemoryStore(bench.clock)
    more = {"cancel": True} if tool == "get_upload" else {}
    async with bench.assistant(server=bench.server(store)) as assistant:
        for name, wrong in NO_IDS.items():
            said = await assistant.call(tool, {TOOLS[tool]: wrong, **more})
            assert said.is_error, name
            assert f"`{TOOLS[tool]}`" in said.text, name
            assert "Nothing was changed." in said.text, name
            assert wrong not in said.text, name
    assert (await store.transact(lambda records: list(records.all("history")))) == []
    assert bench.requests == []


@ONE_REVISION
@pytest.mark.parametrize("tool", TOOLS)
async def test_an_id_is_understood_as_people_write_it(bench: Bench, tool: str) -> None:
    store, account = MemoryStore(bench.clock), bench.settings.account
    more = {"cancel": True} if tool == "get_upload" else {}
    async with bench.assistant(server=bench.server(store)) as assistant:
        for written in WRITTEN:
            said = await assistant.call(tool, {TOOLS[tool]: written, **more})
            assert said.is_error, written
            assert f"`{TOOLS[tool]}`" not in said.text
    noted = [one.target for one in await History(store, account).events()]
    assert noted in ([], [one.strip().lower() for one in WRITTEN])
