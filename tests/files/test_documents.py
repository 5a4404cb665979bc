"""Documents that may be uploaded, and what happens when the world moves while they are read."""

import errno
import hashlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp import systems
from flipsnack_mcp.files.documents import DocumentChanged, Kind, OpenDocument, Reader, open_document
from flipsnack_mcp.files.limits import LARGE_UPLOAD_BYTES, MEGABYTE
from flipsnack_mcp.files.paths import opening
from flipsnack_mcp.files.paths.opening import OpenedFile, open_and_compare
from flipsnack_mcp.files.paths.place import Place
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Cancelling, Gate, Ground, cancelled_in_a_group, cancelled_the_asyncio_way, turn_loop

PIECE = 256 * 1024


async def read(path: Path | str, *folders: Path) -> bytes:
    async with open_document(str(path), folders) as document:
        return await whole(document)


async def whole(document: OpenDocument) -> bytes:
    return b"".join([piece async for piece in document.pieces()])


async def test_document_is_read_whole_and_a_hash_leaves_its_pieces_at_the_beginning(ground: Ground) -> None:
    content = PDF + os.urandom(3 * PIECE)
    ground.good.write_bytes(content)
    async with ground.open() as document:
        digest = await document.sha256()
        pieces = [piece async for piece in document.pieces()]
    assert b"".join(pieces) == content
    assert digest == hashlib.sha256(content).hexdigest()
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, PIECE, len(PDF)]
    assert (document.name, document.size, document.content_type) == ("good.pdf", len(content), "application/pdf")
    assert (document.kind, document.warnings) == (Kind.PDF, ())


@pytest.mark.parametrize(
    "name",
    [
        *("Übergröße 2024.pdf", "50% off.pdf", "50%25.pdf", "a b,c&d'e(f).pdf", "目录.pdf", "no-extension", "a..b.pdf"),
        *("deep/er/still.pdf", "COM10.pdf", "console.pdf", "می‌خواهم.pdf", "~tilde.pdf", "-rf.pdf"),
    ],
)
async def test_unusual_but_honest_name_is_taken(ground: Ground, name: str) -> None:
    path = ground.allowed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content := b"\n" * 1019 + PDF)  # the signature may come within the first kilobyte
    assert await read(path, ground.allowed) == content


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif")],
)
async def test_image_is_known_by_its_first_bytes(ground: Ground, head: bytes, kind: str) -> None:
    ground.good.write_bytes(head)
    async with ground.open(Kind.IMAGE) as document:
        assert document.content_type == f"image/{kind}"


@pytest.mark.parametrize(("head", "said"), [(b"{\\rtf1\\ansi", "an RTF text"), (b'{"a": 1}', "JSON")])
async def test_what_is_no_pdf_is_told_by_its_first_bytes(ground: Ground, head: bytes, said: str) -> None:
    ground.good.write_bytes(head)
    with pytest.raises(RefusedFile, match=f"its first bytes are those of {said}"):
        await read(ground.good, ground.allowed)


@pytest.mark.parametrize(
    ("size", "length"),
    [
        *((MEGABYTE, PIECE), (25 * MEGABYTE, PIECE), (50 * MEGABYTE, 2 * PIECE), (500 * MEGABYTE, MEGABYTE)),
        *((LARGE_UPLOAD_BYTES - 1, MEGABYTE - 1), (LARGE_UPLOAD_BYTES, MEGABYTE)),
    ],
)
async def test_large_document_is_read_in_larger_pieces_and_is_warned_of(ground: Ground, size: int, length: int) -> None:
    os.truncate(ground.good, size)
    async with ground.open() as document:
        assert len(await anext(document.pieces())) == length
        assert ["100 MB" in warning for warning in document.warnings] == [True] * (size >= LARGE_UPLOAD_BYTES)


async def test_folder_may_be_a_link_or_lie_behind_one_and_is_known_by_both_names(ground: Ground, inner: Path) -> None:
    shortcut = ground.allowed.parent / "shortcut"
    shortcut.symlink_to(ground.allowed)
    assert await read(shortcut / "good.pdf", shortcut) == ground.good.read_bytes()
    assert await read(ground.good, shortcut) == ground.good.read_bytes()
    assert await read(shortcut / "sub" / inner.name, shortcut / "sub") == PDF
    with pytest.raises(RefusedFile, match="not in a folder"):
        await read(shortcut / "good.pdf", ground.allowed)


async def test_folder_below_a_link_or_dot_folder_counts_where_it_is_named_itself(ground: Ground) -> None:
    hidden = ground.allowed / ".hidden"
    hidden.mkdir()
    (hidden / "a.pdf").write_bytes(PDF)
    (ground.allowed / "link").symlink_to(ground.outside)
    assert await read(hidden / "a.pdf", ground.allowed, hidden) == PDF
    assert await read(ground.allowed / "link" / "secret.pdf", ground.allowed, ground.allowed / "link")


@pytest.mark.parametrize(
    ("path", "allowed", "said"),
    [
        ("{0}/good.pdf", [], r"FLIPSNACK_UPLOAD_DIRS={0} "),
        (
            "https://x.com/good.pdf",
            ["{0}"],
            r"is a URL.*an https address as file_url.*the absolute path of a file in an upload folder, or its name",
        ),
        *(("{0}/good.pdf", [folder], "names no absolute folder") for folder in ("docs", "~/docs", "")),
        ("{0}/gone/a.pdf", ["{0}/gone"], r"gone.* cannot be opened"),
    ],
)
async def test_refusal_says_what_to_set_right(ground: Ground, path: str, allowed: list[str], said: str) -> None:
    with pytest.raises(RefusedFile, match=said.format(ground.allowed)):
        await read(path.format(ground.allowed), *(Path(folder.format(ground.allowed)) for folder in allowed))


@pytest.mark.parametrize("behind", ["?X-Amz-Signature=5ecret", "#access_token=5ecret"])
async def test_what_opens_an_address_stands_in_no_refusal_of_it_as_a_path(ground: Ground, behind: str) -> None:
    with pytest.raises(RefusedFile, match=r'"https://x\.com/good\.pdf" is a URL') as refused:
        await read(f"https://x.com/good.pdf{behind}", ground.allowed)
    assert "5ecret" not in str(refused.value)


def failing(ground: Ground, owner: object, method: str, number: int) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    ground.patch.setattr(owner, method, refused)


@pytest.mark.parametrize(
    ("owner", "method", "number", "said"),
    [(opening, "_settled", errno.EACCES, "may not be read"), (Reader, "read", errno.EIO, "Input/output")],
)
async def test_document_that_cannot_be_opened_or_read_is_refused(
    ground: Ground, owner: object, method: str, number: int, said: str
) -> None:
    failing(ground, owner, method, number)
    with pytest.raises(RefusedFile, match=said):
        await read(ground.good, ground.allowed)


def change(ground: Ground, length: int, clock: int | None) -> None:
    """Writes over it, makes it so long, and puts the clock so far from where it was."""
    before = ground.good.stat().st_mtime_ns
    with ground.good.open("r+b") as file:
        file.write(PDF)
    os.truncate(ground.good, length)
    if clock is not None:
        os.utime(ground.good, ns=(before + clock, before + clock))


CHANGES: dict[str, tuple[Callable[[Ground], None], str, range]] = {
    "grows": (lambda ground: change(ground, 9 * PIECE, None), "was changed", range(4, 5)),
    "grows-with-the-clock-put-back": (lambda ground: change(ground, 9 * PIECE, 0), "was changed", range(4, 5)),
    # One piece, and one that may have been read ahead.
    "shrinks": (lambda ground: change(ground, PIECE, None), "shorter", range(1, 3)),
    "is-written-over": (lambda ground: change(ground, 3 * PIECE + len(PDF), 1), "was changed", range(4, 5)),
    "is-lost": (lambda ground: failing(ground, Reader, "read", errno.ESTALE), "Stale file handle", range(1, 2)),
}


@pytest.mark.parametrize(("happens", "said", "pieces"), CHANGES.values(), ids=CHANGES)
async def test_change_under_way_is_reported_and_no_byte_of_it_is_given(
    ground: Ground, happens: Callable[[Ground], None], said: str, pieces: range
) -> None:
    content, taken = PDF + bytes(3 * PIECE), list[bytes]()
    ground.good.write_bytes(content)

    async def send() -> None:
        async with ground.open() as document:
            async for piece in document.pieces():
                taken.append(piece)
                if len(taken) == 1:
                    happens(ground)

    with pytest.raises(DocumentChanged, match=said):
        await send()
    assert content.startswith(b"".join(taken))
    assert len(taken) in pieces


async def test_a_small_document_that_grows_before_it_is_read_gives_no_more_than_it_had_and_is_called_changed(
    ground: Ground,
) -> None:
    taken, content = list[bytes](), ground.good.read_bytes()

    async def send() -> None:
        async with ground.open() as document:
            with ground.good.open("ab") as file:
                file.write(b"more")
            async for piece in document.pieces():
                taken.append(piece)

    with pytest.raises(DocumentChanged, match="was changed"):
        await send()
    assert taken == [content]


async def test_hash_of_a_changing_document_is_refused(ground: Ground) -> None:
    async with ground.open() as document:
        os.truncate(ground.good, 5)
        with pytest.raises(DocumentChanged):
            await document.sha256()


async def test_document_replaced_after_opening_is_read_as_it_was_and_called_changed(ground: Ground) -> None:
    content = ground.good.read_bytes()
    async with ground.open() as document:
        ground.good.unlink()
        ground.good.symlink_to(ground.secret)
        with pytest.raises(DocumentChanged):
            await whole(document)
        assert document.read(0, document.size) == content


def swap_file(ground: Ground) -> None:
    (ground.allowed / "sub" / "secret.pdf").unlink()
    (ground.allowed / "sub" / "secret.pdf").symlink_to(ground.secret)


def swap_folder(ground: Ground) -> None:
    (ground.allowed / "sub").rename(ground.allowed / "away")
    (ground.allowed / "sub").symlink_to(ground.outside)


@pytest.fixture
def inner(ground: Ground) -> Path:
    """A document one folder deeper, with the name of one outside."""
    path = ground.allowed / "sub" / "secret.pdf"
    path.parent.mkdir()
    path.write_bytes(PDF)
    return path


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("swap", [swap_file, swap_folder])
async def test_file_or_folder_swapped_for_a_link_gives_nothing_and_afterwards_changes_nothing(
    ground: Ground, inner: Path, swap: Callable[[Ground], None], step: int
) -> None:
    steps, original = iter(range(1, 100)), os.open  # 1 is the folder, the last is the file

    def open_late(*args: Any, **kwargs: Any) -> int:
        if next(steps) == step:
            swap(ground)
        return original(*args, **kwargs)

    ground.patch.setattr(os, "open", open_late)
    if (swap, step) == (swap_folder, 3):
        assert await read(inner, ground.allowed) == PDF
    else:
        with pytest.raises(RefusedFile, match="link"):
            await read(inner, ground.allowed)


@pytest.mark.parametrize("again", [False, True], ids=["gone-when-looked-at", "there-again-within-one-look"])
def test_swapped_back_and_forth_without_dir_fd_gives_nothing(ground: Ground, inner: Path, *, again: bool) -> None:
    """The link is there when the file is opened and gone when its path is spelled out."""
    open_file, status_of, opened = os.open, os.fstat, list[int]()

    def open_swapped(path: str, flags: int) -> int:
        swap_folder(ground)
        descriptor = open_file(path, flags)
        inner.parent.unlink()
        (ground.allowed / "away").rename(inner.parent)
        opened.append(descriptor)
        return descriptor

    def status_swapped(descriptor: int) -> os.stat_result:
        if again and not inner.parent.is_symlink():
            swap_folder(ground)
        return status_of(descriptor)

    ground.patch.setattr(os, "open", open_swapped)
    ground.patch.setattr(os, "fstat", status_swapped)
    with pytest.raises(OSError, match="a link on the way"):
        open_and_compare(Place(ground.allowed, ("sub", inner.name)))
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            status_of(descriptor)


@contextmanager
def swapping(ground: Ground) -> Iterator[None]:
    """Another program that swaps a file and a folder for links as fast as it can, and rests now and then."""
    pauses = itertools.cycle([0.0] * 15 + [0.06])
    link, spare, over, aside = (ground.allowed.parent / name for name in ("link", "spare", "over", "aside"))
    stop, target = threading.Event(), ground.allowed / "sub" / "secret.pdf"
    sub = target.parent

    def swap() -> None:
        while not stop.wait(next(pauses)):
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
async def test_race_never_gives_a_foreign_byte(ground: Ground, inner: Path, *, step_by_step: bool) -> None:
    ground.patch.setattr(systems, "HERE", replace(systems.HERE, opens_below_folders=step_by_step))
    taken = refused = 0
    with swapping(ground), anyio.fail_after(60):
        while min(taken, refused) < 6:
            try:
                assert await read(inner, ground.allowed) == PDF
                taken += 1
            except (RefusedFile, DocumentChanged):
                refused += 1


async def test_slow_disk_does_not_stop_the_event_loop(ground: Ground) -> None:
    gate, taken = Gate(ground.patch, Reader, "read"), list[bytes]()

    async def upload() -> None:
        taken.append(await read(ground.good, ground.allowed))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(upload)
            await gate.wait_reached()
            await turn_loop()
            assert not taken
            gate.go_on.set()

    assert taken == [ground.good.read_bytes()]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that were opened for documents."""
    descriptors = list[int]()

    def watched(places: tuple[Place, ...], elsewhere: Callable[[], Sequence[Place]]) -> OpenedFile:
        file = opening.open_place(places, elsewhere)
        descriptors.append(file.descriptor)
        return file

    monkeypatch.setattr("flipsnack_mcp.files.documents.open_place", watched)
    return descriptors


def assert_closed(descriptors: list[int]) -> None:
    assert descriptors
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


async def test_descriptor_is_closed_after_the_context_however_it_ends(ground: Ground, opened: list[int]) -> None:
    async with ground.open() as document:
        os.fstat(opened[0])
    assert_closed(opened)
    with pytest.raises(ValueError, match="closed"):
        await document.sha256()
    for content, error in ((PDF, ZeroDivisionError), (b"text", RefusedFile)):
        ground.good.write_bytes(content)
        with pytest.raises(error):
            async with ground.open():
                raise ZeroDivisionError
        assert_closed(opened)
    assert len(opened) == 3


@pytest.mark.parametrize("way", [cancelled_in_a_group, cancelled_the_asyncio_way])
async def test_descriptor_is_closed_when_never_entered(ground: Ground, opened: list[int], way: Cancelling) -> None:
    gate, entered = Gate(ground.patch, Reader, "take"), list[OpenDocument]()

    async def never_entered() -> None:
        async with ground.open() as document:
            await anyio.lowlevel.checkpoint()
            entered.append(document)

    await way(gate, never_entered)
    assert not entered
    assert_closed(opened)
