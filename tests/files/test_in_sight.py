"""A path that cannot be looked at counts as not there, or is called closed: no command and no tool ends over it unexpectedly."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flipsnack_mcp import systems
from flipsnack_mcp.__main__ import main
from flipsnack_mcp.files import in_sight
from flipsnack_mcp.files.paths.listing import list_files
from flipsnack_mcp.files.paths.place import missing_folders
from flipsnack_mcp.files.refusal import RefusedFile

TOO_LONG = "x" * 300
"""As a name it is an error of its own to every look, whoever looks."""

with_modes = pytest.mark.skipif(not systems.HERE.modes, reason="no folder is closed by its mode there")


@contextmanager
def as_nobody() -> Iterator[None]:
    """As somebody whom permissions stop: root passes them all."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder below one that may not be entered."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    yield folder / "below"
    folder.chmod(0o700)


def test_what_has_a_name_that_is_too_long_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / TOO_LONG
    seen = in_sight.is_in_sight(path), in_sight.is_file(path), in_sight.is_folder(path), in_sight.is_closed(path)
    assert seen == (False, False, False, False)


@with_modes
def test_what_lies_in_a_closed_folder_is_not_in_sight_and_called_so(closed: Path) -> None:
    with as_nobody():
        seen = in_sight.is_in_sight(closed), in_sight.is_file(closed), in_sight.is_folder(closed)
        assert (seen, in_sight.is_closed(closed)) == ((False, False, False), True)


@with_modes
def test_an_upload_folder_in_a_closed_one_is_refused_in_words(closed: Path) -> None:
    with as_nobody(), pytest.raises(RefusedFile) as refused:
        list_files(None, [closed], deep=True)
    assert "may not be looked into by this user." in str(refused.value)
    assert "does not exist" not in str(refused.value)


def test_an_upload_folder_with_a_name_that_is_too_long_is_said_not_to_exist(tmp_path: Path) -> None:
    assert "does not exist" in missing_folders([tmp_path / TOO_LONG])


@pytest.mark.parametrize(
    ("variable", "before"),
    [("FLIPSNACK_UPLOAD_DIRS", ""), ("FLIPSNACK_DOWNLOAD_DIR", ""), ("FLIPSNACK_STATE", "sqlite:")],
)
@pytest.mark.parametrize("words", [("doctor",), ("setup", "cursor", "--yes", "--sandbox")])
def test_a_command_is_not_ended_by_a_name_that_is_too_long(
    variable: str,
    before: str,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        variable: f"{before}{tmp_path / TOO_LONG}",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert main(words) in {0, 1}
    assert capsys.readouterr().out


def test_a_client_whose_command_has_a_name_that_is_too_long_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "claude_desktop_config.json"
    entry = {"command": str(tmp_path / TOO_LONG / "flipsnack-mcp"), "env": {"FLIPSNACK_SANDBOX": "1"}}
    file.write_text(json.dumps({"mcpServers": {"flipsnack": entry}}))
    main(("doctor", "--config", str(file)))
    assert " is not there any more: " in capsys.readouterr().out


@with_modes
def test_a_closed_folder_is_not_said_to_be_missing() -> None:
    with as_nobody(), TemporaryDirectory() as made:
        folder = Path(made)
        closed = folder / "closed"
        closed.mkdir(mode=0)
        check_refused("closed", [folder], 'The folder "closed" in the folder "[^"]*" may not be read by this program')
        check_refused("x", [closed], 'The folder "[^"]*closed" cannot be opened')
        check_refused("x", [folder, closed], '"[^"]*closed" may not be looked into by this user')


def check_refused(wanted: str, folders: list[Path], said: str) -> None:
    with pytest.raises(RefusedFile, match=said):
        list_files(wanted, folders, deep=True)


@with_modes
def test_a_folder_that_may_not_be_looked_into_is_set_up_for_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with as_nobody(), TemporaryDirectory() as made:
        home, closed = Path(made), Path(made) / "closed"
        closed.mkdir(mode=0o100)  # which may be entered, and so is in sight
        for name, value in {"HOME": made, "XDG_STATE_HOME": made}.items():
            monkeypatch.setenv(name, value)
        assert main(("setup", "cursor", "--yes", "--sandbox", "--upload-dirs", str(closed))) == 1
        assert not (home / ".cursor").exists()
    assert f"The folder {closed} may not be looked into by this user." in capsys.readouterr().out
