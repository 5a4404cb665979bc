"""`flipsnack-mcp setup CLIENT`: asks, shows, asks once more, writes; and whatever is not wanted leaves no trace."""

import io
import json
import os
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from flipsnack_mcp import __version__, published, started
from flipsnack_mcp.api import Access, BudgetInMemory, Flipsnack, Pacer
from flipsnack_mcp.clients import CLIENTS
from flipsnack_mcp.commands.setup import credentials, starting
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.settings import Settings
from tests.commands.processes import KEY, SECRET
from tests.commands.setup.at_home import Home

pytestmark = pytest.mark.usefixtures("no_flipsnack")
FOLDER = "FLIPSNACK_UPLOAD_DIRS"
OLD = {"command": "uvx", "args": ["flipsnack-mcp@latest"], "env": {"FLIPSNACK_API_KEY": KEY}}


def kept_files(home: Home) -> dict[str, str]:
    """Files of ours that hold key or secret, each with its mode."""
    return {
        one.name: oct(stat.S_IMODE(one.stat().st_mode))
        for one in home.folder.rglob("*")
        if one.is_file() and one.read_bytes() in {f"{KEY}\n".encode(), f"{SECRET}\n".encode()}
    }


def test_a_person_is_asked_for_all_that_is_missing_and_sees_what_is_written(home: Home, tmp_path: Path) -> None:
    typed = home.typed(KEY, SECRET, str(tmp_path), "approve", "y")
    done = home.run("setup", "cursor", stdin=typed)
    assert done.status == 0
    environment = home.entry("cursor")["env"]
    assert environment["FLIPSNACK_CONFIRM"] == "approve"
    assert environment[FOLDER] == str(tmp_path)
    assert Path(environment["FLIPSNACK_API_KEY_FILE"]).read_text() == f"{KEY}\n"
    assert Path(environment["FLIPSNACK_API_SECRET_FILE"]).read_text() == f"{SECRET}\n"
    assert kept_files(home) == {"default.key": "0o600", "default.secret": "0o600"}
    assert f'+       "command": "{home.entry("cursor")["command"]}",' in done.out
    assert KEY.encode() not in home.file("cursor").read_bytes()


@pytest.mark.parametrize(
    "lines",
    [(), (KEY,), (KEY, SECRET), (KEY, SECRET, ""), (KEY, SECRET, "", ""), (KEY, SECRET, "", "", "n"), (KEY, SECRET, "", "maybe"), (KEY, SECRET, "/no/such/folder", "", "y"), (KEY, "")],
)  # fmt: skip
def test_whoever_does_not_say_yes_leaves_no_trace(home: Home, lines: tuple[str, ...]) -> None:
    home.write("cursor", b"{}")
    done = home.run("setup", "cursor", stdin=home.typed(*lines))
    assert done.status == 1
    assert "Nothing was changed" in done.out or "nothing was changed" in done.out
    assert {name: one for name, one in home.everything.items() if "state" not in name} == {".cursor/mcp.json": b"{}"}


def test_an_interrupt_at_a_question_leaves_no_trace(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    typed = home.typed(KEY)
    monkeypatch.setattr("getpass.getpass", interrupted)
    done = home.run("setup", "cursor", stdin=typed)
    assert (done.status, done.out) == (1, "\nNothing was changed.\n")
    assert home.everything == {}


@pytest.mark.parametrize(
    ("words", "enter"), [("setup cursor", "to play with the imitation instead"), ("login", "to leave all as it is")]
)
def test_the_question_for_the_key_says_what_comes_of_none(
    home: Home, monkeypatch: pytest.MonkeyPatch, words: str, enter: str
) -> None:
    asked = list[str]()

    def has_none(question: str) -> str:
        asked.append(question)
        return ""

    typed = home.typed("", "", "", "")
    monkeypatch.setattr("getpass.getpass", has_none)
    done = home.run(*words.split(), stdin=typed)
    assert asked == [f"API key (nothing is shown; Enter {enter}): "]
    assert done.out.endswith("Nothing was changed.\n")


def test_who_has_no_key_plays_with_the_imitation(home: Home) -> None:
    assert home.run("setup", "cursor", stdin=home.typed("", "", "", "y")).status == 0
    assert home.entry("cursor")["env"] == {"FLIPSNACK_SANDBOX": "1"}


def test_who_plays_with_the_imitation_hears_beforehand_that_no_terminal_reaches_it(home: Home) -> None:
    asked = home.run("setup", "cursor", stdin=home.typed("", "", "approve", "n"))
    assert "FLIPSNACK_CONFIRM=approve lets nothing be deleted" in asked.out
    home.run("setup", "cursor", stdin=home.typed("", "", "approve", "y"))
    assert home.entry("cursor")["env"]["FLIPSNACK_CONFIRM"] == "approve"
    assert "lets nothing be deleted" in home.run("doctor").out
    state = f"sqlite:{home.folder / 'state.sqlite'}"
    assert (
        "lets nothing"
        not in home.run("setup", "codex", "--yes", "--sandbox", "--confirm", "approve", "--state", state).out
    )


def test_key_and_secret_come_on_stdin_each_on_its_line(home: Home) -> None:
    assert home.run("setup", "cursor", "--yes", stdin=io.StringIO(f"{KEY}\n{SECRET}\n")).status == 0
    assert kept_files(home).keys() == {"default.key", "default.secret"}


@pytest.mark.parametrize("text", ["", f"{KEY}\n", "\n\n"])
def test_where_nothing_comes_that_is_said(home: Home, text: str) -> None:
    done = home.run("setup", "cursor", "--yes", stdin=io.StringIO(text))
    assert done.status == 1
    assert "No key and secret came." in done.out
    assert "For the imitation say --sandbox." in done.out
    assert home.everything == {}


def test_without_a_terminal_nothing_is_done_unless_it_was_said_that_nobody_is_asked(home: Home) -> None:
    done = home.run("setup", "cursor", "--sandbox")
    assert done.status == 1
    assert "run it again with --yes" in done.out
    assert '+     "flipsnack": {' in done.out
    assert home.everything == {}


def test_files_that_only_their_owner_reads_are_named_and_not_copied(home: Home) -> None:
    files = home.key_files()
    words = [word for pair in files.items() for word in pair]
    assert home.run("setup", "cursor", "--yes", "--sandbox", *words).status == 0
    environment = home.entry("cursor")["env"]
    assert [environment["FLIPSNACK_API_KEY_FILE"], environment["FLIPSNACK_API_SECRET_FILE"]] == [*files.values()]
    assert not (home.folder / ".config").exists()


def test_files_that_others_can_read_are_kept_better(home: Home) -> None:
    files = home.key_files()
    Path(files["--api-key-file"]).chmod(0o644)
    words = [word for pair in files.items() for word in pair]
    assert home.run("setup", "cursor", "--yes", *words).status == 0
    assert Path(home.entry("cursor")["env"]["FLIPSNACK_API_KEY_FILE"]).name == "default.key"


@pytest.mark.parametrize("half", ["--api-key-file", "--api-secret-file"])
def test_half_of_what_is_needed_is_not_made_up_for_by_what_was_kept(home: Home, half: str) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    done = home.run("setup", "cursor", "--yes", half, home.key_files()[half])
    assert done.status == 1
    assert "is not set" in done.out
    assert not home.file("cursor").exists()


def test_what_login_kept_is_used_and_nobody_is_asked_again(home: Home) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    done = home.run("setup", "cursor", "--yes")
    assert done.status == 0
    assert "is used" in done.out
    assert "login` keeps another one" in done.out
    assert Path(home.entry("cursor")["env"]["FLIPSNACK_API_KEY_FILE"]).name == "default.key"


@pytest.mark.parametrize("client", CLIENTS)
def test_print_shows_the_entry_and_changes_nothing(home: Home, client: str) -> None:
    done = home.run("setup", client, "--print", "--confirm", "block")
    assert done.status == 0
    told: dict[str, Any] = tomllib.loads(done.out) if client == "codex" else json.loads(done.out)
    assert told[CLIENTS[client].table]["flipsnack"]["env"] == {"FLIPSNACK_CONFIRM": "block"}
    assert str(home.file(client)) in done.err
    assert "No key is kept yet" in done.err
    assert home.everything == {}


def test_what_is_replaced_is_not_shown_for_it_may_hold_a_key(home: Home) -> None:
    home.write("cursor", json.dumps({"mcpServers": {"flipsnack": OLD}}).encode())
    done = home.run("setup", "cursor", "--yes", "--sandbox")  # which looks at all that was shown
    assert 'in the place of the entry "flipsnack" that is there' in done.out


def test_what_counts_in_the_terminal_counts_in_the_client(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.folder / "flyers").mkdir()
    monkeypatch.chdir(home.folder)
    told = {
        "FLIPSNACK_CALLS_PER_MINUTE": "30",
        "FLIPSNACK_TOKENS": "/srv/tokens.json",
        "FLIPSNACK_STATE": f"redis://:{SECRET}@127.0.0.1:6379/0",
        "HTTPS_PROXY": f"http://anna:{SECRET}@127.0.0.1:1",
        "NO_PROXY": "example.com",
    }

    done = home.run("setup", "cursor", "--yes", "--sandbox", "--upload-dirs", "flyers", stdin=None, **told)

    assert home.entry("cursor")["env"] == {
        "FLIPSNACK_SANDBOX": "1",
        FOLDER: str(home.folder / "flyers"),
        "FLIPSNACK_CALLS_PER_MINUTE": "30",
        "NO_PROXY": "example.com",
    }
    assert "HTTPS_PROXY holds a login and was left out" in done.out
    assert "FLIPSNACK_STATE holds a password and was left out" in done.out
    printed = home.run("setup", "cursor", "--print", "--sandbox", stdin=None, **told)
    assert SECRET not in printed.out + printed.err
    assert "HTTPS_PROXY holds a login and was left out" in printed.err
    assert "FLIPSNACK_STATE holds a password and was left out" in printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--upload-dirs", "/no/such/folder"), "There is no folder /no/such/folder."),
        (("--toolsets", "everything"), "names 1 unknown set"),
        (("--calls-per-minute", "0"), "is no whole number"),
        (("--confirm", "maybe"), "FLIPSNACK_CONFIRM is none of ask, approve, block, allow"),
    ],
)
def test_what_no_server_could_go_by_is_not_written(home: Home, words: tuple[str, ...], said: str) -> None:
    done = home.run("setup", "cursor", "--yes", "--sandbox", *words)
    assert done.status == 1
    assert said in done.out
    assert home.everything == {}


@pytest.mark.parametrize(
    "words", ["netscape", "", "cursor --print --remove", f"cursor --api-key {KEY}", "cursor --http x"]
)
def test_what_is_no_client_and_no_option_is_wrong_usage(home: Home, words: str) -> None:
    done = home.run("setup", *words.split())
    assert (done.status, done.out) == (2, "")
    assert home.everything == {}


def test_a_name_that_is_no_client_gets_the_names_of_all(home: Home) -> None:
    said = home.run("setup", "netscape").err
    assert "takes one of claude-desktop, claude-code, vscode, cursor, codex, gemini" in said


@pytest.mark.parametrize(
    ("uvx", "from_index", "ours", "extra", "words"),
    [
        ("/bin/uvx", True, True, "", ("/bin/uvx", f"flipsnack-mcp=={__version__}")),
        ("/bin/uvx", True, True, "keyring", ("/bin/uvx", "--from", f"flipsnack-mcp[keyring]=={__version__}", "flipsnack-mcp")),
        ("/bin/uvx", True, False, "", ("/own/flipsnack-mcp",)),
        ("/bin/uvx", False, True, "", ("/own/flipsnack-mcp",)),
        (None, True, True, "", ("/own/flipsnack-mcp",)),
    ],
)  # fmt: skip
def test_the_name_on_the_registry_is_used_only_where_it_is_said_to_be_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uvx: str | None, from_index: object, ours: object, extra: str, words: tuple[str, ...]
) -> None:  # fmt: skip
    (tmp_path / "flipsnack-mcp").touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda _: uvx)
    monkeypatch.setattr(starting, "is_from_index", lambda: from_index)
    monkeypatch.setattr(starting, "PUBLISHED", ours)
    monkeypatch.setattr(starting, "folder_of_checkout", lambda: "")
    assert starting.command_here(extra) == tuple(one.replace("/own", str(tmp_path)) for one in words)


def test_a_checkout_that_uvx_runs_is_named_by_its_folder_and_not_by_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "archive-v0" / "x" / "bin" / "python"))
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/uvx")
    monkeypatch.setattr(starting, "is_from_index", lambda: False)
    monkeypatch.setattr(starting, "folder_of_checkout", lambda: "/home/anna/flipsnack-mcp")
    assert starting.command_here("") == ("/bin/uvx", "--from", "/home/anna/flipsnack-mcp", "flipsnack-mcp")


def test_as_long_as_the_name_is_not_ours_nobody_is_told_to_run_it() -> None:
    assert published.PUBLISHED is False


def version_started(home: Home, folder: Path) -> str:
    """Which version a client gets that starts in this folder what was written for it."""
    entry = home.entry("cursor")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
    paths = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    answered = subprocess.run(  # noqa: S603 - our own program
        [entry["command"], *entry["args"]],
        env={**entry["env"], **paths, "HOME": str(folder)},
        cwd=folder,
        input=f"{message}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return str(json.loads(answered.stdout)["result"]["serverInfo"]["version"])


def test_what_is_written_starts_a_server_from_any_folder(home: Home, tmp_path: Path) -> None:
    home.run("setup", "cursor", "--yes", "--sandbox")
    assert version_started(home, tmp_path) == __version__


def test_no_module_in_a_project_is_taken_for_one_of_ours_where_python_is_started(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "SCRIPT", "no-such-command")
    (tmp_path / "json.py").write_text("raise SystemExit('taken for the one of Python')")
    home.run("setup", "cursor", "--yes", "--sandbox")
    assert home.entry("cursor")["args"] == ["-P", "-m", "flipsnack_mcp"]
    assert version_started(home, tmp_path) == __version__


def test_where_it_runs_from_its_folder_alone_nothing_is_written_that_starts_nowhere_else(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in (starting, started):
        monkeypatch.setattr(one, "SCRIPT", "no-such-program")
    before = home.everything
    done = home.run("setup", "cursor", "--yes", "--sandbox")
    assert (done.status, home.everything) == (1, before)
    assert "is not installed for" in done.out
    assert "README.md has the command that installs it. Nothing was changed." in done.out


def test_a_python_that_is_called_by_its_way_from_here_is_written_by_its_place(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in ("bin", "project"):
        (tmp_path / one).mkdir(exist_ok=True)
    (tmp_path / "bin" / "flipsnack-mcp").touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "project" / ".." / "bin" / "python"))
    home.run("setup", "cursor", "--yes", "--sandbox")
    assert home.entry("cursor")["command"] == str(tmp_path / "bin" / "flipsnack-mcp")


Asks = Callable[[Settings], Any]


def flipsnack_of(key: str, secret: str) -> Callable[[Settings], Flipsnack]:
    """A Flipsnack that knows this key and secret."""
    transport = httpx2.ASGITransport(app=Sandbox(api_key=key, api_secret=secret).app)
    return lambda settings: Flipsnack(
        Access(settings.api_key, settings.api_secret), Pacer(BudgetInMemory()), lambda: transport
    )


@pytest.mark.parametrize(
    ("known", "status", "said"),
    [
        ((KEY, SECRET), 0, "are kept"),
        (("OTHER-KEY", SECRET), 1, "Flipsnack does not know this key"),
        ((KEY, "OTHER-SECRET"), 1, "the secret does not belong to it"),
    ],
)
def test_a_key_that_flipsnack_refuses_is_not_kept(
    home: Home, monkeypatch: pytest.MonkeyPatch, asks: Asks, known: tuple[str, str], status: int, said: str
) -> None:
    monkeypatch.setattr(credentials, "asked_flipsnack", asks)
    monkeypatch.setattr(credentials, "connect", flipsnack_of(*known))
    done = home.run("login", stdin=home.typed(KEY, SECRET))
    assert done.status == status
    assert said in done.out
    assert bool(kept_files(home)) == (status == 0)


def test_of_a_key_that_flipsnack_refuses_it_is_said_that_it_looks_like_the_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, asks: Asks
) -> None:
    monkeypatch.setattr(credentials, "asked_flipsnack", asks)
    monkeypatch.setattr(credentials, "connect", flipsnack_of("A1-B2-C3", "A1-B2-C3-D4"))
    done = home.run("login", stdin=home.typed("A1-B2-C3-D4", "A1-B2-C3"))
    assert done.status == 1
    assert "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET look swapped." in done.out


def test_where_flipsnack_cannot_be_asked_the_key_is_kept_and_that_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, asks: Asks
) -> None:
    monkeypatch.setattr(credentials, "asked_flipsnack", asks)
    monkeypatch.setattr("flipsnack_mcp.api.retry.MAX_TRIES", 1)
    done = home.run("login", "--api-url", "http://127.0.0.1:9/", stdin=home.typed(KEY, SECRET))
    assert done.status == 0
    assert "could not be asked whether it knows this key" in done.out
    assert kept_files(home).keys() == {"default.key", "default.secret"}


def test_who_forgets_a_key_is_told_that_an_assistant_still_asks_for_it(home: Home) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    home.run("setup", "cursor", "--yes")
    before = home.file("cursor").read_bytes()
    done = home.run("login", "--remove")
    assert "has no key at its next start" in done.out
    assert "doctor` names the assistants" in done.out
    assert home.file("cursor").read_bytes() == before
    assert "has no key" not in home.run("login", "--remove").out


def test_login_for_an_account_says_what_belongs_into_the_file_of_accounts(home: Home) -> None:
    done = home.run("login", "--account", "france", stdin=home.typed(KEY, SECRET), FLIPSNACK_API_KEY="of another")
    assert done.status == 0
    assert "write below [accounts.france]: key_file = '" in done.out
    assert kept_files(home).keys() == {"france.key", "france.secret"}
    assert home.run("login", "--account", "france", "--remove").status == 0
    assert kept_files(home) == {}


@pytest.mark.parametrize(("account", "asked"), [("france", "https://fr.example/"), ("spain", "https://env.example/")])
def test_login_for_an_account_asks_whom_its_server_asks(
    home: Home, monkeypatch: pytest.MonkeyPatch, account: str, asked: str
) -> None:
    """Else the key of an imitation goes to Flipsnack, and one that is right there is refused."""
    file = home.folder / "accounts.toml"
    file.write_text("[accounts.France]\napi_url = 'https://fr.example/'\n")
    told = list[str]()

    async def note(settings: Settings) -> str:
        told.append(settings.api_url)
        return ""

    monkeypatch.setattr(credentials, "asked_flipsnack", note)
    where = {"FLIPSNACK_ACCOUNTS": str(file), "FLIPSNACK_API_URL": "https://env.example/"}
    assert home.run("login", "--account", account, stdin=home.typed(KEY, SECRET), **where).status == 0
    assert told == [asked]


def test_what_no_account_can_be_called_is_refused(home: Home) -> None:
    done = home.run("login", "--account", "../../etc", stdin=home.typed(KEY, SECRET))
    assert done.status == 1
    assert home.everything == {}
