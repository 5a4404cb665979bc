"""What killed runs leave behind is cleared away, and what is still being written is not."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from flipsnack_mcp.files import partial_file
from flipsnack_mcp.files.partial_file import PartialFile
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.writing import locking
from flipsnack_mcp.files.writing.leftovers import PARTIAL_NAME, remove_leftovers
from flipsnack_mcp.files.writing.locking import LockState, lock_file
from tests.files.ground import names_in

OURS = ".flipsnack-0123456789abcdef.part"
WRITER = """
import sys
from pathlib import Path
from flipsnack_mcp.files.partial_file import PartialFile

file = PartialFile(Path(sys.argv[1]))
file.create()
file.write(b"half")
print(file.path, flush=True)
sys.stdin.readline()
file.write(b" and half")
print(file.publish("Title", ".zip"), flush=True)
"""


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a download; its first line is the path of its file."""
    env, pipe = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, subprocess.PIPE
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env, text=True) as process:  # noqa: S603
        yield process
        process.kill()


def line_of(process: subprocess.Popen[str]) -> Path:
    assert process.stdout
    return Path(process.stdout.readline().strip())


def leftover(folder: Path, name: str = OURS, *, age: timedelta = timedelta()) -> Path:
    path = folder / name
    path.write_bytes(b"half")
    then = path.stat().st_mtime - age.total_seconds()
    os.utime(path, (then, then))
    return path


def test_file_of_a_killed_process_is_removed_and_that_of_a_living_one_ends_well(tmp_path: Path) -> None:
    with writing(tmp_path) as killed, writing(tmp_path) as living:
        line_of(killed)
        file = line_of(living)
        os.utime(file, (0, 0))  # however long nothing came
        killed.kill()
        killed.wait()
        assert remove_leftovers(tmp_path) == 1
        assert names_in(tmp_path) == [file.name]
        living.communicate("\n")
    assert names_in(tmp_path) == ["Title.zip"]
    assert (tmp_path / "Title.zip").read_bytes() == b"half and half"


def test_cleaning_up_all_the_time_disturbs_nobody(tmp_path: Path) -> None:
    stop = threading.Event()

    def clean_up() -> None:
        while not stop.is_set():
            assert remove_leftovers(tmp_path) in {0, 1}  # one that is not locked yet may go; it is made again

    cleaners = [threading.Thread(target=clean_up) for _ in range(2)]
    for cleaner in cleaners:
        cleaner.start()
    try:
        for number in range(40):
            file = PartialFile(tmp_path)
            file.create()
            file.write(b"whole")
            assert file.publish(f"Title {number}", ".zip").read_bytes() == b"whole"
    finally:
        stop.set()
        for cleaner in cleaners:
            cleaner.join()

    assert len(names_in(tmp_path)) == 40
    assert not any(map(PARTIAL_NAME.fullmatch, names_in(tmp_path)))


@pytest.mark.parametrize("cleaner", ["has-removed-it", "holds-its-lock"])
def test_file_caught_by_a_cleaner_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cleaner: str) -> None:
    file, first = PartialFile(tmp_path), list[Path]()

    def lock_late(descriptor: int) -> LockState:
        if first:
            return lock_file(descriptor)
        first.append(file.path)
        with file.path.open("rb") as held:
            if cleaner == "holds-its-lock":
                fcntl.flock(held, fcntl.LOCK_EX)
            else:
                assert remove_leftovers(tmp_path) == 1
            return lock_file(descriptor)

    monkeypatch.setattr(locking, "lock_file", lock_late)
    file.create()
    assert first != [file.path]
    assert names_in(tmp_path) == [file.path.name]
    assert remove_leftovers(tmp_path) == 0
    file.discard()


def test_file_stays_locked_until_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move, removed = partial_file._move, list[int]()

    def watched(source: Path, target: Path) -> None:
        removed.append(remove_leftovers(tmp_path))
        move(source, target)
        removed.append(remove_leftovers(tmp_path))

    monkeypatch.setattr(partial_file, "_move", watched)
    file = PartialFile(tmp_path)
    file.create()
    file.publish("Title", ".zip")

    assert removed == [0, 0]
    assert names_in(tmp_path) == ["Title.zip"]


def test_other_peoples_files_are_never_removed(tmp_path: Path) -> None:
    old = timedelta(days=2)
    ours = leftover(tmp_path, age=old)
    (tmp_path / ".flipsnack-00000000000000ff.part").mkdir()
    os.mkfifo(tmp_path / ".flipsnack-00000000000000fe.part")
    names = (OURS.replace("f.part", "g.part"), f"{OURS}.bak", OURS.removeprefix("."), "Title.zip")
    kept = [leftover(tmp_path, name, age=old) for name in names]
    link = tmp_path / ".flipsnack-aaaaaaaaaaaaaaaa.part"
    link.symlink_to(kept[-1])
    os.utime(link, (0, 0), follow_symlinks=False)

    assert remove_leftovers(tmp_path) == 1
    assert not ours.exists()
    assert all(path.exists() for path in kept)
    assert link.is_symlink()
    assert len(names_in(tmp_path)) == len(kept) + 3
    assert remove_leftovers(tmp_path / "missing") == 0


@pytest.mark.parametrize(("hours", "removed"), [(23, 0), (25, 1)])
def test_without_locks_a_file_is_written_as_well_and_the_age_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, removed: int
) -> None:
    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    file = PartialFile(tmp_path)
    file.create()
    leftover(tmp_path, age=timedelta(hours=hours))
    assert remove_leftovers(tmp_path) == removed
    assert file.publish("Title", ".zip").exists()


def test_folder_in_which_nothing_stays_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "lock_file", lambda _: LockState.TAKEN)
    monkeypatch.setattr(partial_file, "MOST_TRIED", 3)
    with pytest.raises(RefusedFile, match="taken away"):
        PartialFile(tmp_path).create()
    assert not names_in(tmp_path)
