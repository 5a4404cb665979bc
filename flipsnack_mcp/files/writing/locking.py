"""A lock tells who is still writing a file. It ends with its process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path

from flipsnack_mcp import systems


class LockState(Enum):
    """What came of asking for a lock."""

    OURS = auto()
    TAKEN = auto()
    UNSUPPORTED = auto()


class WriterLock:
    """The lock of whoever writes a file, from its making until it has its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside: int | None = None

    def take(self, descriptor: int) -> LockState:
        """Locks the file, by its open descriptor or by a file beside it."""
        if lock_is_beside():
            descriptor = self._beside = os.open(beside(self.path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        return lock_file(descriptor)

    def let_go(self) -> None:
        """Ends it; a lock on the file itself ends when that is closed."""
        if self._beside is not None:
            os.close(self._beside)
            self._beside = None
            with suppress(OSError):  # somebody may be looking at it: then it is removed as a leftover
                beside(self.path).unlink(missing_ok=True)


def lock_is_beside() -> bool:
    """Tells whether another file is locked: one that has to be closed for its renaming would lose its lock too early."""
    return not systems.HERE.moves_open_files


def beside(path: Path) -> Path:
    """Returns the file that is locked instead of one that is being written."""
    return path.with_suffix(".lock")


def lock_file(descriptor: int) -> LockState:
    """Locks an open file until it is closed, here and in every process; never waits."""
    from filelock import lock_descriptor  # noqa: PLC0415 - 25 ms, which only a download has to spend

    try:
        return LockState.OURS if lock_descriptor(descriptor, blocking=False) else LockState.TAKEN
    except OSError:  # some network disks know no locks
        return LockState.UNSUPPORTED


@contextmanager
def open_locked(path: Path) -> Iterator[LockState]:
    """Locks a file that another may be writing; raises OSError where it cannot even be opened."""
    target = beside(path) if lock_is_beside() else path
    # For writing: where a network disk imitates the lock, it gives it to nobody else.
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(target, flags)
    except FileNotFoundError:
        if not lock_is_beside():
            raise
        yield LockState.UNSUPPORTED  # made by a version that knew no such locks
        return
    try:
        state = lock_file(descriptor)
        yield state
    finally:
        os.close(descriptor)
    if lock_is_beside() and state is LockState.OURS:
        target.unlink(missing_ok=True)
