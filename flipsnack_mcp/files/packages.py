"""Packages that come in from Flipsnack: hashed as they come, written under a hidden name, checked, then given their own."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import current_time, from_thread, to_thread

from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.names import telling_names
from flipsnack_mcp.files.partial_file import PartialFile, partial_file
from flipsnack_mcp.files.worker_thread import thread_for, wait_for
from flipsnack_mcp.files.writing.leftovers import remove_leftovers
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage, NotWhole
from flipsnack_mcp.files.zips.check import check_zip

# The room's front door: whoever saves packages needs no other module.
__all__ = ["BadPackage", "NotWhole", "SavedPackage", "remove_leftovers", "save_package"]

BATCH_BYTES = 4 * MEGABYTE  # of these two are in memory: one is gathered, one is written
FLUSH_SECONDS = 0.5  # a slow line fills no batch, but somebody may be watching its progress

Received = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class SavedPackage:
    """A package on disk: where it is, how large, its hash, the names of the files in it, and what it is called."""

    path: Path
    bytes: int
    sha256: str
    files: tuple[str, ...]
    name: str


async def save_package(
    pieces: AsyncIterator[bytes],
    folder: Path,
    title: str,
    collection_hash: str,
    *,
    received: Received | None = None,
    shared: bool = False,
    limits: PackageLimits = PackageLimits(),  # noqa: B008 - frozen
) -> SavedPackage:
    """Saves a zip as `Title.zip`, where that is taken with its hash, then under the next free number.

    What is there already, byte for byte, stays as it is, unless the folder is shared with other accounts: what is
    theirs is not taken for one's own. Where anything is wrong, nothing is left.

    Raises:
        BadPackage: What arrived is not a whole and safe zip.
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    async with partial_file(folder) as file:
        sha256, files = await receive_package(pieces, file, received, limits)
        name, with_hash = telling_names(title, collection_hash)
        path = await to_thread.run_sync(partial(file.publish, name, ".zip", with_hash, once=not shared))
        return SavedPackage(path, file.size, sha256, files, path.name)


async def receive_package(
    pieces: AsyncIterator[bytes],
    file: PartialFile,
    received: Received | None = None,
    limits: PackageLimits = PackageLimits(),  # noqa: B008 - frozen
) -> tuple[str, tuple[str, ...]]:
    """Writes a zip and checks it; returns its SHA-256 and the names of the files in it."""
    sha256 = await write_pieces(pieces, file, limits.package_bytes, received)
    check = partial(check_zip, limits=limits, between=from_thread.check_cancelled)
    return sha256, await to_thread.run_sync(file.judge, check)


async def write_pieces(
    pieces: AsyncIterator[bytes], file: PartialFile, most: int, received: Received | None = None
) -> str:
    """Writes what comes, at most so many bytes, and returns its SHA-256."""
    count = 0
    with thread_for("package") as thread:
        writer = PackageWriter(file, thread, received)
        async for piece in pieces:
            count += len(piece)
            # Counted as they come, not as they are written: a package without end is not even asked for its next piece.
            if count > most:
                raise BadPackage(f"The package is larger than {most / MEGABYTE:.0f} MB.")
            await writer.add(piece)
        await writer.finish()
    return writer.digest.hexdigest()


class PackageWriter:
    """Writes one file, a batch at a time and in order, each in a thread beside the next.

    Hashing stays with the event loop. It takes a fifth of a millisecond for the largest piece, which is in the
    processor's cache then, and holds no lock of the interpreter: in that time the thread gets on with its writing.
    """

    def __init__(self, file: PartialFile, thread: ThreadPoolExecutor, received: Received | None) -> None:
        self._file = file
        self._thread = thread
        self._received = received
        # Used again and again: new memory for every batch costs the system more than copying the pieces does.
        self._batch, self._spare = memoryview(bytearray(BATCH_BYTES)), memoryview(bytearray(BATCH_BYTES))
        self._filled = 0
        self.digest = hashlib.sha256()  # of all that was added
        self._writing: Future[None] | None = None
        self._due = 0.0

    async def add(self, piece: bytes) -> None:
        """Takes a piece; raises what goes wrong with the disk, be it with the batch before."""
        self.digest.update(piece)
        left = memoryview(piece)
        while left:
            part = left[: BATCH_BYTES - self._filled]
            left = left[len(part) :]
            self._batch[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == BATCH_BYTES:
                await self._write()
        if current_time() >= self._due:
            await self.finish()
            self._due = current_time() + FLUSH_SECONDS

    async def finish(self) -> None:
        """Returns when everything that was added is written."""
        await self._write()
        await self._wait_written()

    async def _write(self) -> None:
        if not self._filled:
            return
        await self._wait_written()
        self._writing = self._thread.submit(self._file.write, self._batch[: self._filled])
        self._batch, self._spare, self._filled = self._spare, self._batch, 0

    async def _wait_written(self) -> None:
        if self._writing is None:
            return
        await wait_for(self._writing)
        self._writing = None
        if self._received is not None:
            await self._received(self._file.size)
