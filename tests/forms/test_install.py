"""docs/install.md: its blocks are understood by who reads them, its links say the same, and its command starts the server."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flipsnack_mcp.clients import CLIENTS, ENTRY
from forms.blocks import BLOCKS, CURSOR, IN_HOME, MAC, VS_CODE, WINDOWS, Block, Place, cursor_link, vs_code_link
from forms.install import PAGE, installed, other_way, parts, status
from forms.project import NAME, ROOT, VERSION
from forms.start import FROM_INDEX, start

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
CASES = pytest.mark.parametrize("block", BLOCKS, ids=lambda one: one.client)
PLACES = pytest.mark.parametrize("place", [MAC, WINDOWS], ids=["here", "Windows"])


def entry(block: Block, place: Place) -> dict[str, Any]:
    """The server's entry in a block, as its client reads it."""
    text = block.text(place)
    if block.in_a_terminal:
        words = shlex.split(text.replace("\\", "\\\\"))
        apart = words.index("--")
        given = [words[at + 1] for at, one in enumerate(words[:apart]) if one == "-e"]
        assert words[:4] == ["claude", "mcp", "add", ENTRY]
        return {
            "command": words[apart + 1],
            "args": words[apart + 2 :],
            "env": dict(one.split("=", 1) for one in given),
        }
    read = tomllib.loads(text) if block.language == "toml" else json.loads(text)
    found: dict[str, Any] = read[CLIENTS[block.client].table][ENTRY]
    return found


@CASES
@PLACES
def test_a_block_starts_the_server_from_its_folder_with_key_secret_and_folders(block: Block, place: Place) -> None:
    found = entry(block, place)
    begun = start(place.source)
    named = {*found["env"], *found.get("env_vars", [])}
    assert (found["command"], found["args"]) == (begun.command, list(begun.arguments))
    assert named == {"FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET", "FLIPSNACK_UPLOAD_DIRS"}
    assert found["env"]["FLIPSNACK_UPLOAD_DIRS"] in {place.uploads, "${input:flipsnack-upload-dirs}"}


@CASES
def test_the_lines_for_windows_make_its_block_of_the_other(block: Block) -> None:
    theirs = iter(block.windows_lines())
    of_windows = block.text(WINDOWS).splitlines()
    made = [line if line in of_windows else next(theirs) for line in block.text(MAC).splitlines()]
    assert made == of_windows
    assert list(theirs) == []


def test_clients_that_want_more_get_it() -> None:
    by_name = {one.client: one for one in BLOCKS}
    assert by_name.keys() == CLIENTS.keys()
    assert entry(by_name["vscode"], MAC)["type"] == "stdio"
    assert entry(by_name["codex"], MAC)["startup_timeout_sec"] == 60


def test_the_link_for_vs_code_holds_its_block() -> None:
    asked = {name: one for name, (one,) in parse_qs(urlsplit(vs_code_link()).query).items()}
    config, inputs = json.loads(asked["config"]), json.loads(asked["inputs"])
    assert asked["name"] == ENTRY
    assert config | {"args": VS_CODE.entry(MAC)["args"]} == VS_CODE.entry(MAC)
    assert config["args"] == list(start("${input:flipsnack-source}").arguments)
    assert inputs[:3] == json.loads(VS_CODE.text(MAC))["inputs"]
    used = set(re.findall(r"\$\{input:([^}]+)\}", asked["config"]))
    assert used == {one["id"] for one in inputs}


def test_the_link_for_cursor_holds_its_block() -> None:
    asked = {name: one for name, (one,) in parse_qs(urlsplit(cursor_link()).query).items()}
    assert asked["name"] == ENTRY
    assert json.loads(base64.b64decode(asked["config"])) == entry(CURSOR, IN_HOME)


@pytest.mark.parametrize("link", [vs_code_link, cursor_link])
def test_a_link_stands_on_the_page_and_holds_no_key(link: Any) -> None:
    assert f"({link()})" in TEXT
    assert "your key" not in json.dumps(parse_qs(urlsplit(link()).query))


def test_every_part_has_its_place_in_the_page() -> None:
    assert sorted(re.findall(r"<!-- ([a-z ]+): written", TEXT)) == sorted(parts())
    assert all(part in TEXT for part in parts().values())


def test_the_page_says_that_the_name_is_not_ours_until_it_is() -> None:
    assert "not published yet" in status(published=False)
    assert f"`{NAME}` {VERSION}" in status(published=True)
    assert f"{NAME}=={VERSION}" in other_way(published=False)
    assert "--from" in other_way(published=True)
    assert FROM_INDEX.arguments[0] in other_way(published=False)
    assert "@latest" not in TEXT


def test_each_command_of_the_page_has_one_for_windows_beside_it() -> None:
    rows = re.findall(r"^\| (macOS, Linux|Windows) \| `([^`]+)` \|$", TEXT, re.MULTILINE)
    here, there = ([command for system, command in rows if system == one] for one in ("macOS, Linux", "Windows"))
    assert len(here) == len(there) >= 4
    for one, other in zip(here, there, strict=True):
        assert one.split()[-1].rpartition("/")[2] == other.split()[-1].rpartition("\\")[2].removesuffix(".exe")


def test_every_file_that_the_page_links_to_is_there() -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT)
    assert [one for one in linked if not (ROOT / "docs" / one).exists()] == []


def test_the_command_of_the_environment_serves_the_sandbox() -> None:
    told = installed(MAC if os.name == "posix" else WINDOWS)
    command = Path(sys.prefix) / Path(told.command.rpartition(".venv")[2].lstrip("/\\"))
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    asked: list[tuple[str, int | None, object]] = [
        ("initialize", 1, hello),
        ("notifications/initialized", None, {}),
        ("tools/list", 2, {}),
    ]
    lines = [
        json.dumps({"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {}))
        for method, number, params in asked
    ]
    environment = {**os.environ, "FLIPSNACK_SANDBOX": "1", "FLIPSNACK_STATE": "memory:"}
    done = subprocess.run(  # noqa: S603  # our own program
        [command, *told.arguments],
        check=False,
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    answers = {one["id"]: one["result"] for one in map(json.loads, done.stdout.splitlines())}
    assert answers[1]["serverInfo"]["version"] == VERSION
    assert "list_collections" in {one["name"] for one in answers[2]["tools"]}
