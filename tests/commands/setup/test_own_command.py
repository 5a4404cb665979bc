"""A client's own command adds the entry where it is there, can say all of it and loses nothing; else we write it."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from flipsnack_mcp.clients import CLIENTS, Start
from flipsnack_mcp.commands.setup.editing.change import IN_JSON, Configuration
from flipsnack_mcp.commands.setup.own_command import own_command
from tests.commands.setup.at_home import Home

RIGHT = """
words = sys.argv[1:]
env = dict(words[i + 1].split("=", 1) for i, one in enumerate(words) if one == "-e")
told["mcpServers"] = {**told.get("mcpServers", {}), "flipsnack": {"type": "stdio", "command": words[-1], "args": [], "env": env}}
told["numStartups"] = 1
"""
LOSES = RIGHT + "told = {'mcpServers': {'flipsnack': told['mcpServers']['flipsnack']}}"
WRONG = RIGHT + "told['mcpServers']['flipsnack']['env'] = {}"
NOTHING = "told = told"
FAILS = RIGHT + "sys.exit(3)"
OTHERS = {"theme": "dark", "mcpServers": {"a": {"command": "b"}}}


def installed(home: Home, name: str, file: Path, does: str) -> None:
    """A client's command, as a program that reads its file, does something, and writes the file anew."""
    folder = home.folder / "bin"
    folder.mkdir(exist_ok=True)
    body = f"""
import json, pathlib, sys
file = pathlib.Path({str(file)!r})
told = json.loads(file.read_text()) if file.exists() else {{}}
(file.parent / "asked.txt").write_text(" ".join(sys.argv[1:3]))
{does}
file.write_text(json.dumps(told, indent=2))
"""
    program = folder / f"{name}.py"
    program.write_text(body)
    command = folder / name
    command.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-S", "-E", str(program)])} "$@"\n')
    command.chmod(0o755)


def test_the_clients_own_command_is_used_where_it_is_there(home: Home) -> None:
    file = home.write("claude-code", json.dumps(OTHERS).encode())
    installed(home, "claude", file, RIGHT)

    done = home.run("setup", "claude-code", "--yes", "--sandbox")

    assert done.status == 0
    assert "claude mcp add flipsnack --scope user -e FLIPSNACK_SANDBOX=1 -- " in done.out
    assert (home.folder / "asked.txt").read_text() == "mcp add"
    told = json.loads(file.read_bytes())
    assert told["mcpServers"]["a"] == OTHERS["mcpServers"]["a"]  # type: ignore[index]
    assert told["numStartups"] == 1

    assert home.run("setup", "claude-code", "--remove", "--yes").status == 0
    assert file.read_bytes() == json.dumps(OTHERS).encode()


def test_what_the_client_wrote_since_stays(home: Home) -> None:
    file = home.file("claude-code")
    installed(home, "claude", file, RIGHT)
    home.run("setup", "claude-code", "--yes", "--sandbox")
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "numStartups": 2}, indent=2))

    home.run("setup", "claude-code", "--remove", "--yes")

    assert file.read_text() == json.dumps({"numStartups": 2}, indent=2)


@pytest.mark.parametrize(
    "does", [RIGHT, LOSES, WRONG, NOTHING, FAILS], ids=["writes all anew", "loses", "wrong", "nothing", "fails"]
)
def test_where_its_command_does_not_do_just_that_the_entry_is_written_and_nothing_is_lost(
    home: Home, does: str
) -> None:
    file = home.write("gemini", json.dumps(OTHERS).encode())
    installed(home, "gemini", file, does)

    assert home.run("setup", "gemini", "--yes", "--sandbox").status == 0

    told = json.loads(file.read_bytes())
    assert told["mcpServers"].pop("flipsnack")["env"] == {"FLIPSNACK_SANDBOX": "1"}
    assert told == OTHERS
    assert file.read_bytes().startswith(b'{"theme": "dark", "mcpServers": {"flipsnack": {')
    home.run("setup", "gemini", "--remove", "--yes")
    assert file.read_bytes() == json.dumps(OTHERS).encode()


PLAIN = '{"mcpServers": {}}'


@pytest.mark.parametrize(
    ("client", "text", "arguments", "found"),
    [
        pytest.param("claude-code", PLAIN, (), "/bin/claude", id="it is there"),
        pytest.param("claude-code", PLAIN, ("--from", "x"), "/bin/claude", id="words behind the last option"),
        pytest.param("gemini", PLAIN, ("--from", "x"), "/bin/gemini", id="words that it would take for its own"),
        pytest.param("gemini", '{"mcpServers": {}} // mine', (), "/bin/gemini", id="a comment it would lose"),
        pytest.param("gemini", '{"mcpServers": {},}', (), "/bin/gemini", id="a comma it would lose"),
        pytest.param("claude-code", '{"mcpServers": {"flipsnack": {}}}', (), "/bin/claude", id="an entry is there"),
        pytest.param("claude-code", PLAIN, (), None, id="it is not there"),
        pytest.param("claude-code", PLAIN, (), "claude", id="it lies in this very folder"),
        pytest.param("claude-code", PLAIN, (), "/npm/claude.CMD", id="a shell would read the words anew"),
        pytest.param("vscode", PLAIN, (), "/bin/code", id="nothing takes it out again"),
        pytest.param("cursor", PLAIN, (), "/bin/cursor", id="it has none"),
    ],
)
def test_it_is_used_only_where_it_can_say_all_and_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, client: str, text: str, arguments: tuple[str, ...], found: str | None
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: found)
    words = own_command(Configuration(CLIENTS[client], text, IN_JSON), Start("/opt/x", arguments))
    assert bool(words) == (found == "/bin/claude" and text == PLAIN)
