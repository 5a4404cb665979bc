"""What a file in the making is called, by which it is known where its writer was killed, and taken away."""

import re
import secrets
import stat
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from flipsnack_mcp.files.writing.locking import LockState, open_locked

PARTIAL_NAME = re.compile(r"\.flipsnack-[0-9a-f]{16}\.part")
LOCK_NAME = re.compile(r"\.flipsnack-[0-9a-f]{16}\.lock")
FORGOTTEN = timedelta(days=1)
"""After this a file that cannot be asked for its lock is nobody's."""


def new_partial_name() -> str:
    """Returns a name that no other file in the making has."""
    return f".flipsnack-{secrets.token_hex(8)}.part"


def unfinished_in(folder: Path) -> int:
    """Tells how many files in the making lie in a folder, whoever is at them or was."""
    with suppress(OSError):
        return sum(bool(PARTIAL_NAME.fullmatch(path.name)) for path in folder.iterdir())
    return 0


def remove_leftovers(folder: Path) -> int:
    """Removes what killed runs left in a folder, and returns how many; blocks, so run it in a thread.

    Only such names, only regular files, and only such as no living process is writing, in this program or
    another: whoever writes a file holds its lock. Where a disk knows no locks, only such as were not touched for a day.
    """
    with suppress(OSError):
        paths = list(folder.iterdir())
        removed = sum(_removed(path) for path in paths if PARTIAL_NAME.fullmatch(path.name))
        for path in (path.with_suffix(".part") for path in paths if LOCK_NAME.fullmatch(path.name)):
            with suppress(OSError), open_locked(path):
                pass  # a lock that nobody holds goes with this look at it
        return removed
    return 0


def _removed(path: Path) -> bool:
    with suppress(OSError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return False
        forgotten = status.st_mtime < time.time() - FORGOTTEN.total_seconds()
        with open_locked(path) as state:
            if state is LockState.OURS or (state is LockState.UNSUPPORTED and forgotten):
                path.unlink()
                return True
    return False
