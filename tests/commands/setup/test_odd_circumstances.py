"""Where a person's computer is not as most are: no home folder, odd names, damaged files, interrupts, others at the same time."""

import errno
import io
import json
import os
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from flipsnack_mcp import systems
from flipsnack_mcp.commands.setup.editing.jsonc import PlacedReader, Value
from flipsnack_mcp.commands.setup.wanted import as_dropped
from tests.commands.processes import KEY, SECRET
from tests.commands.setup.at_home import Home

pytestmark = pytest.mark.usefixtures("no_flipsnack")


def files_with_key(home: Home) -> set[str]:
    """Files of ours that hold just key or secret."""
    wanted = {f"{KEY}\n".encode(), f"{SECRET}\n".encode()}
    return {Path(name).name for name, content in home.everything.items() if content in wanted}


@pytest.mark.parametrize(
    "known", [{"ALL_PROXY": "http://a-token@proxy.example.com"}, {"ALL_PROXY": "anna:word@proxy:1"}]
)
def test_a_proxy_that_lets_somebody_in_is_not_written_into_a_clients_file(home: Home, known: dict[str, str]) -> None:
    done = home.run("setup", "cursor", "--yes", "--sandbox", stdin=None, **known)
    assert home.entry("cursor")["env"] == {"FLIPSNACK_SANDBOX": "1"}
    assert "ALL_PROXY holds a login and was left out" in done.out


def test_what_is_named_from_the_folder_here_is_named_from_anywhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.folder)
    told = {"FLIPSNACK_STATE": "sqlite:kept/state.sqlite", "SSL_CERT_FILE": "certificates.pem"}
    home.run("setup", "cursor", "--yes", "--sandbox", stdin=None, **told)
    environment = home.entry("cursor")["env"]
    assert environment["FLIPSNACK_STATE"] == f"sqlite:{home.folder / 'kept' / 'state.sqlite'}"
    assert environment["SSL_CERT_FILE"] == str(home.folder / "certificates.pem")


@pytest.mark.parametrize(
    "words", [("setup", "cursor", "--yes"), ("setup", "cursor", "--print"), ("setup", "codex", "--yes")]
)
def test_a_name_that_no_configuration_can_hold_is_said_before_anything_is_kept(
    home: Home, words: tuple[str, ...]
) -> None:
    folder = os.fsdecode(os.fsencode(home.folder) + b"/fl\xffers")
    Path(folder).mkdir()
    done = home.run(*words, "--upload-dirs", folder, stdin=io.StringIO(f"{KEY}\n{SECRET}\n"))
    assert done.status == 1
    assert "fl\\xffers" in done.out
    assert "is no text in UTF-8" in done.out
    assert home.everything == {}


@pytest.mark.parametrize("where", ["~nobody-is-called-so/x", "\0"])
def test_a_file_that_cannot_be_told_is_no_error_of_the_program(home: Home, where: str) -> None:
    named = [word for one in ("--api-key-file", "--api-secret-file") for word in (one, where)]
    assert home.run("setup", "cursor", "--print", "--sandbox", *named).status == 0
    assert home.run("setup", "cursor", "--yes", *named).status == 1
    assert home.run("setup", "cursor", "--yes", "--sandbox", "--upload-dirs", where).status == 1


@pytest.mark.parametrize(
    "words",
    [
        "setup cursor --yes --sandbox",
        "setup cursor --print",
        "setup cursor --remove --yes",
        "login",
        "login --remove",
        "doctor --json",
        "history",
        "hooks list",
    ],
)
@pytest.mark.parametrize("named", ["", "here"])
def test_a_user_without_a_home_folder_is_told_so(home: Home, words: str, named: str) -> None:
    nowhere = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), "")
    done = home.run(*words.split(), stdin=io.StringIO(f"{KEY}\n{SECRET}\n"), **{**nowhere, "HOME": named})
    assert (done.status, done.err.count("Traceback")) == (1, 0)
    assert "This user has no home folder" in done.out + done.err
    assert home.everything == {}


def test_a_mark_before_the_key_on_stdin_is_none_of_it(home: Home) -> None:
    done = home.run("login", stdin=io.StringIO(f"\ufeff{KEY}\r\n{SECRET}\r\n"))
    assert files_with_key(home) == {"default.key", "default.secret"}
    assert "Key and secret are read from stdin, a line each." in done.err


def test_a_key_is_never_kept_beside_a_secret_that_is_not_its_own(home: Home) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    before = home.everything
    folder = next(one.parent for one in home.folder.rglob("default.key"))
    (folder / "default.secret").chmod(0o400)
    done = home.run("login", stdin=home.typed("A-NEW-KEY", SECRET))
    assert (done.status, home.everything) == (1, before)


def test_a_secret_that_cannot_be_written_takes_its_key_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    before, replaced = home.everything, Path.replace

    def full(one: Path, target: Path) -> Path:
        if target.name == "default.secret":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replaced(one, target)

    monkeypatch.setattr(Path, "replace", full)
    done = home.run("login", stdin=home.typed("A-NEW-KEY", SECRET))
    assert (done.status, home.everything) == (1, before)


def test_empty_files_are_no_key_that_is_kept(home: Home) -> None:
    home.run("login", stdin=home.typed(KEY, SECRET))
    next(home.folder.rglob("default.secret")).write_bytes(b"")
    done = home.run("setup", "cursor", "--yes")
    assert done.status == 1
    assert "No key and secret came" in done.out


def test_a_slip_of_the_pen_is_asked_about_once_more(home: Home) -> None:
    (home.folder / "My Flyers").mkdir()
    typed = home.typed(KEY, SECRET, "/no/such/folder", f"'{home.folder}/My Flyers' ", "maybe", "block", "y")
    done = home.run("setup", "cursor", stdin=typed)
    assert done.status == 0
    assert "There is no folder /no/such/folder." in done.out
    told = home.entry("cursor")["env"]
    assert told["FLIPSNACK_UPLOAD_DIRS"] == str(home.folder / "My Flyers")
    assert told["FLIPSNACK_CONFIRM"] == "block"


@pytest.mark.parametrize(
    ("system", "text", "folder"),
    [
        ("linux", "'/home/anna/My Flyers' ", "/home/anna/My Flyers"),
        ("darwin", "/Users/anna/My\\ Flyers ", "/Users/anna/My Flyers"),
        ("win32", '"C:\\Users\\anna\\ Flyers"', "C:\\Users\\anna\\ Flyers"),
        ("darwin", "/Users/anna/Anna's Flyers", "/Users/anna/Anna's Flyers"),
    ],
)
def test_a_folder_is_taken_as_a_terminal_writes_it_that_is_dropped_on_it(
    monkeypatch: pytest.MonkeyPatch, system: str, text: str, folder: str
) -> None:
    monkeypatch.setattr(systems, "HERE", systems.system_of(system))
    assert as_dropped(text) == folder


@pytest.mark.parametrize(
    ("words", "interrupted"),
    [
        (("setup", "cursor", "--yes", "--sandbox"), "setting_up.write_entry"),
        (("setup", "cursor", "--remove", "--yes"), "setting_up.drop_receipt"),
        (("login",), "login.keep_credentials"),
        (("login", "--remove"), "login.forget_credentials"),
    ],
)
def test_an_interrupt_after_the_yes_never_says_that_nothing_was_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], interrupted: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    home.run("setup", "cursor", "--yes", "--sandbox", "--confirm", "block")
    monkeypatch.setattr(f"flipsnack_mcp.commands.setup.{interrupted}", interrupt)
    done = home.run(*words, stdin=home.typed(KEY, SECRET))
    assert done.status == 1
    assert "may have been done" in done.out
    assert "othing was changed" not in done.out


def test_settings_that_get_lost_with_the_entry_that_is_there_are_named(home: Home) -> None:
    home.run("setup", "cursor", "--yes", "--sandbox", "--read-only", "--confirm", "block")
    done = home.run("setup", "cursor", "--yes", "--sandbox", "--confirm", "block")
    assert "also sets FLIPSNACK_READ_ONLY: the new one does not" in done.out
    assert "FLIPSNACK_CONFIRM:" not in done.out


def test_what_others_write_while_a_person_is_asked_stays_also_where_a_client_has_a_command(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home.write("claude-code", b'{"mcpServers": {}}')
    ran = list[object]()
    monkeypatch.setattr("shutil.which", lambda _: "/opt/claude")
    monkeypatch.setattr("subprocess.run", lambda *words, **_: ran.append(words))

    def answered(_: str = "") -> str:
        file.write_bytes(b'{"mcpServers": {"new": {}}}')
        return "y"

    monkeypatch.setattr("builtins.input", answered)
    done = home.run(
        "setup", "claude-code", "--sandbox", "--upload-dirs", str(home.folder), "--confirm", "ask", stdin=home.typed()
    )
    assert (done.status, ran) == (1, [])
    assert "changed by another program meanwhile" in done.out
    assert json.loads(file.read_bytes()) == {"mcpServers": {"new": {}}}
    assert home.everything.keys() == {".claude.json"}


def test_a_file_that_a_client_fills_for_years_is_read_a_few_times_at_most(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("claude-code", json.dumps({"projects": {}, "mcpServers": {"a": {}}}).encode())
    reads, read = list[PlacedReader](), PlacedReader.document

    def counted(one: PlacedReader) -> Value:
        reads.append(one)
        return read(one)

    monkeypatch.setattr(PlacedReader, "document", counted)
    assert home.run("setup", "claude-code", "--yes", "--sandbox").status == 0
    assert len(reads) <= 4


@pytest.mark.parametrize("words", ["setup cursor --yes --sandbox", "setup cursor --sandbox", "setup cursor --remove", "login", "approve X"])  # fmt: skip
def test_a_closed_stdin_is_an_empty_one(home: Home, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = home.here(*words.split(), **home.environment)
    assert done.status == (0 if "--yes" in words or "--remove" in words else 1)


def test_key_and_secret_come_out_of_pipes_that_can_be_read_once(home: Home) -> None:
    pipes = [home.folder / "key", home.folder / "secret"]
    for pipe in pipes:
        os.mkfifo(pipe)
    writers = [
        threading.Thread(target=pipe.write_text, args=(f"{text}\n",), daemon=True)
        for pipe, text in zip(pipes, (KEY, SECRET), strict=True)
    ]
    for one in writers:
        one.start()
    done = home.run("setup", "cursor", "--yes", "--api-key-file", str(pipes[0]), "--api-secret-file", str(pipes[1]))
    assert done.status == 0
    assert Path(home.entry("cursor")["env"]["FLIPSNACK_API_KEY_FILE"]).read_text() == f"{KEY}\n"


def test_a_doctor_does_not_say_of_a_folder_that_it_names_no_server(home: Home) -> None:
    assert "is not there, or no file that can be read" in home.run("doctor", "--config", str(home.folder)).out


@pytest.mark.parametrize("folder", ["o'brien", "plain", 'a "b" \\ c\'d'])
def test_what_belongs_into_a_file_of_accounts_can_be_read_there(home: Home, folder: str) -> None:
    done = home.run("login", "--account", "a", stdin=home.typed(KEY, SECRET), XDG_CONFIG_HOME=str(home.folder / folder))
    key, secret = done.out.partition("[accounts.a]: ")[2].strip().removesuffix(".").split(" and ")
    told = tomllib.loads(f"{key}\n{secret}\n")
    assert [Path(one).read_text() for one in told.values()] == [f"{KEY}\n", f"{SECRET}\n"]


def test_a_name_that_assistants_would_fill_in_is_not_written(home: Home) -> None:
    odd = str(home.folder / "${HOME}")
    done = home.run("setup", "cursor", "--yes", stdin=io.StringIO(f"{KEY}\n{SECRET}\n"), XDG_CONFIG_HOME=odd)
    assert done.status == 1
    assert "holds ${, which assistants replace" in done.out
    assert home.everything == {}


def test_what_a_person_wrote_into_the_entry_that_is_there_is_named_before_it_is_lost(home: Home) -> None:
    command = {"command": "flipsnack-mcp", "args": ["serve", "--read-only"], "timeout": 9, "disabled": True}
    secret = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, "HTTPS_PROXY": "http://proxy:1", SECRET: "1"}
    home.write("cursor", json.dumps({"mcpServers": {"flipsnack": {**command, "env": secret, KEY: 1}}}).encode())
    done = home.run("setup", "cursor", "--sandbox")
    told = "timeout, disabled, HTTPS_PROXY, --read-only, 2 of other names"
    assert f"The entry that is there also sets {told}: the new one does not." in done.out
    assert KEY not in done.out
    assert SECRET not in done.out
