"""Packages that are saved: written a batch at a time, and what is left where one cannot be."""

import asyncio
import errno
import hashlib
import io
import os
import re
import stat
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.files import packages, partial_file
from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.packages import BATCH_BYTES, SavedPackage, save_package, write_pieces
from flipsnack_mcp.files.partial_file import PartialFile
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.writing.leftovers import PARTIAL_NAME
from flipsnack_mcp.files.zips import check
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage
from tests.files.ground import Gate, cancelled_in_a_group, cancelled_the_asyncio_way, names_in, sent, turn_loop, zipped

PACKAGE = zipped(("index.html", b"<html>"), ("app.js", os.urandom(300_000)))


async def save(folder: Path, title: str = "Title", content: bytes = PACKAGE) -> SavedPackage:
    return await save_package(sent(content), folder, title, "hash1")


class Counts(list[int]):
    """What was told to be written, one after another."""

    async def received(self, count: int) -> None:
        self.append(count)


async def test_package_is_saved_whole_under_its_title(tmp_path: Path) -> None:
    counts = Counts()
    saved = await save_package(sent(PACKAGE), tmp_path / "a" / "b", "My/Title", "hash1", received=counts.received)
    path, sha256 = tmp_path / "a" / "b" / "My-Title.zip", hashlib.sha256(PACKAGE).hexdigest()
    assert saved == SavedPackage(path, len(PACKAGE), sha256, ("index.html", "app.js"), path.name)
    assert saved.path.read_bytes() == PACKAGE
    assert names_in(saved.path.parent) == ["My-Title.zip"]
    assert counts == sorted(set(counts))
    assert counts[-1] == len(PACKAGE)


def with_a_folder() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("assets")
        archive.writestr("assets/größe.css", "a {}")
    return buffer.getvalue()


def streamed_with_data_descriptors() -> bytes:
    class Pipe(io.BytesIO):
        @override
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.html", b"x" * 1000)
        archive.comment = b"made by a stream"
    return pipe.getvalue()


def zip64() -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
        content = zipped(("index.html", b"<html>"))
    assert b"PK\x06\x06" in content
    return content


@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((with_a_folder, "assets/größe.css"), (streamed_with_data_descriptors, "index.html"), (zip64, "index.html")),
        (lambda: zipped(("blank.svg", bytes(5 * MEGABYTE))), "blank.svg"),
    ],
)
async def test_unusual_but_honest_package_is_taken(tmp_path: Path, make: Callable[[], bytes], name: str) -> None:
    assert (await save(tmp_path, content=make())).files == (name,)


async def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Title.zip").write_bytes(b"mine")
    (tmp_path / "Title (hash1).zip").symlink_to(tmp_path / "elsewhere")
    saved = await save(tmp_path)
    assert saved.path.name == "Title (hash1) (2).zip"
    assert (tmp_path / "Title.zip").read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere").exists()
    monkeypatch.setattr(partial_file, "MOST_TRIED", 4)
    for number in (3, 4):
        content = zipped(("index.html", b"%d" % number))
        if number == 3:
            assert (await save(tmp_path, content=content)).path.name == "Title (hash1) (3).zip"
            continue
        with pytest.raises(RefusedFile, match="3 files have this title"):
            await save(tmp_path, content=content)
    assert len(names_in(tmp_path)) == 4


async def test_what_is_there_already_is_not_saved_again(tmp_path: Path) -> None:
    first, other = zipped(("index.html", b"one")), zipped(("index.html", b"two"))
    saved = [await save(tmp_path, content=content) for content in (first, first, other, first, other)]
    assert [one.path.name for one in saved] == [
        "Title.zip",
        "Title.zip",
        "Title (hash1).zip",
        "Title.zip",
        "Title (hash1).zip",
    ]
    assert (saved[3].path.read_bytes(), saved[4].path.read_bytes()) == (first, other)
    assert {*names_in(tmp_path)} == {"Title (hash1).zip", "Title.zip"}


async def test_a_link_to_the_same_bytes_is_no_package_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    kept = (await save(tmp_path / "elsewhere")).path
    (tmp_path / "Title.zip").symlink_to(kept)
    assert (await save(tmp_path)).path.name == "Title (hash1).zip"


@pytest.mark.parametrize("links", [True, False], ids=["hard-links", "no-hard-links"])
async def test_saves_at_once_all_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    packages = [zipped(("index.html", os.urandom(100_000))) for _ in range(8)]
    saved = await asyncio.gather(*(save(tmp_path, content=package) for package in packages))
    assert [each.path.read_bytes() for each in saved] == packages
    assert all(hashlib.sha256(each.path.read_bytes()).hexdigest() == each.sha256 for each in saved)
    numbered = (f"Title (hash1) ({n}).zip" for n in range(2, 8))
    assert {*names_in(tmp_path)} == {"Title.zip", "Title (hash1).zip", *numbered}


def no_links(*_args: object, **_kwargs: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


async def test_half_package_is_hidden_and_private_then_readable(tmp_path: Path) -> None:
    seen = set[tuple[str, int]]()

    async def received(_: int) -> None:
        seen.update((name, stat.S_IMODE((tmp_path / name).stat().st_mode)) for name in names_in(tmp_path))

    before = os.umask(0o027)
    try:
        saved = await save_package(sent(PACKAGE), tmp_path, "Title", "hash1", received=received)
    finally:
        os.umask(before)
    ((name, mode),) = seen
    assert PARTIAL_NAME.fullmatch(name)
    assert (mode, stat.S_IMODE(saved.path.stat().st_mode)) == (0o600, 0o640)


async def test_folder_may_be_a_link_and_a_package_without_a_title_is_named_by_its_collection(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    saved = await save(tmp_path / "link", "📘")
    assert saved.path == tmp_path / "link" / "hash1.zip"
    assert (tmp_path / "real" / "hash1.zip").exists()


@pytest.mark.parametrize("folder", [Path("downloads"), Path("~/downloads"), Path(__file__, "below")])
async def test_folder_that_is_relative_or_cannot_be_made_is_refused(folder: Path) -> None:
    said = "FLIPSNACK_DOWNLOAD_DIR" if folder.is_absolute() else "not an absolute path"
    with pytest.raises(RefusedFile, match=said):
        await save(folder)
    assert folder.name not in names_in(Path())


@pytest.mark.parametrize(
    ("owner", "step", "number", "said"),
    [
        (os, "open", errno.EROFS, "cannot be written (Read-only file system)"),
        *((os, "fsync", number, "is full") for number in (errno.ENOSPC, errno.EDQUOT)),
        (Path, "replace", errno.EIO, "cannot be written (Input/output error)"),
    ],
)
async def test_disk_that_refuses_a_step_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, number: int, said: str
) -> None:
    def refused(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(owner, step, refused)
    with pytest.raises(RefusedFile, match=re.escape(said)):
        await save(tmp_path)
    assert not names_in(tmp_path)


@pytest.fixture
def fast_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first piece, only full batches are written."""
    monkeypatch.setattr(packages, "FLUSH_SECONDS", 3600.0)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[PartialFile]:
    file = PartialFile(tmp_path)
    file.create()
    yield file
    file.discard()


@pytest.mark.usefixtures("fast_line")
@pytest.mark.parametrize("size", [1, 10_000, BATCH_BYTES - 1, BATCH_BYTES, BATCH_BYTES + 1, 2 * BATCH_BYTES + 5])
async def test_pieces_of_every_size_arrive_in_order(file: PartialFile, size: int) -> None:
    content = os.urandom(min(2 * BATCH_BYTES + 5, 1000 * size))
    counts = Counts()
    sha256 = await write_pieces(sent(content, size), file, len(content), counts.received)
    assert file.publish("Title", ".zip").read_bytes() == content
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert counts == sorted(set(counts))
    assert counts[-1] == file.size == len(content)


async def test_slow_line_has_each_piece_written_and_told(file: PartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "FLUSH_SECONDS", 0.0)
    counts = Counts()

    async def slow() -> AsyncIterator[bytes]:
        for number in range(4):
            assert counts == list(range(1, number + 1))
            yield b"x"

    await write_pieces(slow(), file, 4, counts.received)
    assert counts == [1, 2, 3, 4]


@pytest.mark.usefixtures("fast_line")
async def test_one_batch_is_taken_in_while_one_is_written(file: PartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked = Gate(monkeypatch, PartialFile, "write", free=1), list[int]()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(6):
            asked.append(number)
            yield bytes(BATCH_BYTES)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(write_pieces, pieces(), file, 6 * BATCH_BYTES)
            await gate.wait_reached()
            await turn_loop()
            assert (asked, [len(piece) for _, piece in gate.calls]) == ([0, 1, 2], [BATCH_BYTES, BATCH_BYTES])
            gate.go_on.set()
    assert file.size == 6 * BATCH_BYTES


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(BATCH_BYTES // 2)
        await anyio.lowlevel.checkpoint()


@pytest.mark.usefixtures("fast_line")
async def test_cancelling_waits_for_a_write_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on, ended = threading.Event(), threading.Event(), list[str]()
    original: Callable[[PartialFile], object] = PartialFile._open_file

    def late(file: PartialFile) -> object:
        if file.size >= BATCH_BYTES and not go_on.is_set():
            reached.set()
            assert go_on.wait(10)
        return original(file)

    monkeypatch.setattr(PartialFile, "_open_file", late)

    async def save() -> None:
        try:
            await save_package(endless(), tmp_path, "Title", "hash1")
        finally:
            ended.append("ended")

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(save)
            while not reached.is_set():
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await turn_loop()
                assert (ended, len(names_in(tmp_path))) == ([], 1)
            go_on.set()
    assert ended
    assert not names_in(tmp_path)


@pytest.mark.usefixtures("fast_line")
async def test_lost_connection_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, PartialFile, "write", free=1)

    async def lost() -> AsyncIterator[bytes]:
        yield bytes(BATCH_BYTES)
        yield bytes(BATCH_BYTES)
        await gate.wait_reached()
        gate.go_on.set()
        raise ConnectionResetError

    with anyio.fail_after(10), pytest.raises(ConnectionResetError):
        await save_package(lost(), tmp_path, "Title", "hash1")
    assert not names_in(tmp_path)


@pytest.mark.usefixtures("fast_line")
async def test_error_of_the_last_write_is_not_lost(file: PartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: PartialFile, _piece: object) -> None:
        raise RefusedFile("The disk is full.", "Make room.")

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(BATCH_BYTES)
        monkeypatch.setattr(PartialFile, "write", full)
        yield b"the last of it"

    with pytest.raises(RefusedFile, match="is full"):
        await write_pieces(pieces(), file, 2 * BATCH_BYTES)


@pytest.mark.parametrize("pause", [0.0, 3600.0], ids=["slow-line", "fast-line"])
async def test_disk_that_fills_ends_the_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
    monkeypatch.setattr(packages, "FLUSH_SECONDS", pause)
    original: Callable[[PartialFile], object] = PartialFile._open_file

    def full(file: PartialFile) -> object:
        if file.size >= 2 * BATCH_BYTES:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(file)

    monkeypatch.setattr(PartialFile, "_open_file", full)
    with anyio.fail_after(10), pytest.raises(RefusedFile, match="is full"):
        await save_package(endless(), tmp_path, "Title", "hash1")
    assert not names_in(tmp_path)


class Full(io.BytesIO):
    """A file on a disk that has no room for what is still to be written."""

    @override
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_disk_that_has_no_room_for_the_last_bytes_is_named_before_the_package_is_judged(
    file: PartialFile,
) -> None:
    file._open_file().close()
    file._file = Full()
    file.write(PACKAGE)
    with pytest.raises(RefusedFile, match="is full"):
        file.judge(lambda _content, size: size)


async def test_thread_ends_with_the_transfer(file: PartialFile) -> None:
    threads, others = list[threading.Thread](), set(threading.enumerate())

    async def received(_: int) -> None:
        new = set(threading.enumerate()) - others
        threads.extend(thread for thread in new if thread.name.startswith("package"))

    await write_pieces(sent(b"x"), file, 1, received)
    (ours,) = threads
    await anyio.to_thread.run_sync(ours.join, 10)
    assert not ours.is_alive()


async def test_cancellation_while_checking_stops_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, check, "unpacked_pieces")
    await cancelled_in_a_group(gate, lambda: save(tmp_path))
    assert len(gate.calls) == 1
    assert not names_in(tmp_path)


@pytest.mark.parametrize("method", ["create", "write", "judge", "publish"])
async def test_asyncios_cancel_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    await cancelled_the_asyncio_way(Gate(monkeypatch, PartialFile, method), lambda: save(tmp_path))
    assert not names_in(tmp_path)


async def test_published_package_is_taken_back_when_nobody_hears_of_it(tmp_path: Path, file: PartialFile) -> None:
    file.write(PACKAGE)
    assert file.publish("Title", ".zip").exists()
    file.discard()
    assert not names_in(tmp_path)


async def test_package_without_end_is_stopped(tmp_path: Path) -> None:
    taken = list[int]()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):  # enough, and an end where nobody stops it
            taken.append(number)
            yield bytes(1000)

    with pytest.raises(BadPackage, match="larger than"):
        await save_package(pieces(), tmp_path, "Title", "hash1", limits=PackageLimits(package_bytes=10_000))
    assert len(taken) == 11
    assert not names_in(tmp_path)
