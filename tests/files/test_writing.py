"""Packages are written a batch at a time beside the next, and what goes wrong is neither lost nor left behind."""

import errno
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.files import writing
from flipsnack_mcp.files.drafts import Draft
from flipsnack_mcp.files.packages import save_package
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.writing import BATCH


def fast_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first piece, only full batches are written."""
    monkeypatch.setattr(writing, "PAUSE", 3600.0)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def draft_in(folder: Path) -> Draft:
    draft = Draft(folder)
    draft.create()
    return draft


@pytest.mark.parametrize("size", [1, 10_000, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 7])
async def test_pieces_of_every_size_arrive_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    fast_line(monkeypatch)
    content = os.urandom(min(4 * BATCH + 5, 3000 * size))
    draft, counts = draft_in(tmp_path), list[int]()

    async def received(count: int) -> None:
        counts.append(count)

    async with writing.writing(draft, received) as writer:
        for start in range(0, len(content), size):
            await writer.add(content[start : start + size])

    draft.judge(lambda file, _: file.seek(0))
    assert draft.judge(lambda file, _: file.read()) == content
    assert writer.sha256 == hashlib.sha256(content).hexdigest()
    assert counts == sorted(set(counts))
    assert counts[-1] == draft.size == len(content)
    draft.discard()


async def test_slow_line_has_each_piece_written_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAUSE", 0.0)
    draft, counts = draft_in(tmp_path), list[int]()

    async def received(count: int) -> None:
        counts.append(count)

    async with writing.writing(draft, received) as writer:
        for number in range(1, 4):
            await writer.add(b"x")
            assert counts == list(range(1, number + 1))

    draft.discard()


class Gate:
    """Holds every write but the first few until told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int = 1) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.writes, original = list[int](), Draft.write

        def late(draft: Draft, piece: bytes) -> None:
            self.writes.append(len(piece))
            if len(self.writes) > free:
                self.reached.set()
                assert self.go_on.wait(10)
            original(draft, piece)

        monkeypatch.setattr(Draft, "write", late)


async def test_one_batch_is_taken_in_while_another_is_written_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast_line(monkeypatch)
    gate, draft, taken = Gate(monkeypatch), draft_in(tmp_path), list[int]()

    async def fill() -> None:
        async with writing.writing(draft, None) as writer:
            for number in range(6):
                await writer.add(bytes(BATCH))
                taken.append(number)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(fill)
            while not gate.reached.is_set():
                await anyio.lowlevel.checkpoint()
            for _ in range(100):  # the loop turns
                await anyio.lowlevel.checkpoint()
            assert (taken, gate.writes) == ([0, 1], [BATCH, BATCH])
            gate.go_on.set()

    assert draft.size == 6 * BATCH
    draft.discard()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(BATCH // 2)
        await anyio.lowlevel.checkpoint()


async def test_cancellation_waits_for_the_write_under_way_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast_line(monkeypatch)
    reached, go_on, ended = threading.Event(), threading.Event(), list[str]()
    original: Callable[[Draft], object] = Draft._open_file

    def late(draft: Draft) -> object:
        if draft.size >= BATCH and not go_on.is_set():
            reached.set()
            assert go_on.wait(10)
        return original(draft)

    monkeypatch.setattr(Draft, "_open_file", late)

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
                for _ in range(100):  # the loop turns
                    await anyio.lowlevel.checkpoint()
                assert (ended, len(names_in(tmp_path))) == ([], 1)
            go_on.set()

    assert ended
    assert not names_in(tmp_path)


async def test_lost_connection_with_a_write_under_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast_line(monkeypatch)
    gate = Gate(monkeypatch)

    async def lost() -> AsyncIterator[bytes]:
        yield bytes(BATCH)
        yield bytes(BATCH)
        while not gate.reached.is_set():
            await anyio.lowlevel.checkpoint()
        gate.go_on.set()
        raise ConnectionResetError

    with anyio.fail_after(10), pytest.raises(ConnectionResetError):
        await save_package(lost(), tmp_path, "Title", "hash1")

    assert not names_in(tmp_path)


async def test_error_of_the_last_write_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast_line(monkeypatch)
    draft = draft_in(tmp_path)

    def full(_draft: Draft, _piece: object) -> None:
        raise RefusedFile("The disk is full.", "Make room.")

    async def fill() -> None:
        async with writing.writing(draft, None) as writer:
            await writer.add(bytes(BATCH))
            monkeypatch.setattr(Draft, "write", full)
            await writer.add(b"the last of it")

    with pytest.raises(RefusedFile, match="is full"):
        await fill()
    draft.discard()


@pytest.mark.parametrize("pause", [0.0, 3600.0], ids=["slow-line", "fast-line"])
async def test_disk_that_fills_up_under_way_ends_the_transfer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(writing, "PAUSE", pause)
    original: Callable[[Draft], object] = Draft._open_file

    def full(draft: Draft) -> object:
        if draft.size >= 2 * BATCH:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(draft)

    monkeypatch.setattr(Draft, "_open_file", full)

    with anyio.fail_after(10), pytest.raises(RefusedFile, match="is full"):
        await save_package(endless(), tmp_path, "Title", "hash1")

    assert not names_in(tmp_path)


async def test_thread_ends_with_the_transfer(tmp_path: Path) -> None:
    draft = draft_in(tmp_path)

    async with writing.writing(draft, None) as writer:
        await writer.add(b"x")
        (ours,) = [thread for thread in threading.enumerate() if thread.name.startswith("package")]

    await anyio.to_thread.run_sync(ours.join, 10)
    assert not ours.is_alive()
    draft.discard()
