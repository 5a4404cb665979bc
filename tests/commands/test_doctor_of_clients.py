"""What `doctor` says of the configurations that clients have of this server: found, read, each fault told with its cure."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp import published
from flipsnack_mcp.clients import CLIENTS, Computer, Start, in_folder
from flipsnack_mcp.commands.doctor.configured.entries import IN_A_PROJECT, ClientEntry, client_of_file, found_here
from flipsnack_mcp.commands.doctor.configured.filling import on_its_way, reaching
from flipsnack_mcp.commands.doctor.configured.judging import judged, maybe_otherwise
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.systems import HERE, LINUX, MACOS, WINDOWS, System
from tests.commands.processes import KEY, SECRET, Ended

Here = Callable[..., Ended]
WITH_KEY = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
TABLES = {kind: client.table for kind, client in CLIENTS.items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the program in it, and a folder in which nobody has written anything."""
    (tmp_path / "bin").mkdir()
    for name in ("flipsnack-mcp", "uvx"):
        (tmp_path / "bin" / name).touch(mode=0o755)
    for name in ("work", "flipbooks"):
        (tmp_path / name).mkdir()
    return tmp_path


def computer_at(home: Path) -> Computer:
    return Computer("linux", home, {}, in_folder)


def entry(home: Path, **said: Any) -> dict[str, Any]:
    return {"command": str(home / "bin" / "flipsnack-mcp"), "args": [], "env": WITH_KEY, **said}


def configured(home: Path, kind: str, **servers: Any) -> Path:
    """The configuration of a client, with these servers."""
    file = Path(CLIENTS[kind].files(computer_at(home))[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_toml(servers) if kind == "codex" else json.dumps({TABLES[kind]: servers}), encoding="utf-8")
    file.chmod(0o600)
    return file


def as_toml(servers: Mapping[str, Any]) -> str:
    """Values of JSON are values of TOML, but for tables."""
    lines = list[str]()
    for name, body in servers.items():
        lines += [
            f"[mcp_servers.{name}]",
            *(f"{one} = {json.dumps(value)}" for one, value in body.items() if one != "env"),
        ]
        lines += [
            f"[mcp_servers.{name}.env]",
            *(f"{one} = {json.dumps(value)}" for one, value in body.get("env", {}).items()),
        ]
    return "\n".join(lines) + "\n"


def looked(home: Path, **here: str) -> list[Finding]:
    found = judged(found_here(computer_at(home), home / "work"), here)
    assert not [one for one in found if SECRET in one.said or KEY in one.said]
    return found


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_entry_that_set_up_would_write_is_right_and_told_with_the_end_of_its_key(home: Path, kind: str) -> None:
    environment = {**WITH_KEY, "FLIPSNACK_UPLOAD_DIRS": str(home / "flipbooks")}
    start = Start(str(home / "bin" / "flipsnack-mcp"), (), environment)
    file = configured(home, kind, flipsnack=CLIENTS[kind].entry(start))
    (found,) = looked(home)
    assert (found.ok, found.client) == (True, f'{CLIENTS[kind].title}, "flipsnack"')
    assert found.said == f'starts this server: key ending {KEY[-4:]}; uploads from "{home / "flipbooks"}" ({file})'


def test_what_names_other_servers_alone_is_not_looked_at_whatever_is_wrong_with_it(home: Path) -> None:
    for kind in CLIENTS:
        configured(home, kind, other={"command": "/nowhere"}).write_bytes(b"{ \xff no JSON and no TOML")
    assert looked(home) == []


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no command": ({"command": ""}, "it names no command"),
    "gone": ({"command": "/opt/gone/bin/flipsnack-mcp"}, "`{setup}` writes the right one"),
    "not found": ({"command": "flipsnack-mcp-of-nobody", "args": ["flipsnack-mcp"]}, "is not found from this terminal"),
    "a folder that is the client's choice": ({"command": ".venv/bin/flipsnack-mcp"}, "write the whole path"),
    "by a name that is not ours": ({"command": "{bin}/uvx", "args": ["flipsnack-mcp@latest"]}, "handed the key"),
    "by that name with a version": (
        {"command": "{bin}/uvx", "args": ["--from", "flipsnack-mcp[redis]==0.1.0", "flipsnack-mcp"]},
        "handed the key",
    ),
    "from a folder that is gone": (
        {"command": "{bin}/uvx", "args": ["--from", "/opt/gone", "flipsnack-mcp"]},
        "is not there any more",
    ),
    "another command": ({"args": ["demo"]}, "no server starts"),
    "HTTP": ({"args": ["serve", "--http", "127.0.0.1:8000"]}, "no client that starts it"),
    "an option that is none": ({"args": ["--upload-dir", "/x"]}, "did you mean --upload-dirs?"),
    "no key": ({"env": {}}, "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set"),
    "half a key": ({"env": {"FLIPSNACK_API_KEY": KEY}}, "FLIPSNACK_API_SECRET is not set"),
    "a key of an example": (
        {"env": {"FLIPSNACK_API_KEY": "your-api-key", "FLIPSNACK_API_SECRET": SECRET}},
        "looks like what an example has",
    ),
    "quotes": ({"env": {**WITH_KEY, "FLIPSNACK_API_KEY": f'"{KEY}"'}}, "has quotes or spaces around its value"),
    "a placeholder of another client": (
        {"env": {**WITH_KEY, "FLIPSNACK_API_SECRET": "${user_config.secret}"}},
        "still holds a placeholder",
    ),
    "a number": ({"env": {**WITH_KEY, "FLIPSNACK_READ_ONLY": 1}}, "FLIPSNACK_READ_ONLY is no text there"),
    "a number under a name that is none": ({"env": {**WITH_KEY, SECRET: 1}}, "a variable is no text there"),
    "arguments that are one text": ({"args": "serve"}, "its arguments are no list of texts"),
    "variables that are a list": ({"env": ["FLIPSNACK_SANDBOX=1"]}, "its variables are no table"),
    "a setting that is none": (
        {"env": {**WITH_KEY, "FLIPSNACK_UPLOAD_DIR": "/x"}},
        "did you mean FLIPSNACK_UPLOAD_DIRS?",
    ),
    "a folder that is not there": (
        {"env": {**WITH_KEY, "FLIPSNACK_UPLOAD_DIRS": "/nowhere/at/all"}},
        "is no folder that can be read",
    ),
    "a relative folder": ({"env": {**WITH_KEY, "FLIPSNACK_UPLOAD_DIRS": "flipbooks"}}, "holds a relative folder"),
}


@pytest.mark.parametrize(("said", "told"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_an_entry_is_told_with_what_helps(home: Path, said: dict[str, Any], told: str) -> None:
    said = {**said, "command": said.get("command", "{bin}/flipsnack-mcp").replace("{bin}", str(home / "bin"))}
    configured(home, "claude-desktop", flipsnack=entry(home, **said))
    wrong = [one for one in looked(home) if not one.ok]
    assert len(wrong) == 1, wrong
    assert wrong[0].client == 'Claude Desktop, "flipsnack"'
    assert told.replace("{setup}", "flipsnack-mcp setup claude-desktop") in wrong[0].said


def test_a_program_that_may_not_be_carried_out_is_told(home: Path) -> None:
    configured(home, "cursor", flipsnack=entry(home))
    (home / "bin" / "flipsnack-mcp").chmod(0o644)
    (wrong,) = looked(home)
    assert "may not be carried out" in wrong.said


@pytest.mark.parametrize("source", ["{home}/flipbooks[redis]", "git+https://example.com/flipsnack-mcp"])
def test_what_a_runner_takes_from_a_place_that_is_named_is_no_fault(home: Path, source: str) -> None:
    taken = ["--from", source.replace("{home}", str(home)), "flipsnack-mcp", "--read-only"]
    configured(home, "codex", flipsnack=entry(home, command=str(home / "bin" / "uvx"), args=taken))
    assert looked(home)[0].ok


def test_a_package_that_is_published_may_be_started_by_its_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "PUBLISHED", True)
    configured(
        home,
        "codex",
        flipsnack=entry(home, command=str(home / "bin" / "uvx"), args=["flipsnack-mcp==0.1.0", "--read-only"]),
    )
    assert looked(home)[0].ok


@pytest.mark.parametrize(("system", "asks"), [(MACOS, True), (LINUX, False), (WINDOWS, False)])
def test_what_may_be_otherwise_for_a_client_than_for_this_terminal_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, system: System, *, asks: bool
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("flipsnack_mcp.systems.HERE", system)
    settings = Settings(upload_dirs=(home / "Documents" / "flipbooks", home / "elsewhere"))
    by_name = ClientEntry("claude-desktop", home, "flipsnack", "uvx")
    said = list(maybe_otherwise(by_name, settings, lambda name: f"/opt/bin/{name}"))
    assert [one for one in said if "Privacy & Security" in one] == said[1:] * asks
    assert [one for one in said if "/opt/bin/uvx" in one] == said[:1] * (system is not WINDOWS)
    assert not [one for one in maybe_otherwise(replace(by_name, kind="codex"), settings) if "/uvx" in one]


FILLED = [
    ("claude-code", "${KEY_OF_MINE}", "a key"), ("claude-code", "${NOT_SET:-a key}", "a key"), ("claude-code", "${NOT_SET}", None),
    ("vscode", "${env:KEY_OF_MINE}", "a key"), ("vscode", "${input:key}", None), ("vscode", "${KEY_OF_MINE}", "${KEY_OF_MINE}"),
    ("cursor", "${env:KEY_OF_MINE}", "a key"), ("cursor", "${env:NOT_SET}", None), ("cursor", "${input:key}", "${input:key}"),
    ("gemini", "$KEY_OF_MINE", "a key"), ("gemini", "${KEY_OF_MINE}", "a key"), ("gemini", "$NOT_SET", None),
    ("claude-desktop", "${KEY_OF_MINE}", "${KEY_OF_MINE}"), ("codex", "$KEY_OF_MINE", "$KEY_OF_MINE"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "written", "arrives"), FILLED)
def test_each_client_fills_in_what_it_knows_and_leaves_the_rest_as_it_stands(
    kind: str, written: str, arrives: str | None
) -> None:
    told = reaching(
        ClientEntry(kind, Path("x"), "x", environment={"FLIPSNACK_API_KEY": written}), {"KEY_OF_MINE": "a key"}
    )
    assert told.environment.get("FLIPSNACK_API_KEY") == arrives
    assert told.unseen == (("FLIPSNACK_API_KEY",) if arrives is None else ())


@pytest.mark.parametrize(("kind", "arrives"), [
    ("claude-code", {"FLIPSNACK_API_KEY", "FLIPSNACK_CONFIRM"}), ("gemini", {"FLIPSNACK_CONFIRM"}), ("claude-desktop", set()), ("codex", set()),
])  # fmt: skip
def test_a_client_hands_on_what_it_hands_on_of_its_own_environment(kind: str, arrives: set[str]) -> None:
    here = {"FLIPSNACK_API_KEY": "a key", "FLIPSNACK_CONFIRM": "block", "HOME": "/home/me"}
    assert reaching(ClientEntry(kind, Path("x"), "x"), here).environment.keys() == arrives


@pytest.mark.parametrize(
    ("kind", "proxy"), [("claude-desktop", None), ("claude-code", "http://here:1"), ("codex", None)]
)
def test_the_way_of_a_client_is_that_of_its_entry(kind: str, proxy: str | None) -> None:
    here = {"HTTPS_PROXY": "http://here:1", "SSL_CERT_FILE": "/here.pem", "HOME": "/home/me"}
    before = dict(here)
    with on_its_way(ClientEntry(kind, Path("x"), "x", environment={"SSL_CERT_FILE": "/there.pem"}), here):
        assert (here.get("HTTPS_PROXY"), here["SSL_CERT_FILE"], here["HOME"]) == (proxy, "/there.pem", "/home/me")
    assert here == before


def test_a_key_that_a_client_asks_for_itself_is_not_missing(home: Path) -> None:
    hidden = {"FLIPSNACK_API_KEY": "${input:key}", "FLIPSNACK_API_SECRET": "${input:secret}"}
    configured(home, "vscode", flipsnack=entry(home, env=hidden))
    (found,) = looked(home)
    assert found.ok
    assert "FLIPSNACK_API_KEY, FLIPSNACK_API_SECRET filled in by VS Code and not seen here" in found.said


def test_what_codex_hands_on_counts_as_far_as_it_is_set_here(home: Path) -> None:
    file = configured(
        home, "codex", flipsnack={"command": str(home / "bin" / "flipsnack-mcp"), "env_vars": [*WITH_KEY]}
    )
    assert looked(home)[0].ok
    (found,) = judged(found_here(computer_at(home), home), WITH_KEY)
    assert found.said.startswith(f"starts this server: key ending {KEY[-4:]}")
    file.write_text(file.read_text("utf-8").replace("env_vars", "environment_variables"), "utf-8")
    assert "are not set" in judged(found_here(computer_at(home), home), WITH_KEY)[0].said


def test_a_file_that_its_client_cannot_read_either_is_told_and_left(home: Path) -> None:
    broken = {"cursor": '{"mcpServers": {"flipsnack": {"command": }}}', "codex": "[mcp_servers.flipsnack\n"}
    files = {kind: configured(home, kind) for kind in (*broken, "claude-desktop")}
    for kind, text in broken.items():
        files[kind].write_text(text)
    files["claude-desktop"].write_bytes('{"mcpServers": {"flipsnack": {}}}'.encode("utf-16"))
    found = looked(home)
    assert [one.ok for one in found] == [False] * 3
    said = " ".join(one.said for one in found)
    assert all(
        words in said
        for words in ("is no JSON from line 1 on", "is no TOML", "is not written in UTF-8", "It was left as it is")
    )


def test_what_is_set_for_one_project_is_found_in_both_places(home: Path) -> None:
    of_project = {"projects": {"/somewhere": {"mcpServers": {"flipsnack": entry(home, env={})}}}}
    configured(home, "claude-code").write_text(json.dumps(of_project))
    (home / "work" / ".mcp.json").write_text(json.dumps({"mcpServers": {"flipsnack-work": entry(home, env={})}}))
    found = looked(home, FLIPSNACK_SANDBOX="1")
    assert [one.client for one in found] == ['Claude Code, "flipsnack"', 'Claude Code, "flipsnack-work"']
    assert all("the sandbox" in one.said for one in found)


def test_a_configuration_with_a_key_that_others_may_read_is_told_and_left_to_its_client(home: Path) -> None:
    configured(home, "gemini", flipsnack=entry(home)).chmod(0o644)
    rightly, told = looked(home)
    assert (rightly.ok, told.ok, told.mend) == (True, True, None)
    assert "holds keys and is open to other users" in told.said


@pytest.mark.parametrize(
    ("kind", "value"), [("vscode", "${input:key}"), ("cursor", "${env:KEY}"), ("gemini", "$KEY"), ("claude-code", "")]
)
def test_a_configuration_that_leaves_the_key_to_its_client_holds_none(home: Path, kind: str, value: str) -> None:
    configured(home, kind, flipsnack=entry(home, env=dict.fromkeys(WITH_KEY, value))).chmod(0o644)
    assert [one.said for one in looked(home) if "holds keys" in one.said] == []


@pytest.mark.parametrize(
    ("kind", "table"), [("vscode", "mcpServers"), ("cursor", "servers"), ("claude-desktop", "servers")]
)
def test_an_entry_under_a_name_that_its_client_does_not_read_is_a_fault(home: Path, kind: str, table: str) -> None:
    file = configured(home, kind)
    file.write_text(json.dumps({table: {"flipsnack": entry(home)}}))
    (wrong,) = looked(home)
    assert f'{CLIENTS[kind].title} reads "{CLIENTS[kind].table}", and it stands under "{table}"' in wrong.said


def test_entries_of_two_projects_do_not_meet(home: Path) -> None:
    both = {f"/project/{name}": {"mcpServers": {f"flipsnack-{name}": entry(home)}} for name in "ab"}
    configured(home, "claude-code").write_text(json.dumps({"projects": both}))
    assert [one.ok for one in looked(home)] == [True, True]


def test_two_entries_on_one_key_are_told_where_they_harm_each_other(home: Path) -> None:
    configured(home, "cursor", flipsnack=entry(home), flipsnack_too=entry(home))
    other = {**WITH_KEY, "FLIPSNACK_STATE": f"sqlite:{home / 'other.sqlite'}"}
    configured(home, "codex", flipsnack=entry(home, env=other))
    configured(home, "gemini", flipsnack=entry(home))
    wrong = {one.client: one.said for one in looked(home) if not one.ok}
    assert "each tool is offered twice" in wrong['Cursor, "flipsnack_too"']
    assert "do not share the calls" in wrong['Codex, "flipsnack"']
    assert wrong.keys() == {'Cursor, "flipsnack_too"', 'Codex, "flipsnack"'}


@pytest.mark.parametrize("said", [
    {"command": "npx", "args": ["another-server"]},
    {"command": "docker", "args": ["run", "-i", "flipsnack-mcp"]},
    {"url": "https://flipsnack.example.com/mcp"},
    {"url": f"https://flipsnack.example.com/mcp?token={SECRET}"},
])  # fmt: skip
def test_what_does_not_start_this_program_here_is_named_and_no_fault(home: Path, said: dict[str, Any]) -> None:
    configured(home, "cursor", flipsnack=said)
    (found,) = looked(home)
    assert found.ok
    assert "not looked at" in found.said or "doctor --http https://flipsnack.example.com/mcp" in found.said


ODD: dict[str, Any] = {
    "NUL in a command": {"flipsnack": {"command": "/opt/flipsnack-mcp\0"}}, "NUL in a folder": {"flipsnack": {"command": "flipsnack-mcp", "env": {"FLIPSNACK_UPLOAD_DIRS": "/\0"}}},
    "half a character": {"flipsnack": {"command": "flipsnack-mcp", "env": {"FLIPSNACK_DOWNLOAD_DIR": "/\ud800"}}},
    "half a character as a name": {"flipsnack\ud800": {"command": "flipsnack-mcp\ud800", "args": ["\0"]}},
    "nothing": {"flipsnack": None}, "a text": {"flipsnack": "flipsnack-mcp"}, "a list": ["flipsnack-mcp"], "a number": 7,
    "deep": {"flipsnack": {"command": ["flipsnack-mcp"], "args": {"a": [{}]}, "env": {"FLIPSNACK_API_KEY": {"x": {}}}, "url": 7}},
    "a home of nobody": {"flipsnack": {"command": "~nobody-at-all/flipsnack-mcp", "env": {"FLIPSNACK_ACCOUNTS": "~nobody-at-all/x"}}},
}  # fmt: skip


@pytest.mark.parametrize("servers", ODD.values(), ids=ODD)
@pytest.mark.parametrize("kind", ["claude-desktop", "claude-code", "vscode"])
def test_whatever_stands_in_a_configuration_the_doctor_goes_on(home: Path, kind: str, servers: Any) -> None:
    projects = {"flipsnack": servers, "x": {"mcpServers": servers}}
    configured(home, kind).write_text(json.dumps({CLIENTS[kind].table: servers, "projects": projects}))
    assert all(one.client and one.line.isprintable() for one in looked(home))


def test_what_is_wrong_in_the_file_of_accounts_is_not_to_be_changed_in_the_clients(home: Path) -> None:
    accounts = home / "accounts.toml"
    accounts.write_text('[accounts.germany]\nsandbox = "small"\nconfirm = "never"\n')
    configured(home, "cursor", flipsnack=entry(home, env={"FLIPSNACK_ACCOUNTS": str(accounts)}))
    (found,) = looked(home)
    assert found.said.startswith(f'{accounts}, account "germany": confirm is none of ')
    assert "Change it in" not in found.said


def test_what_is_wrong_in_this_terminal_is_not_to_be_changed_in_the_clients_file(home: Path) -> None:
    file = configured(home, "cursor", flipsnack=entry(home, env={**WITH_KEY, "FLIPSNACK_READ_ONLY": "perhaps"}))
    odd, own = sorted(one.said for one in looked(home, FLIPSNACK_TOOLSETS="all") if not one.ok)
    assert odd.endswith(f"FLIPSNACK_READ_ONLY is neither 1, 0, true nor false. Change it in {file}.")
    assert own.endswith("there are: default, legacy. FLIPSNACK_TOOLSETS comes from this terminal.")


# --- the command
def of_sandbox(home: Path) -> Path:
    return configured(home, "claude-desktop", flipsnack=entry(home, env={"FLIPSNACK_SANDBOX": "1"}))


def test_the_doctor_of_a_terminal_without_a_key_judges_what_the_clients_have(run_here: Here, home: Path) -> None:
    of_sandbox(home)
    ended = run_here("doctor", HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"))
    assert ended.status == 0, ended.out
    assert 'ok   [Claude Desktop, "flipsnack"] entry: starts this server: the sandbox' in ended.out
    assert "no key is set in this terminal" in ended.out
    assert "cannot be seen here" not in ended.out


def test_a_key_that_a_client_asks_for_itself_is_looked_at_with_the_environment_that_a_terminal_has(
    run_here: Here, home: Path
) -> None:
    asked = {name: f"${{input:{name.lower()}}}" for name in WITH_KEY}
    configured(home, "vscode", flipsnack=entry(home, env=asked))
    ended = run_here("doctor", HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"))
    assert ended.status == 0, ended.out
    assert "FLIPSNACK_API_KEY, FLIPSNACK_API_SECRET filled in by VS Code and not seen here" in ended.out


def test_the_imitation_needs_no_key_also_where_a_client_is_set_up(run_here: Here, home: Path) -> None:
    of_sandbox(home)
    ended = run_here("doctor", HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), FLIPSNACK_SANDBOX="1")
    assert "ok   call: user.getStats answered" in ended.out
    assert "no key is set" not in ended.out


def test_a_configuration_that_is_named_is_tried_with_its_own_key(run_here: Here, home: Path) -> None:
    file = of_sandbox(home)
    ended = run_here("doctor", "--json", "--config", str(file), HOME=str(home))
    told = json.loads(ended.out)
    assert ended.status == 0, ended.out
    assert (told["config"], [one["check"] for one in told["checks"]]) == (str(file), ["entry", "call"])
    assert {one["client"] for one in told["checks"]} == {'Claude Desktop, "flipsnack"'}


def test_whom_an_entry_asks_in_the_place_of_flipsnack_is_named(home: Path) -> None:
    elsewhere = {"FLIPSNACK_API_URL": "https://collects.example/v1/", "FLIPSNACK_UPLOAD_URL": "http://127.0.0.1:8123/"}
    configured(home, "cursor", flipsnack=entry(home, env={**WITH_KEY, **elsewhere}))
    configured(home, "codex", flipsnack=entry(home, env={"FLIPSNACK_SANDBOX": "1", **elsewhere}))
    configured(home, "vscode", flipsnack=entry(home, env={**WITH_KEY, "FLIPSNACK_API_URL": Settings.api_url}))
    told = {one.client: one.said for one in looked(home)}
    assert 'asks "collects.example", "127.0.0.1" in the place of Flipsnack' in told['Cursor, "flipsnack"']
    assert [one for one in told.values() if "in the place of" in one] == [told['Cursor, "flipsnack"']]


@pytest.mark.skipif(not HERE.modes, reason="no file is closed by its mode there")
def test_what_a_project_calls_a_file_with_a_key_is_not_closed(
    run_here: Here, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made the project could name any file of this person, who has it open for a reason."""
    files = {}
    for whose in ("own", "strange"):
        files[whose] = home / f"{whose}.key"
        files[whose].write_text(KEY)
        files[whose].chmod(0o644)
    configured(home, "cursor", flipsnack=entry(home, env={"FLIPSNACK_API_KEY_FILE": str(files["own"])}))
    strange = {"flipsnack": entry(home, env={"FLIPSNACK_API_KEY_FILE": str(files["strange"])})}
    (home / "work" / ".mcp.json").write_text(json.dumps({"mcpServers": strange}))
    monkeypatch.chdir(home / "work")
    ended = run_here("doctor", "--fix", HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"))
    assert {whose: one.stat().st_mode & 0o777 for whose, one in files.items()} == {"own": 0o600, "strange": 0o644}
    assert f"{files['strange']} holds keys and is open to other users" in ended.out


@pytest.mark.parametrize("text", ["{}", None])
def test_a_configuration_without_this_server_is_a_fault(run_here: Here, home: Path, text: str | None) -> None:
    file = home / "mcp.json"
    if text is not None:
        file.write_text(text)
    ended = run_here("doctor", "--config", str(file), HOME=str(home))
    assert ended.status == 1
    assert re.search("names no server that is this one|is not there", ended.out)
    assert "setup --help" in ended.out


def test_whose_configuration_a_file_is_shows_by_its_place_or_its_name(home: Path) -> None:
    at = computer_at(home)
    for kind in CLIENTS:
        assert client_of_file(configured(home, kind), at) == kind
    elsewhere = {"mcp.json": "vscode", ".mcp.json": "claude-code", "config.toml": "codex", "x.json": "claude-desktop"}
    (home / "bin" / "of_a_code.json").write_text('{"servers": {}}')
    elsewhere["of_a_code.json"] = "vscode"
    assert {name: client_of_file(home / "bin" / name, at) for name in elsewhere} == elsewhere


@pytest.mark.parametrize(
    "typed", ["--http http://127.0.0.1:9 --fix", "--http http://127.0.0.1:9 --config x", "--config"]
)
def test_what_cannot_go_together_is_wrong_usage(run_here: Here, typed: str) -> None:
    assert run_here("doctor", *typed.split()).status == 2


@pytest.mark.parametrize("name", IN_A_PROJECT.values())
def test_a_projects_file_is_known_by_the_folder_that_it_lies_in_wherever_the_project_is(home: Path, name: str) -> None:
    expected = {file: kind for kind, file in IN_A_PROJECT.items()}[name]
    assert client_of_file(home / "elsewhere" / "project" / name, computer_at(home)) == expected


@pytest.mark.parametrize(("table", "kind"), [("servers", "vscode"), ("mcpServers", "cursor")])
def test_a_copy_of_a_file_that_two_clients_call_alike_is_known_by_what_stands_in_it(
    home: Path, table: str, kind: str
) -> None:
    copy = home / "mcp.json"
    copy.write_text(json.dumps({table: {"flipsnack": {"command": "flipsnack-mcp"}}}))
    assert client_of_file(copy, computer_at(home)) == kind
