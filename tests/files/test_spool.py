"""The spool: bounded in total, closed to others, and empty once nobody has a use for what is on it."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.files import spool as spools
from flipsnack_mcp.files.documents import open_received
from flipsnack_mcp.files.partial_file import PartialFile
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.spool import OWN_FOLDER, Spool, SpoolFull, SpoolUnusable
from tests.files.ground import PDF


@pytest.fixture
async def background() -> AsyncIterator[anyio.abc.TaskGroup]:
    async with anyio.create_task_group() as group:
        yield group
        group.cancel_scope.cancel()


@pytest.fixture
async def spool(tmp_path: Path, background: anyio.abc.TaskGroup) -> AsyncIterator[Spool]:
    one = Spool(tmp_path / "named", 1000, background)
    yield one
    await one.close()


async def of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def lying(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


def lying_folders(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.is_dir()]


async def test_what_is_announced_takes_its_room_before_it_comes(spool: Spool) -> None:
    async with spool.place(600):
        with pytest.raises(SpoolFull):
            async with spool.place(401):
                pass
        async with spool.place(400):
            pass
    async with spool.place(1000):
        pass


async def test_what_announced_nothing_takes_its_room_as_it_comes(spool: Spool, tmp_path: Path) -> None:
    async with spool.place() as one, spool.place() as other:
        await one.fill(of(b"x" * 600))
        with pytest.raises(SpoolFull):
            await other.fill(of(b"x" * 400, b"x"))
        assert one.file.size == 600
        assert sum(file.stat().st_size for file in lying(tmp_path)) <= 1000
    assert lying(tmp_path) == []


async def test_what_others_have_there_counts(spool: Spool) -> None:
    async with spool.place() as place:
        (place.file.path.parent / "of another process").write_bytes(b"x" * 900)
    with pytest.raises(SpoolFull):
        async with spool.place(101):
            pass


async def test_its_folder_is_its_owners_alone_and_what_is_above_stays_as_it_is(tmp_path: Path, spool: Spool) -> None:
    named = tmp_path / "named"
    named.mkdir(mode=0o755)
    (named / OWN_FOLDER).mkdir(mode=0o777)
    (named / OWN_FOLDER).chmod(0o777)
    async with spool.place() as place:
        assert place.file.path.stat().st_mode & 0o777 == 0o600
        assert place.file.path.parent.stat().st_mode & 0o777 == 0o700
        assert named.stat().st_mode & 0o777 == 0o755


async def test_a_link_in_its_place_is_not_followed(tmp_path: Path, spool: Spool) -> None:
    (tmp_path / "named").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "named" / OWN_FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolUnusable) as refused:
        async with spool.place():
            pass
    assert str(tmp_path) not in str(refused.value)
    assert lying(tmp_path / "elsewhere") == []


async def test_a_full_disk_is_a_full_spool(spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise RefusedFile("The disk is full.", "") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(PartialFile, "write", full)
    with pytest.raises(SpoolFull):
        async with spool.place() as place:
            await place.fill(of(PDF))
    assert lying(tmp_path) == []


async def test_a_folder_that_was_removed_is_made_anew(spool: Spool, tmp_path: Path) -> None:
    async with spool.place() as place:
        await place.fill(of(PDF))
        place.file.path.unlink()
        place.file.path.parent.rmdir()
        async with open_received(place.file, "a.pdf", "hash", "What was sent") as document:
            assert document.read(0, 100) == PDF
    async with spool.place() as place:
        await place.fill(of(PDF))
        assert len(lying(tmp_path)) == 1


async def test_what_is_kept_stays_until_its_time_is_over_or_another_takes_its_place(
    spool: Spool, tmp_path: Path
) -> None:
    async with spool.place() as first:
        await spool.keep("one", first, 3600)
    assert spool.kept("one") is first
    async with spool.place() as second:
        await spool.keep("one", second, 0.01)
    assert lying(tmp_path) == [second.file.path]
    await until(lambda: not spool.kept("one") and not lying(tmp_path))


async def test_the_end_of_one_that_was_replaced_ends_nothing_else(spool: Spool, tmp_path: Path) -> None:
    async with spool.place() as first:
        await spool.keep("one", first, 0.01)
    async with spool.place() as second:
        await spool.keep("one", second, 3600)
    async with spool.place() as third:
        await spool.keep("other", third, 0.02)
    # Then the time of the first is over as well.
    await until(lambda: not spool.kept("other") and lying(tmp_path) == [second.file.path])
    assert spool.kept("one") is second


async def until(over: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""
    with anyio.fail_after(10):
        while not over():  # noqa: ASYNC110
            await anyio.sleep(0.005)


async def test_closing_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    async with spool.place() as place:
        await spool.keep("one", place, 3600)
    await spool.close()
    assert lying(tmp_path) == []


async def test_without_a_named_folder_it_has_a_new_one_of_its_own(
    background: anyio.abc.TaskGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = Spool(None, 1000, background), Spool(None, 1000, background)
    async with one.place() as here, other.place() as there:
        assert here.file.path.parent != there.file.path.parent
        assert here.file.path.parent.stat().st_mode & 0o777 == 0o700
    await one.close()
    await other.close()
    assert lying_folders(tmp_path) == []


KILLED = """
import os, sys
from pathlib import Path
from flipsnack_mcp.files.partial_file import PartialFile
file = PartialFile(Path(sys.argv[1]))
file.create()
file.write(b"left behind")
os._exit(1)
"""


@pytest.mark.parametrize("named", [True, False])
async def test_leftovers_of_killed_runs_go_and_those_of_the_living_stay(
    background: anyio.abc.TaskGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared = tmp_path / "shared" if named else None
    living, new = Spool(shared, 1000, background), Spool(shared, 1000, background)
    async with living.place() as place:
        left = place.file.path.parent if named else tmp_path / f"{spools.SPOOL_PREFIX}killed"
        subprocess.run([sys.executable, "-c", KILLED, str(left)], check=False, env={**os.environ}, timeout=60)  # noqa: ASYNC221, S603
        assert len(lying(tmp_path)) == 2
        await new.tidy()
        assert lying(tmp_path) == [place.file.path]
