"""Who may read the state file: its owner. It is made so, and closed where an earlier program or person left it open."""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from flipsnack_mcp import systems
from flipsnack_mcp.store.records import inaccessible

log = logging.getLogger(__name__)

LYING_BESIDE = ("", "-journal", "-wal", "-shm")  # what SQLite writes holds the same records
OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_told = set[Path]()


def make_file(path: Path) -> None:
    """Make the file, for its owner only, before SQLite does with the process's umask. Its journal takes over the mode."""
    try:
        make_folder(path.parent)
        # Only a new file is opened here: closing any descriptor of a file drops all locks this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise inaccessible(path, error.strerror or type(error).__name__) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; `parents=True` would give them the umask's mode instead."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def close_to_others(path: Path) -> None:
    """Take from others what they may do with the file and what lies beside it; complains once where that cannot be."""
    if not systems.HERE.modes:
        return
    for one in (Path(f"{path}{end}") for end in LYING_BESIDE):
        try:
            if is_open_to_others(one):
                take_from_others(one)
        except OSError as error:
            _complain(one, error.strerror or type(error).__name__)


def take_from_others(path: Path) -> None:
    """Leave a file to its owner alone; raises OSError where that is not to be had."""
    os.chmod(path, path.stat().st_mode & ~OF_OTHERS & 0o7777)  # noqa: PTH101 - by name, see make_file


def is_open_to_others(path: Path) -> bool:
    """Tell whether a file is there that others than its owner may read or write."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return systems.HERE.modes and stat.S_ISREG(mode) and bool(mode & OF_OTHERS)


def _complain(path: Path, reason: str) -> None:
    if path not in _told:
        _told.add(path)
        log.warning(
            '"%s" can be read by other users of this machine, and could not be closed to them (%s). '
            "It goes on being used: take their rights away, or let FLIPSNACK_STATE name another file.",
            path,
            reason,
        )
