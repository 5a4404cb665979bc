"""What holds on macOS and Windows, as far as it can be shown elsewhere: the system is an argument, a clock is virtual."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from flipsnack_mcp import systems
from flipsnack_mcp.files import partial_file
from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.files.partial_file import PartialFile
from flipsnack_mcp.files.paths.place import below, locate, objection_to
from flipsnack_mcp.files.paths.spelling import understood
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.writing.leftovers import remove_leftovers
from flipsnack_mcp.files.writing.patience import patiently
from flipsnack_mcp.systems import LINUX, MACOS, WINDOWS, system_of
from tests.files.ground import Ground, names_in

NFC, NFD = "Fr\u00fchling", "Fru\u0308hling"


@pytest.mark.parametrize(("platform", "folder", "path", "parts"), [
    ("darwin", f"/Users/me/{NFC}", f"/Users/me/{NFD}/a.pdf", ("a.pdf",)),
    ("darwin", f"/Users/me/{NFD}", f"/Users/me/{NFC}/a.pdf", ("a.pdf",)),
    ("darwin", "/Users/me/Catalogues", "/users/ME/catalogues/Sub/A.pdf", ("Sub", "A.pdf")),
    ("darwin", f"/Users/me/{NFC.upper()}", f"/users/me/{NFD.lower()}/a.pdf", ("a.pdf",)),
    ("darwin", "/Volumes/\ud55c\uae00", "/Volumes/\u1112\u1161\u11ab\u1100\u1173\u11af/a.pdf", ("a.pdf",)),
    ("darwin", "/Users/me/Stra\u00dfe", "/Users/me/STRASSE/a.pdf", ("a.pdf",)),
    ("darwin", f"/Users/me/{NFC}", f"/Users/me/{NFC}", ()),
    ("darwin", f"/Users/me/{NFC}", f"/Users/me/{NFC}-evil/a.pdf", None),
    ("darwin", "/Users/me/docs", "/Users/me/do\u200bcs/a.pdf", None),
    ("linux", f"/home/me/{NFC}", f"/home/me/{NFD}/a.pdf", None),
    ("linux", "/home/me/Docs", "/home/me/docs/a.pdf", None),
    ("linux", "/home/me/Docs", "/home/me/Docs/sub/a.pdf", ("sub", "a.pdf")),
    ("win32", r"C:\Users\Me\Docs", r"c:\users\me\DOCS\A.pdf", ("A.pdf",)),
    ("win32", r"C:\Users\Me\Docs", "c:/users/me/docs/sub/a.pdf", ("sub", "a.pdf")),
    ("win32", r"C:\Users\Me\Docs", r"D:\users\me\docs\a.pdf", None),
    ("win32", r"C:\Users\Me\Docs", r"C:\Users\Me\Docs2\a.pdf", None),
    ("win32", f"C:\\{NFC}", f"C:\\{NFD}\\a.pdf", None),
    ("win32", r"\\server\Share\Docs", r"\\SERVER\share\docs\Sub\A.pdf", ("Sub", "A.pdf")),
    ("win32", r"\\server\share", "//server/share/a.pdf", ("a.pdf",)),
    ("win32", r"\\server\share\Docs", r"\\server\other\Docs\a.pdf", None),
    ("win32", r"\\server\share\Docs", r"\\server2\share\Docs\a.pdf", None),
])  # fmt: skip
def test_folder_is_compared_as_its_system_does(
    platform: str, folder: str, path: str, parts: tuple[str, ...] | None
) -> None:
    system = system_of(platform)
    assert below(system.paths(path), system.paths(folder), system) == parts


@pytest.mark.parametrize("name", ["12:30 menu.pdf", "good.pdf:stream", "good.pdf::$DATA", "a: b"])
def test_colon_is_legal_but_on_windows(name: str) -> None:
    assert "colon" in objection_to(name, WINDOWS)
    assert objection_to(name, LINUX) == objection_to(name, MACOS) == ""


@pytest.mark.parametrize(("text", "path"), [
    ("file:///C:/Docs/a%20b.pdf", r"C:\Docs\a b.pdf"), ("file://localhost/c:/Docs/a.pdf", r"c:\Docs\a.pdf"),
    (r"C:\Docs\a.pdf", r"C:\Docs\a.pdf"), ('"C:\\Docs\\a.pdf"', r"C:\Docs\a.pdf"), ("a.pdf", "a.pdf"),
    (r"sub\a.pdf", r"sub\a.pdf"), (r"~\Docs\a.pdf", r"C:\Users\me\Docs\a.pdf"), ("~/Docs/a.pdf", r"C:\Users\me\Docs\a.pdf"),
    (r"\\server\share\a.pdf", r"\\server\share\a.pdf"), ("//server/share/a b.pdf", r"\\server\share\a b.pdf"),
    ("file://server/share/a%20b.pdf", r"\\server\share\a b.pdf"), ("file:////server/share/a.pdf", r"\\server\share\a.pdf"),
])  # fmt: skip
def test_path_of_windows_is_understood_there(text: str, path: str) -> None:
    assert understood(text, WINDOWS, home=r"C:\Users\me") == PureWindowsPath(path)


@pytest.mark.parametrize(("text", "said"), [
    ("C:good.pdf", "drive"), (r"\Docs\a.pdf", "drive"), (r"\\server", "device"), (r"\\?\C:\a.pdf", "device"),
    (r"\\.\pipe\a", "device"), (r"\\?\UNC\server\share\a.pdf", "device"), (r"/\?/C:/a.pdf", "device"), (r"\\c:\docs\a.pdf", "device"),
    ("file://./C:/a.pdf", "device"), ("file:////?/C:/a.pdf", "holds"), ("file://C:/Docs/a.pdf", "device"), ("file://server/share%5Ca.pdf", "encoded slash"),
    (r"\\server\share\..\a.pdf", "'..'"),
    ("file:///C:/Docs%5Ca.pdf", "encoded slash"), (r"..\a.pdf", "'..'"), (r"sub\..\a.pdf", "'..'"), (r"~me\a.pdf", "another user"),
])  # fmt: skip
def test_path_of_windows_that_means_two_things_is_refused(text: str, said: str) -> None:
    with pytest.raises(RefusedFile, match=said):
        understood(text, WINDOWS, home=r"C:\Users\me")


@pytest.mark.parametrize("system", [LINUX, MACOS], ids=["linux", "darwin"])
@pytest.mark.parametrize(
    "text",
    ["//server/share/a.pdf", r"\\server\share\a.pdf", "file://server/share/a.pdf", "file:////server/share/a.pdf"],
)
def test_a_share_is_a_place_on_windows_alone(text: str, system: systems.System) -> None:
    with pytest.raises(RefusedFile, match=r"network|another machine"):
        understood(text, system, home="/home/me")


def test_a_share_that_is_no_upload_folder_is_refused_without_being_looked_at(ground: Ground) -> None:
    """To look would tell whoever runs that machine the name of this user, and who they are."""
    ground.patch.setattr(systems, "HERE", WINDOWS)
    looked, real = list[str](), os.path.realpath

    def seen(path: str | Path) -> str:
        looked.append(str(path))
        return str(real(path))

    ground.patch.setattr(os.path, "realpath", seen)
    with pytest.raises(RefusedFile, match="not in a folder from which files may be uploaded"):
        locate(r"\\attacker\share\a.pdf", [ground.allowed])
    assert looked == [str(ground.allowed)]


async def test_macos_that_forbids_a_folder_is_told_apart_and_its_cure_is_named(ground: Ground) -> None:
    def forbidden(*_: object, **__: object) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    ground.patch.setattr(systems, "HERE", MACOS)
    for method in ("open", "mkdir"):
        ground.patch.setattr(os, method, forbidden)
    with pytest.raises(RefusedFile, match="Privacy & Security > Files and Folders"):
        async with open_document(str(ground.good), [ground.allowed]):
            pass
    with pytest.raises(RefusedFile, match="Privacy & Security > Files and Folders"):
        PartialFile(ground.allowed / "new").create()
    ground.patch.setattr(systems, "HERE", LINUX)
    with pytest.raises(RefusedFile) as elsewhere:
        PartialFile(ground.allowed / "new").create()
    assert "Privacy" not in str(elsewhere.value)


class Busy:
    """A file that somebody holds for some seconds of a clock that only waiting moves."""

    def __init__(self, seconds: float, winerror: int | None, kind: type[OSError] = PermissionError) -> None:
        self.until, self.now, self.tries = seconds, 0.0, 0
        self.error = kind(errno.EACCES, "in use")
        if winerror is not None:
            self.error.winerror = winerror  # type: ignore[attr-defined]  # which only Windows sets

    def rename(self) -> str:
        self.tries += 1
        if self.now < self.until:
            raise self.error
        return "renamed"

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("winerror", [5, 32, 33])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05, 0.5, 0.9])
def test_rename_that_windows_refuses_for_a_moment_is_tried_again(seconds: float, winerror: int) -> None:
    busy = Busy(seconds, winerror)
    assert patiently(busy.rename, busy.wait) == "renamed"
    assert busy.now < 1.5
    assert busy.tries < 20


@pytest.mark.parametrize(
    "busy", [Busy(9, 5), Busy(9, 32), Busy(9, 183, FileExistsError), Busy(9, 2, FileNotFoundError), Busy(9, None)]
)
def test_rename_that_stays_refused_or_cannot_succeed_is_not_tried_for_ever(busy: Busy) -> None:
    with pytest.raises(OSError, match="in use"):
        patiently(busy.rename, busy.wait)
    again = getattr(busy.error, "winerror", None) in {5, 32, 33}
    assert (0.9 <= busy.now <= 1.5) if again else (busy.tries, busy.now) == (1, 0.0)


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks are beside their files and names are given by rename, as there."""
    monkeypatch.setattr(systems, "HERE", replace(systems.HERE, moves_open_files=False))
    return tmp_path


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from flipsnack_mcp import systems
from flipsnack_mcp.files import partial_file
systems.HERE = replace(systems.HERE, moves_open_files=False)
file = partial_file.PartialFile(Path(sys.argv[1]))
file.create()
file.write(b"half")
print(file.path, flush=True)
sys.stdin.readline()
file.write(b" and half")
print(file.publish("Title", ".zip"), flush=True)
"""


def test_lock_beside_a_file_is_freed_when_its_process_dies(windows: Path) -> None:
    env, pipe = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, subprocess.PIPE
    command = [sys.executable, "-c", WRITER, str(windows)]
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env, text=True) as killed,  # noqa: S603
        subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env, text=True) as living,  # noqa: S603
    ):
        for process in (killed, living):
            assert process.stdout
            os.utime(process.stdout.readline().strip(), (0, 0))  # however long nothing came
        assert remove_leftovers(windows) == 0
        killed.kill()
        killed.wait()
        assert remove_leftovers(windows) == 1
        living.communicate("\n")
    assert names_in(windows) == ["Title.zip"]
    assert (windows / "Title.zip").read_bytes() == b"half and half"


def test_closed_file_stays_locked_until_it_has_its_name(windows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move, removed = partial_file._move, list[int]()

    def watched(source: Path, target: Path) -> None:
        os.utime(source, (0, 0))
        removed.append(remove_leftovers(windows))
        move(source, target)
        removed.append(remove_leftovers(windows))

    monkeypatch.setattr(partial_file, "_move", watched)
    file = PartialFile(windows)
    file.create()
    file.publish("Title", ".zip")
    assert removed == [0, 0]
    assert names_in(windows) == ["Title.zip"]


def test_discarded_file_leaves_no_lock(windows: Path) -> None:
    file = PartialFile(windows)
    file.create()
    assert len(names_in(windows)) == 2
    file.discard()
    assert names_in(windows) == []


def test_lock_without_its_file_and_file_without_its_lock_are_removed(windows: Path) -> None:
    (windows / ".flipsnack-0123456789abcdef.lock").touch()
    old, new = (windows / f".flipsnack-{digit * 16}.part" for digit in "12")
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))  # of a version that had no locks here
    remove_leftovers(windows)
    assert names_in(windows) == [new.name]
