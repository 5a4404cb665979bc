"""What set-up put into a configuration is taken out again to the byte, however that is written and whatever came since."""

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipsnack_mcp.clients import CLIENTS, ENTRY
from flipsnack_mcp.commands.setup.editing.change import IN_JSON, IN_TOML, Configuration, beside_the_entry
from tests.commands.setup.at_home import Home

MANNERS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("manners.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(client, text, id=f"{client}, {name}") for client in MANNERS for name, text in MANNERS[client].items()
]
SYNTAX = {"cursor": IN_JSON, "codex": IN_TOML}
SET_UP = ("--yes", "--sandbox")


def told(client: str, text: str) -> dict[str, Any]:
    return Configuration(CLIENTS[client], text, SYNTAX[client]).told


@pytest.mark.parametrize(("client", "text"), CASES)
def test_set_up_leaves_every_other_byte_and_remove_brings_all_back(home: Home, client: str, text: str) -> None:
    path = home.write(client, text.encode())

    assert home.run("setup", client, *SET_UP).status == 0
    written = path.read_bytes().decode()
    assert told(client, written)[CLIENTS[client].table][ENTRY]["env"] == {"FLIPSNACK_SANDBOX": "1"}
    table = CLIENTS[client].table
    assert beside_the_entry(told(client, written), table) == beside_the_entry(told(client, text), table)
    assert gone_from(text, written) == "" or "other" in text

    assert home.run("setup", client, "--remove", "--yes").status == 0
    assert path.read_bytes() == text.encode()


def gone_from(text: str, written: str) -> str:
    """What does not stand there any more, between what is the same before and behind it."""
    before = alike(text, written)
    behind = alike(text[before:][::-1], written[before:][::-1])
    return text[before : len(text) - behind]


def alike(one: str, other: str) -> int:
    """With how many characters both begin."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@pytest.mark.parametrize(("client", "text"), CASES)
def test_an_entry_that_others_wrote_anew_is_taken_out_and_all_else_stays(client: str, text: str) -> None:
    """Nobody knows the cut any more: it is found by what is written."""
    start = {"command": "flipsnack-mcp", "args": list[str]()}
    configuration = Configuration(CLIENTS[client], text, SYNTAX[client])
    written = Configuration(CLIENTS[client], configuration.with_entry(start).made_in(text), SYNTAX[client])
    without = written.without_entry([CLIENTS[client].table], None)
    table = CLIENTS[client].table
    assert beside_the_entry(told(client, without), table) == beside_the_entry(told(client, text), table)
    assert ENTRY not in told(client, without).get(table, {})


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SERVERS = st.dictionaries(st.text(), st.fixed_dictionaries({"command": st.text()}), max_size=3)


@settings(max_examples=40)
@given(
    st.dictionaries(st.text(), JSONS, max_size=3),
    SERVERS | st.none(),
    st.sampled_from([None, 0, 1, 2, 4, "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_any_object_comes_back_to_the_byte(
    others: dict[str, Any], servers: dict[str, Any] | None, indent: int | str | None, newline: str, ascii_only: object
) -> None:
    whole = {**others, **({} if servers is None else {"mcpServers": servers})}
    if servers is None:
        whole.pop("mcpServers", None)
    text = json.dumps(whole, indent=indent, ensure_ascii=bool(ascii_only)).replace("\n", newline)
    configuration = Configuration(CLIENTS["claude-desktop"], text, IN_JSON)
    splice = configuration.with_entry({"command": "x"})
    written = splice.made_in(text)
    assert json.loads(written) == {**whole, "mcpServers": {**(servers or {}), ENTRY: {"command": "x"}}}
    assert Configuration(CLIENTS["claude-desktop"], written, IN_JSON).without_entry([], splice) == text


def test_what_others_wrote_since_stays_and_only_the_entry_goes(home: Home) -> None:
    path = home.write("cursor", b'{\n  "theme": "dark"\n}\n')
    home.run("setup", "cursor", *SET_UP)
    told_now = json.loads(path.read_bytes())
    path.write_text(json.dumps({**told_now, "theme": "light", "new": 1}, indent=4))

    assert home.run("setup", "cursor", "--remove", "--yes").status == 0
    assert json.loads(path.read_bytes()) == {"theme": "light", "new": 1}


def test_a_server_that_was_added_beside_ours_stays(home: Home) -> None:
    path = home.write("cursor", b"{}")
    home.run("setup", "cursor", *SET_UP)
    told_now = json.loads(path.read_bytes())
    told_now["mcpServers"]["b"] = {"command": "c"}
    path.write_text(json.dumps(told_now))

    home.run("setup", "cursor", "--remove", "--yes")
    assert json.loads(path.read_bytes()) == {"mcpServers": {"b": {"command": "c"}}}


def test_what_a_person_wrote_into_our_entry_goes_with_it(home: Home) -> None:
    path = home.write("codex", b'model = "x"\n')
    home.run("setup", "codex", *SET_UP)
    path.write_text(f'{path.read_text()}\n[mcp_servers.flipsnack.tools.list_collections]\napproval_mode = "approve"\n')
    home.run("setup", "codex", "--remove", "--yes")
    assert tomllib.loads(path.read_text()) == {"model": "x"}


def test_a_file_that_was_not_there_is_gone_again(home: Home) -> None:
    before = home.everything
    assert home.run("setup", "vscode", *SET_UP).status == 0
    assert stat.S_IMODE(home.file("vscode").stat().st_mode) == 0o600
    assert home.run("setup", "vscode", "--remove", "--yes").status == 0
    assert home.everything == before


@pytest.mark.parametrize("times", [2, 3])
def test_setting_up_again_changes_only_the_entry_and_comes_back_to_the_first_state(home: Home, times: int) -> None:
    text = b'{\n  "mcpServers": {\n    "flipsnack": {"command": "old/flipsnack-mcp"},\n    "a": {}\n  }\n}\n'
    path = home.write("cursor", text)
    for number in range(times):
        assert home.run("setup", "cursor", *SET_UP, "--confirm", ["block", "approve"][number % 2]).status == 0
    assert home.entry("cursor")["env"]["FLIPSNACK_CONFIRM"] == ["block", "approve"][(times - 1) % 2]
    home.run("setup", "cursor", "--remove", "--yes")
    assert path.read_bytes() == text


def test_the_same_once_more_changes_nothing(home: Home) -> None:
    home.run("setup", "cursor", *SET_UP)
    before = home.everything
    done = home.run("setup", "cursor", *SET_UP)
    assert (done.status, home.everything) == (0, before)
    assert "Nothing was changed" in done.out


def test_a_link_stays_a_link_and_its_target_keeps_its_mode(home: Home) -> None:
    target = home.folder / "dotfiles" / "cursor.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o644)
    link = home.file("cursor")
    link.parent.mkdir()
    link.symlink_to(target)

    home.run("setup", "cursor", *SET_UP)
    assert link.is_symlink()
    assert ENTRY in json.loads(target.read_bytes())["mcpServers"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644

    home.run("setup", "cursor", "--remove", "--yes")
    assert (link.is_symlink(), target.read_text()) == (True, "{}")


def test_a_copy_for_the_owner_alone_lies_there_until_it_is_taken_out(home: Home) -> None:
    home.write("cursor", b'{"mcpServers": {"a": {"env": {"TOKEN": "of somebody else"}}}}')
    shown = home.run("setup", "cursor", *SET_UP).out
    copies = [one for one in (home.folder / "state").rglob("*") if one.is_file()]
    assert "of somebody else" not in shown
    assert any(b"of somebody else" in one.read_bytes() for one in copies)
    assert {stat.S_IMODE(one.stat().st_mode) for one in copies} == {0o600}

    home.run("setup", "cursor", "--remove", "--yes")
    assert [one for one in (home.folder / "state").rglob("*") if one.is_file()] == []


def test_an_entry_that_this_program_did_not_write_can_be_taken_out_too(home: Home) -> None:
    path = home.write("codex", b'model = "x"\n\n[mcp_servers.flipsnack]\ncommand = "uvx"\nargs = ["flipsnack-mcp"]\n')
    assert home.run("setup", "codex", "--remove", "--yes").status == 0
    assert tomllib.loads(path.read_text()) == {"model": "x"}


def test_nothing_to_take_out_is_no_failure(home: Home) -> None:
    done = home.run("setup", "codex", "--remove", "--yes")
    assert done.status == 0
    assert "does not have this server" in done.out
    assert home.everything == {}


@pytest.mark.parametrize(
    "changed",
    [{"copy": ["x"]}, {"copy": "\0"}, {"inserted": 5}, {"replaced": None}, {"made": [["x"]]}, {"made": None}, {"x": 1}, "[" * 100_000],
    ids=lambda one: str(one)[:20],
)  # fmt: skip
def test_a_damaged_note_of_what_was_done_is_none(home: Home, changed: dict[str, Any] | str) -> None:
    path = home.write("cursor", b'{"mcpServers": {"a": {}}}')
    home.run("setup", "cursor", *SET_UP)
    note = next(home.folder.rglob("setup/cursor.json"))
    text = changed if isinstance(changed, str) else json.dumps({**json.loads(note.read_bytes()), **changed})
    note.write_text(text)
    if "copy" not in changed:
        path.write_text(f"{path.read_text()}\n")
    assert home.run("setup", "cursor", "--remove", "--yes").status == 0
    assert json.loads(path.read_bytes()) == {"mcpServers": {"a": {}}}
