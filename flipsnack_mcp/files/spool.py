"""The spool: a folder for documents and packages on their way, bounded in total, in which nothing outlives its use.

What lies there never gets a name: it is a file in the making, locked by the process that has it, until it is removed.
"""

import os
import stat
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from flipsnack_mcp import systems
from flipsnack_mcp.files.packages import Received, SavedPackage, receive_package, write_pieces
from flipsnack_mcp.files.partial_file import DISK_FULL, PartialFile
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.writing.leftovers import FORGOTTEN, remove_leftovers

OWN_FOLDER = "flipsnack-spool"
"""Below the folder that was named, which may be anybody's: only this one is closed to others and tidied."""
SPOOL_PREFIX = f"{OWN_FOLDER}-"
TELL_THE_OPERATOR = "Tell whoever runs this server to look at the folder in FLIPSNACK_SPOOL_DIR."


class SpoolFull(RefusedFile):
    """There is no room for it now; there may be in a while."""

    def __init__(self) -> None:
        super().__init__("This server has no room left for files on their way.", "Try again in some minutes.")


class SpoolUnusable(RefusedFile):
    """Its folder cannot be used."""

    def __init__(self) -> None:
        super().__init__("This server cannot keep files on their way at the moment.", TELL_THE_OPERATOR)


class SpooledFile:
    """A file on the spool, and the room that is taken for it."""

    def __init__(self, spool: "Spool", file: PartialFile) -> None:
        self._spool = spool
        self.file, self.room = file, 0
        self.kept = False
        """Whether it stays when whoever made it goes on."""

    async def fill(self, pieces: AsyncIterator[bytes]) -> str:
        """Writes what comes, as long as there is room for it, and returns its SHA-256.

        Raises:
            SpoolFull: It did not fit in.
            SpoolUnusable: It cannot be written.
        """
        with _as_told():
            return await write_pieces(self._counted(pieces), self.file, sys.maxsize)

    async def fill_with_package(self, pieces: AsyncIterator[bytes], name: str, received: Received) -> SavedPackage:
        """Writes and checks a zip, which has its name only for whoever fetches it; raises `BadPackage` as well."""
        with _as_told():
            sha256, files = await receive_package(self._counted(pieces), self.file, received)
        return SavedPackage(self.file.path, self.file.size, sha256, files, name)

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        come = 0
        async for piece in pieces:
            come += len(piece)
            self._spool.widen(self, come)
            yield piece


class Spool:
    """The files on their way through this process."""

    def __init__(self, named: Path | None, most: int, background: anyio.abc.TaskGroup) -> None:
        self._named, self._most, self._background = named, most, background
        self._folder: Path | None = None
        self._places = set[SpooledFile]()
        self._of_others = 0
        self._kept = dict[str, SpooledFile]()

    @asynccontextmanager
    async def place(self, announced: int = 0) -> AsyncIterator[SpooledFile]:
        """Gives an empty file and room for what was announced; it is gone when the context ends, unless it is kept.

        Raises:
            SpoolFull: There is no room.
            SpoolUnusable: Its folder cannot be used.
        """
        folder, self._of_others = await run_sync(self._look)
        place = SpooledFile(self, PartialFile(folder))
        self.widen(place, announced)
        self._places.add(place)
        try:
            with _as_told():
                await run_sync(place.file.create)
            yield place
        finally:
            if not place.kept:
                await self.drop(place)

    def widen(self, place: SpooledFile, size: int) -> None:
        """Takes as much room for a file as it needs by now; raises `SpoolFull` where there is none."""
        others = self._of_others + sum(one.room for one in self._places if one is not place)
        if others + max(size, place.room) > self._most:
            raise SpoolFull
        place.room = max(size, place.room)

    async def drop(self, place: SpooledFile) -> None:
        """Removes a file, whoever reads it still."""
        self._places.discard(place)
        with anyio.CancelScope(shield=True):
            await run_sync(place.file.discard)

    async def keep(self, key: str, place: SpooledFile, seconds: float) -> None:
        """Lets a file stay for so long, instead of one that was kept by that key before."""
        place.kept = True
        before, self._kept[key] = self._kept.get(key), place
        if before:
            await self.drop(before)
        self._background.start_soon(self._drop_later, key, place, seconds)

    def kept(self, key: str) -> SpooledFile | None:
        """Returns what is kept by a key; None where its time is over, or somebody removed it."""
        place = self._kept.get(key)
        return place if place and place.file.path.exists() else None

    async def tidy(self) -> None:
        """Removes what killed runs left, and nothing that a living process works on."""
        await run_sync(self._tidy)

    async def close(self) -> None:
        """Removes whatever this process has there."""
        for place in [*self._places]:
            await self.drop(place)
        self._kept.clear()
        if self._named is None and self._folder:
            with suppress(OSError):
                self._folder.rmdir()

    async def _drop_later(self, key: str, place: SpooledFile, seconds: float) -> None:
        await anyio.sleep(seconds)
        if self._kept.get(key) is place:
            del self._kept[key]
        await self.drop(place)

    def _look(self) -> tuple[Path, int]:
        """The folder, and how much in it is not this process's own."""
        try:
            if self._folder is None or not self._folder.is_dir():  # somebody may have removed it
                self._folder = _own_folder(self._named) if self._named else Path(tempfile.mkdtemp(prefix=SPOOL_PREFIX))
            return self._folder, self._taken_by_others(self._folder)
        except OSError as error:
            raise SpoolUnusable from error

    def _taken_by_others(self, folder: Path) -> int:
        ours, taken = {one.file.path.name for one in self._places}, 0
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name not in ours:
                    with suppress(OSError):
                        taken += entry.stat(follow_symlinks=False).st_size
        return taken

    def _tidy(self) -> None:
        if self._named:
            remove_leftovers(self._named / OWN_FOLDER)
            return
        for folder in Path(tempfile.gettempdir()).glob(f"{SPOOL_PREFIX}*"):
            with suppress(OSError):
                if _is_ours(folder.lstat()):
                    remove_leftovers(folder)
                    if folder.lstat().st_mtime < time.time() - FORGOTTEN.total_seconds():
                        folder.rmdir()


def usable(named: Path | None) -> bool:
    """Tells whether files can lie in this folder, by making ours in it, as their first use would."""
    try:
        return named is None or os.access(_own_folder(named), os.W_OK | os.X_OK)
    except OSError:
        return False


def _own_folder(named: Path) -> Path:
    """Makes our folder below the one that was named, for this user only; raises OSError where somebody else's is there."""
    folder = named / OWN_FOLDER
    named.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not _is_ours(status):
        raise OSError("it is a link, or somebody else's")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def _is_ours(status: os.stat_result) -> bool:
    """Tells whether it is a folder, and this user's where the system says so by a number."""
    return stat.S_ISDIR(status.st_mode) and (not systems.HERE.modes or status.st_uid == os.getuid())


@contextmanager
def _as_told() -> Iterator[None]:
    """Says of the spool what the disk says: where it lies is no business of whoever sends a file."""
    try:
        yield
    except RefusedFile as refusal:
        if not isinstance(refusal.__cause__, OSError):
            raise
        raise (SpoolFull if refusal.__cause__.errno in DISK_FULL else SpoolUnusable) from refusal
