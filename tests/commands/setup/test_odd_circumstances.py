"""Where a person's computer is not as most are: no home folder, odd names, damaged files, interrupts, others at the same time."""

import errno
import io
import os
from pathlib import Path

import pytest

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
    assert (done.status, done.err.count("Traceback")) == (0 if words == "history" else 1, 0)
    assert "This user has no home folder" in done.out or words == "history"
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
