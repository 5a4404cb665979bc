"""A file that is being written under a hidden name and appears under its own name only when it is whole."""

import errno
import filecmp
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar

from anyio import CancelScope, to_thread

from flipsnack_mcp import systems
from flipsnack_mcp.files.refusal import RefusedFile, cure_of, quote_path
from flipsnack_mcp.files.writing.leftovers import new_partial_name
from flipsnack_mcp.files.writing.locking import LockState, WriterLock
from flipsnack_mcp.files.writing.patience import patiently

T = TypeVar("T")

DOWNLOAD_SETTING = "FLIPSNACK_DOWNLOAD_DIR"
DISK_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
MOST_TRIED = 1000
WRITE_BYTES = 64 * 1024
"""Bytes of one write: for more the system may look for one free stretch of memory, which can take longer than all else."""


class PartialFile:
    """One file in the making. Every method blocks; `discard` may come from another thread at any moment.

    A cancelled task does not stop its thread. The lock and the flag make sure that a thread that comes late
    neither writes to a closed descriptor nor leaves a file behind.
    """

    def __init__(self, folder: Path, *, for_owner: bool = False) -> None:
        self._writing = WriterLock(folder / new_partial_name())
        self.size = 0
        self._folder = folder
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._mode, self._for_owner = 0o600, for_owner
        self._discarded = False
        self._published: Path | None = None

    @property
    def path(self) -> Path:
        return self._writing.path

    def create(self) -> None:
        """Makes the folder where needed, and an empty file in it that only its owner may read."""
        with self._lock, _refusing(self._folder):
            self._check_wanted()
            if not self._folder.is_absolute():
                raise OSError(errno.EINVAL, "it is not an absolute path")
            self._folder.mkdir(parents=True, exist_ok=True)
            self._open_locked()
            if not self._for_owner:
                # What the system made of 0644 is how the umask can be read without changing it for all threads.
                self._mode = stat.S_IMODE(os.fstat(self._open_file().fileno()).st_mode)
            self._set_mode(0o600)

    def write(self, piece: bytes | memoryview) -> None:
        with self._lock, _refusing(self._folder):
            for start in range(0, len(piece), WRITE_BYTES):
                part = piece[start : start + WRITE_BYTES]
                self._open_file().write(part)
                self.size += len(part)

    def judge(self, verdict: Callable[[BinaryIO, int], T]) -> T:
        """Hands the whole content to a judge who reads it."""
        with self._lock:
            with _refusing(self._folder):
                self._open_file().flush()
            return verdict(self._open_file(), self.size)

    def opened_again(self) -> int:
        """Gives another descriptor of what was written until now, which keeps its lock as well."""
        with self._lock, _refusing(self._folder):
            self._open_file().flush()
            return os.dup(self._open_file().fileno())

    def publish(self, stem: str, extension: str, otherwise: str = "", *, once: bool = False) -> Path:
        """Gives the file its name, or the name with the next free number; never overwrites, never shows a half file.

        Where there is another name, that comes before any number; where it is wanted `once`, a file that holds just this
        already is enough.
        """
        with self._lock, _refusing(self._folder):
            file = self._open_file()
            file.flush()
            os.fsync(file.fileno())
            self._set_mode(self._mode)
            if not systems.HERE.moves_open_files:
                file.close()
            stems = [*dict.fromkeys((stem, otherwise or stem))]
            path = self._named(stems, extension, self._is_there_as if once else lambda _: False)
            self.path.unlink(missing_ok=True)
            file.close()  # only now, for until it has its name it must stay locked
            self._writing.let_go()
            return path

    def discard(self) -> None:
        """Leaves nothing behind, whatever was done before."""
        with self._lock:
            self._discarded = True
            if self._file is None:
                return
            with suppress(OSError):  # a full disk fails once more when the rest is flushed
                self._file.close()
            for path in filter(None, (self.path, self._published)):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            self._writing.let_go()

    def _open_locked(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        for _ in range(MOST_TRIED):
            self._writing = WriterLock(self._folder / new_partial_name())
            self._file = open(os.open(self.path, flags, 0o644), "w+b")  # noqa: SIM115, PTH123 - it outlives this call; O_EXCL
            # Between making and locking it a cleaner may have come: it holds the lock, or the file is gone already.
            if self._writing.take(self._file.fileno()) is not LockState.TAKEN and self.path.exists():
                return
            self._file.close()
            self._writing.let_go()
            self.path.unlink(missing_ok=True)
        raise OSError(errno.EAGAIN, "every new file in it is taken away")

    def _named(self, stems: Sequence[str], extension: str, enough: Callable[[Path], bool]) -> Path:
        numbered = (f"{stems[-1]} ({number})" for number in range(2, MOST_TRIED))
        for name in chain(stems, numbered):
            target = self._folder / f"{name}{extension}"
            try:
                _move(self.path, target)
            except FileExistsError:
                if enough(target):
                    return target
                continue
            self._published = target
            return target
        raise OSError(errno.EEXIST, f"{MOST_TRIED - 1} files have this title")

    def _is_there_as(self, target: Path) -> bool:
        """Whether a file, and no link to one, already holds just this."""
        with suppress(OSError):
            status = target.lstat()
            whole = stat.S_ISREG(status.st_mode) and status.st_size == self.size
            return whole and filecmp.cmp(self.path, target, shallow=False)
        return False

    def _set_mode(self, mode: int) -> None:
        if not systems.HERE.modes:
            return
        with suppress(OSError):  # file systems without them refuse: then there is nothing to protect
            os.fchmod(self._open_file().fileno(), mode)

    def _open_file(self) -> BinaryIO:
        self._check_wanted()
        if self._file is None:
            raise ValueError("the file was not created")
        return self._file

    def _check_wanted(self) -> None:
        if self._discarded:
            raise ValueError("the file was discarded")


@asynccontextmanager
async def partial_file(folder: Path, *, for_owner: bool = False) -> AsyncIterator[PartialFile]:
    """Gives an empty hidden file in a folder; nothing is left of it where anything goes wrong before the context ends.

    Under its own name it stays for its owner alone where that is wanted; else it is as open as the system makes files.

    Raises:
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    file = PartialFile(folder, for_owner=for_owner)
    try:
        await to_thread.run_sync(file.create)
        yield file
    except BaseException:  # a cancellation too must leave nothing behind
        with CancelScope(shield=True):
            await to_thread.run_sync(file.discard)
        raise


def _move(source: Path, target: Path) -> None:
    """Renames without overwriting; raises FileExistsError where the name is taken, be it by a dangling link."""
    if not systems.HERE.moves_open_files:
        patiently(lambda: source.rename(target))
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        _move_without_links(source, target)


def _move_without_links(source: Path, target: Path) -> None:
    # FAT and some network disks know no hard links: take the name with an empty file, then replace that.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        source.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise RefusedFile(
                f"The disk of the download folder {quote_path(folder)} is full.",
                f"Make room there, or set {DOWNLOAD_SETTING} to a folder on another disk.",
            ) from error
        raise RefusedFile(
            f"The download folder {quote_path(folder)} cannot be written ({error.strerror or type(error).__name__}).",
            cure_of(error) or f"Set {DOWNLOAD_SETTING} to a folder that exists or can be made, and may be written.",
        ) from error
