"""Documents that may be uploaded, and what happens when the world moves while they are read."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import pytest

from flipsnack_mcp.files import opening
from flipsnack_mcp.files.documents import (
    ABSORBED,
    LARGE,
    LARGE_PIECE,
    PIECE,
    DocumentChanged,
    Kind,
    OpenDocument,
    open_document,
)
from flipsnack_mcp.files.opening import open_and_compare
from flipsnack_mcp.files.places import Place
from flipsnack_mcp.files.reading import Reader
from flipsnack_mcp.files.refusal import RefusedFile

PDF = b"%PDF-1.7\n"


class Ground(Protocol):
    @property
    def allowed(self) -> Path: ...
    @property
    def outside(self) -> Path: ...
    @property
    def good(self) -> Path: ...
    @property
    def secret(self) -> Path: ...


async def read(path: Path | str, *folders: Path, kind: Kind = Kind.PDF) -> bytes:
    async with open_document(str(path), folders, kind) as document:
        return b"".join([piece async for piece in document.pieces()])


async def test_document_is_read_whole(ground: Ground) -> None:
    content = PDF + os.urandom(3 * PIECE)
    ground.good.write_bytes(content)

    async with open_document(str(ground.good), [ground.allowed]) as document:
        pieces = [piece async for piece in document.pieces()]

    assert b"".join(pieces) == content
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, PIECE, len(PDF)]
    assert (document.name, document.size, document.content_type) == ("good.pdf", len(content), "application/pdf")
    assert document.kind is Kind.PDF
    assert document.warnings == ()


async def test_hash_leaves_the_pieces_at_the_beginning(ground: Ground) -> None:
    async with open_document(str(ground.good), [ground.allowed]) as document:
        digest = await document.sha256()
        content = b"".join([piece async for piece in document.pieces()])

    assert content == ground.good.read_bytes()
    assert digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        "Übergröße 2024.pdf",
        "50% off.pdf",
        "50%25.pdf",
        "a b,c&d'e(f).pdf",
        "目录.pdf",
        "no-extension",
        "a..b.pdf",
        "deep/er/still.pdf",
        "COM10.pdf",
        "console.pdf",
        "می‌خواهم.pdf",
        "~tilde.pdf",
        "-rf.pdf",
    ],
)
async def test_unusual_but_honest_name_is_taken(ground: Ground, name: str) -> None:
    path = ground.allowed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PDF)

    assert await read(path, ground.allowed) == PDF


async def test_signature_may_come_within_the_first_kilobyte(ground: Ground) -> None:
    ground.good.write_bytes(b"\n" * 1019 + PDF)

    assert (await read(ground.good, ground.allowed)).endswith(PDF)


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ],
)
async def test_image_is_known_by_its_first_bytes(ground: Ground, head: bytes, content_type: str) -> None:
    logo = ground.allowed / "logo.bin"
    logo.write_bytes(head)

    async with open_document(str(logo), [ground.allowed], Kind.IMAGE) as document:
        assert document.content_type == content_type


async def test_large_document_comes_with_a_warning(ground: Ground) -> None:
    os.truncate(ground.good, LARGE)

    async with open_document(str(ground.good), [ground.allowed]) as document:
        assert "100 MB" in document.warnings[0]


async def test_configured_folder_may_be_a_link_and_is_known_by_both_names(ground: Ground) -> None:
    shortcut = ground.allowed.parent / "shortcut"
    shortcut.symlink_to(ground.allowed)

    assert await read(shortcut / "good.pdf", shortcut) == ground.good.read_bytes()
    assert await read(ground.good, shortcut) == ground.good.read_bytes()
    with pytest.raises(RefusedFile, match="not in a folder"):
        await read(shortcut / "good.pdf", ground.allowed)


async def test_configured_folder_may_lie_behind_a_link(ground: Ground) -> None:
    (ground.allowed / "sub").mkdir()
    (ground.allowed / "sub" / "a.pdf").write_bytes(PDF)
    shortcut = ground.allowed.parent / "shortcut"
    shortcut.symlink_to(ground.allowed)

    assert await read(shortcut / "sub" / "a.pdf", shortcut / "sub") == PDF


async def test_folder_below_a_link_or_dot_folder_counts_where_it_is_named_itself(ground: Ground) -> None:
    hidden = ground.allowed / ".hidden"
    hidden.mkdir()
    (hidden / "a.pdf").write_bytes(PDF)
    (ground.allowed / "link").symlink_to(ground.outside)

    assert await read(hidden / "a.pdf", ground.allowed, hidden) == PDF
    assert await read(ground.allowed / "link" / "secret.pdf", ground.allowed, ground.allowed / "link")


async def test_refusal_shows_the_setting_with_the_folder_asked_for(ground: Ground) -> None:
    with pytest.raises(RefusedFile) as refused:
        await read(ground.good)

    assert f"FLIPSNACK_UPLOAD_DIRS={ground.allowed}" in refused.value.next_step


async def test_relative_path_is_answered_with_an_absolute_example(ground: Ground) -> None:
    with pytest.raises(RefusedFile, match="is relative") as refused:
        await read("good.pdf", ground.allowed)

    assert str(ground.allowed / "catalogue.pdf") in refused.value.next_step


@pytest.mark.parametrize("folder", [Path("docs"), Path("~/docs"), Path()])
async def test_relative_configured_folder_allows_nothing(ground: Ground, folder: Path) -> None:
    with pytest.raises(RefusedFile, match="names no absolute folder"):
        await read(ground.good, folder)


async def test_missing_configured_folder_is_named(ground: Ground) -> None:
    with pytest.raises(RefusedFile, match=r"gone.* cannot be opened"):
        await read(ground.allowed / "gone" / "a.pdf", ground.allowed / "gone")


async def test_unreadable_document_is_refused(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Place) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "_open_step_by_step", denied)

    with pytest.raises(RefusedFile, match="may not be read"):
        await read(ground.good, ground.allowed)


async def test_without_dir_fd_documents_are_read_as_well(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "STEP_BY_STEP", False)

    assert await read(ground.good, ground.allowed) == ground.good.read_bytes()


# A document that changes under way


async def read_while(change: Callable[[], object], ground: Ground, taken: list[bytes]) -> None:
    """Reads the document; it is changed when its first piece is there."""
    async with open_document(str(ground.good), [ground.allowed]) as document:
        async for piece in document.pieces():
            taken.append(piece)
            change()


async def test_growing_document_is_cut_off_and_reported(ground: Ground) -> None:
    content, taken = PDF + bytes(3 * PIECE), list[bytes]()
    ground.good.write_bytes(content)

    with pytest.raises(DocumentChanged):
        await read_while(lambda: os.truncate(ground.good, 9 * PIECE), ground, taken)

    assert b"".join(taken) == content


async def test_shrinking_document_is_reported(ground: Ground) -> None:
    content, taken = PDF + bytes(3 * PIECE), list[bytes]()
    ground.good.write_bytes(content)

    with pytest.raises(DocumentChanged, match="shorter"):
        await read_while(lambda: os.truncate(ground.good, PIECE), ground, taken)

    assert content.startswith(b"".join(taken))
    assert len(taken) <= 2, "one piece, and one that may have been read ahead"


async def test_growth_is_noticed_whatever_the_clock_of_the_file_says(ground: Ground) -> None:
    def grow() -> None:
        before = ground.good.stat().st_mtime_ns
        with ground.good.open("ab") as more:
            more.write(b"more")
        os.utime(ground.good, ns=(before, before))

    with pytest.raises(DocumentChanged):
        await read_while(grow, ground, [])


async def test_disk_that_goes_away_is_reported(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.good.write_bytes(PDF + bytes(3 * PIECE))
    taken = list[bytes]()

    def gone(*_: object) -> bytes:
        raise OSError(116, "Stale file handle")

    with pytest.raises(DocumentChanged, match="Stale file handle"):
        await read_while(lambda: monkeypatch.setattr(Reader, "read", gone), ground, taken)

    assert len(taken) == 1


async def test_disk_that_cannot_be_read_is_refused(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Reader, "read", broken)

    with pytest.raises(RefusedFile, match="Input/output error"):
        await read(ground.good, ground.allowed)


async def test_document_rewritten_in_place_is_reported(ground: Ground) -> None:
    def rewrite() -> None:
        ground.good.write_bytes(PDF + bytes(ground.good.stat().st_size - len(PDF)))
        os.utime(ground.good, ns=(1, 1))

    with pytest.raises(DocumentChanged):
        await read_while(rewrite, ground, [])


async def test_hash_of_a_changing_document_is_refused(ground: Ground) -> None:
    async with open_document(str(ground.good), [ground.allowed]) as document:
        os.truncate(ground.good, 5)

        with pytest.raises(DocumentChanged):
            await document.sha256()


async def test_document_replaced_after_opening_is_read_as_it_was(ground: Ground) -> None:
    content = ground.good.read_bytes()

    async with open_document(str(ground.good), [ground.allowed]) as document:
        ground.good.unlink()
        ground.good.symlink_to(ground.secret)
        taken = b"".join([piece async for piece in document.pieces()])

    assert taken == content


# Swapping between looking and opening


def swapped_before(step: int, swap: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `swap` happen right before the numbered opening: 1 is the folder, the last is the file."""
    steps, original = iter(range(1, 100)), os.open

    def open_late(*args: Any, **kwargs: Any) -> int:
        if next(steps) == step:
            swap()
        return original(*args, **kwargs)

    monkeypatch.setattr(os, "open", open_late)


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_file_swapped_for_a_link_gives_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    sub = ground.allowed / "sub"
    sub.mkdir()
    (sub / "a.pdf").write_bytes(PDF)

    def swap() -> None:
        (sub / "a.pdf").unlink()
        (sub / "a.pdf").symlink_to(ground.secret)

    swapped_before(step, swap, monkeypatch)

    with pytest.raises(RefusedFile, match="link"):
        await read(sub / "a.pdf", ground.allowed)


@pytest.mark.parametrize("step", [1, 2])
async def test_folder_swapped_for_a_link_gives_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    sub = ground.allowed / "sub"
    sub.mkdir()
    (sub / "secret.pdf").write_bytes(PDF)

    def swap() -> None:
        sub.rename(ground.allowed / "away")
        sub.symlink_to(ground.outside)

    swapped_before(step, swap, monkeypatch)

    with pytest.raises(RefusedFile, match="link"):
        await read(sub / "secret.pdf", ground.allowed)


async def test_folder_swapped_after_it_was_opened_changes_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = ground.allowed / "sub"
    sub.mkdir()
    (sub / "secret.pdf").write_bytes(PDF)

    def swap() -> None:
        sub.rename(ground.allowed / "away")
        sub.symlink_to(ground.outside)

    swapped_before(3, swap, monkeypatch)

    assert await read(sub / "secret.pdf", ground.allowed) == PDF


async def test_swapped_back_and_forth_without_dir_fd_gives_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link is there when the file is opened and gone when its path is looked at."""
    original = os.open
    spare = ground.allowed / "spare.pdf"

    def open_swapped(path: str, flags: int) -> int:
        ground.good.rename(spare)
        ground.good.symlink_to(ground.secret)
        descriptor = original(path, flags)
        spare.replace(ground.good)
        return descriptor

    monkeypatch.setattr(os, "open", open_swapped)

    with pytest.raises(OSError, match="a link on the way"):
        open_and_compare(Place(ground.allowed, ("good.pdf",)))


@contextmanager
def swapping(ground: Ground) -> Iterator[None]:
    """Another program that swaps a file and a folder for links as fast as it can."""
    link, spare, over = (ground.allowed.parent / name for name in ("link", "spare", "over"))
    stop = threading.Event()
    target = ground.allowed / "sub" / "secret.pdf"
    sub, aside = target.parent, ground.allowed.parent / "aside"

    def swap() -> None:
        while not stop.is_set():
            link.symlink_to(ground.secret)
            os.link(target, spare)
            link.replace(target)
            spare.replace(target)
            sub.rename(aside)
            sub.symlink_to(ground.outside)
            sub.rename(over)
            aside.rename(sub)
            over.unlink()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("step_by_step", [True, False], ids=["dir-fd", "compared"])
async def test_race_never_gives_a_foreign_byte(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, step_by_step: bool
) -> None:
    monkeypatch.setattr(opening, "STEP_BY_STEP", step_by_step)
    path = ground.allowed / "sub" / "secret.pdf"
    path.parent.mkdir()
    path.write_bytes(PDF)
    taken = refused = 0

    with swapping(ground), anyio.fail_after(60):
        while min(taken, refused) < 100:
            try:
                assert await read(path, ground.allowed) == PDF
                taken += 1
            except RefusedFile:
                refused += 1


# The event loop and cancellation


async def test_slow_disk_does_not_stop_the_event_loop(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go_on = threading.Event(), threading.Event()
    original = Reader.read

    def slow(reader: Reader, offset: int, length: int) -> bytes:
        reading.set()
        assert go_on.wait(10)
        return original(reader, offset, length)

    monkeypatch.setattr(Reader, "read", slow)
    taken = list[bytes]()

    async def upload() -> None:
        taken.append(await read(ground.good, ground.allowed))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(upload)
            while not reading.is_set():
                await anyio.lowlevel.checkpoint()
            for _ in range(100):  # turns of the loop while the disk keeps its reader waiting
                await anyio.lowlevel.checkpoint()
            assert not taken
            go_on.set()

    assert taken == [ground.good.read_bytes()]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that were opened for documents."""
    descriptors = list[int]()

    def watched(place: Place) -> int:
        descriptors.append(opening.open_place(place))
        return descriptors[-1]

    monkeypatch.setattr("flipsnack_mcp.files.documents.open_place", watched)
    return descriptors


def assert_closed(descriptors: list[int]) -> None:
    assert descriptors
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


async def test_descriptor_is_closed_after_the_context(ground: Ground, opened: list[int]) -> None:
    async with open_document(str(ground.good), [ground.allowed]) as document:
        os.fstat(opened[0])

    assert_closed(opened)
    with pytest.raises(ValueError, match="closed"):
        await document.sha256()


async def test_descriptor_is_closed_when_the_document_is_refused(ground: Ground, opened: list[int]) -> None:
    ground.good.write_bytes(b"text")

    with pytest.raises(RefusedFile):
        await read(ground.good, ground.allowed)

    assert_closed(opened)


async def test_descriptor_is_closed_when_the_caller_fails(ground: Ground, opened: list[int]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_document(str(ground.good), [ground.allowed]):
            raise ZeroDivisionError

    assert_closed(opened)


class Gate:
    """Holds the opening thread after it has the descriptor, until told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on, self.left = threading.Event(), threading.Event(), threading.Event()
        original = Reader.take

        def take_late(reader: Reader, descriptor: int) -> None:
            self.reached.set()
            assert self.go_on.wait(10)
            try:
                original(reader, descriptor)
            finally:
                self.left.set()

        monkeypatch.setattr(Reader, "take", take_late)

    async def wait_reached(self) -> None:
        while not self.reached.is_set():
            await anyio.lowlevel.checkpoint()


async def never_entered(ground: Ground, entered: list[OpenDocument]) -> None:
    async with open_document(str(ground.good), [ground.allowed]) as document:
        await anyio.lowlevel.checkpoint()
        entered.append(document)


async def test_descriptor_is_closed_when_cancelled_while_opening(
    ground: Ground, opened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, entered = Gate(monkeypatch), list[OpenDocument]()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(never_entered, ground, entered)
            await gate.wait_reached()
            group.cancel_scope.cancel()
            gate.go_on.set()

    assert not entered
    assert_closed(opened)


async def test_descriptor_is_closed_when_the_task_is_cancelled_the_asyncio_way(
    ground: Ground, opened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a cancellation goes through the shield: the thread is still opening when the task is gone."""
    gate, entered = Gate(monkeypatch), list[OpenDocument]()

    with anyio.fail_after(10):
        task = asyncio.create_task(never_entered(ground, entered))
        await gate.wait_reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.go_on.set()
        await anyio.to_thread.run_sync(gate.left.wait)

    assert not entered
    assert_closed(opened)


# How much is read at a time


async def sizes(ground: Ground, *, seconds: float) -> list[int]:
    """The pieces of a document that somebody takes so many seconds each to send."""
    found = list[int]()
    ground.good.write_bytes(PDF)
    os.truncate(ground.good, ABSORBED + 3 * LARGE_PIECE)
    async with open_document(str(ground.good), [ground.allowed]) as document:
        async for piece in document.pieces():
            found.append(len(piece))
            if sum(found) >= ABSORBED:
                await anyio.sleep(seconds)
    assert sum(found) == ABSORBED + 3 * LARGE_PIECE
    return found


async def test_pieces_stay_small_on_a_slow_line(ground: Ground) -> None:
    assert set(await sizes(ground, seconds=0.1)) == {PIECE}


async def test_pieces_grow_on_a_line_that_proved_fast(ground: Ground) -> None:
    found = await sizes(ground, seconds=0.0)

    small = ABSORBED // PIECE
    assert found[:small] == [PIECE] * small
    assert LARGE_PIECE in found[small:]
