"""What is wrong in the accounts file, as a call meets it: of one account it stops that one, of the whole file every call."""

from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import ResourceTemplateReference

from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import read_settings
from tests.samples_of import TOOLS, expected_tool
from tests.server.bench import KEY, SECRET, Assistant, Bench
from tests.server.revisions import newer
from tests.server.typical import typical

BROKEN = '[accounts.broken]\nkey_file = "gone"\nsecret = "x"\nread_onyl = true\n'
GOOD = f'[accounts.good]\nkey = "{KEY}"\nsecret = "{SECRET}"\n'
UNREADABLE = f"{GOOD}[accounts.good]\n"

# What is refused does not depend on the revision.
mode = newer


def served(bench: Bench, content: str) -> Any:
    """A server on a file with this content, whose path it is given."""
    file = bench.folder / "accounts.toml"
    file.write_text(content)
    folders = {"FLIPSNACK_UPLOAD_DIRS": str(bench.folder / "uploads")}
    settings = read_settings({"FLIPSNACK_ACCOUNTS": str(file), "FLIPSNACK_TOOLSETS": "default,legacy", **folders})
    return bench.assistant(server=build_server(settings, bench.connect, bench.clock))


async def refused(assistant: Assistant, of: str, bench: Bench, **more: str) -> str:
    said = await assistant.call(expected_tool(of).name, {**typical(of, bench), **more})
    assert said.is_error, of
    assert "Nothing was changed." in said.text, of
    assert bench.requests == [], of
    return said.text


async def test_an_account_with_a_problem_can_be_asked_nothing_and_another_can(bench: Bench) -> None:
    async with served(bench, BROKEN + GOOD) as assistant:
        texts = {of: await refused(assistant, of, bench, account="broken") for of in TOOLS}
        said = await assistant.call("get_user_stats", account="good")
    told = f'{bench.folder / "accounts.toml"}, account "broken": The file that key_file names cannot be read'
    meant = '"read_onyl" is no setting of an account: did you mean read_only?'
    assert {of: text for of, text in texts.items() if told not in text or meant not in text} == {}
    assert not said.is_error, said.text
    assert bench.requests == ["user.getStats"]


async def test_where_the_first_account_has_a_problem_no_other_answers_in_its_place(bench: Bench) -> None:
    async with served(bench, BROKEN + GOOD) as assistant:
        said = await assistant.call("list_collections")
    assert said.is_error
    assert 'account "broken"' in said.text
    assert bench.requests == []


async def test_of_a_file_that_cannot_be_read_every_call_tells(bench: Bench) -> None:
    async with served(bench, UNREADABLE) as assistant:
        texts = {of: await refused(assistant, of, bench) for of in TOOLS}
    told = f"{bench.folder / 'accounts.toml'} cannot be understood from line 4 on: write `[accounts.NAME]`"
    assert {of: text for of, text in texts.items() if told not in text} == {}


async def test_of_a_file_that_cannot_be_read_every_resource_tells_and_nothing_is_completed(
    bench: Bench, tmp_path: Path
) -> None:
    async with served(bench, UNREADABLE) as assistant:
        with pytest.raises(MCPError, match=f"{tmp_path}/accounts.toml cannot be understood from line 4 on"):
            await assistant.client.read_resource(ACCOUNT_ADDRESS)
        collections = ResourceTemplateReference(uri="flipsnack://collections/{hash}")
        found = await assistant.client.complete(collections, {"name": "hash", "value": "w"})
    assert found.completion.values == []
    assert bench.requests == []
