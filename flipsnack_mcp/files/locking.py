"""Who is still writing a file, told by a lock that ends with its process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class LockState(Enum):
    """What came of asking for a lock."""

    OURS = auto()
    TAKEN = auto()
    UNSUPPORTED = auto()


def lock(descriptor: int) -> LockState:
    """Locks an open file until it is closed, here and in every process; never waits."""
    if sys.platform == "win32":
        return LockState.UNSUPPORTED  # and nobody misses it: an open file cannot be deleted there
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState.TAKEN
    except OSError:  # some network disks know no locks
        return LockState.UNSUPPORTED
    return LockState.OURS


@contextmanager
def locked(path: Path) -> Iterator[LockState]:
    """Locks a file of another's; raises OSError where it cannot even be opened."""
    if sys.platform == "win32":
        yield LockState.UNSUPPORTED  # without opening it, or it could not be deleted
        return
    # For writing: where a network disk imitates the lock, it gives it to nobody else.
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)
