"""What can be seen of a path. `pathlib` raises before Python 3.14 where a folder above it is closed, or a name too long."""

import os
from pathlib import Path


def is_in_sight(path: Path | str) -> bool:
    """Whether something is seen there."""
    return os.path.exists(path)  # noqa: PTH110 - that of Path raises


def is_file(path: Path | str) -> bool:
    """Whether a file is seen there."""
    return os.path.isfile(path)  # noqa: PTH113 - likewise


def is_folder(path: Path | str) -> bool:
    """Whether a folder is seen there."""
    return os.path.isdir(path)  # noqa: PTH112 - likewise


def is_closed(path: Path | str) -> bool:
    """Whether nobody here can tell what is there, since a folder above it may not be entered."""
    try:
        os.stat(path)  # noqa: PTH116 - as above
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False


def is_shut(folder: Path | str) -> bool:
    """Whether this user may not look into a folder, or not even at it."""
    try:
        with os.scandir(folder):
            return False
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
