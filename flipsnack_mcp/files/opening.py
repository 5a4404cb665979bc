"""Opens a file below an allowed folder without following a single link on the way."""

import errno
import os

from flipsnack_mcp.files.places import SETTING, Place
from flipsnack_mcp.files.refusal import RefusedFile, quoted

STEP_BY_STEP = os.open in os.supports_dir_fd
LOOKS = 4
"""A folder that is swapped for a link and back between two steps of one look passes it; hardly between all of several."""
ANOTHER = "Give the path of a regular, readable file in that folder."
REASONS = {
    errno.ENOENT: "does not exist",
    errno.ELOOP: "is a link or lies behind one",
    errno.EMLINK: "is a link or lies behind one",  # FreeBSD's word for ELOOP
    errno.ENOTDIR: "lies behind a link or behind something that is no folder",
    errno.EISDIR: "is a folder",
    errno.EACCES: "may not be read by this program",
    errno.EPERM: "may not be read by this program",
    errno.ENXIO: "is not a regular file",
    errno.ENODEV: "is not a regular file",
    errno.ENAMETOOLONG: "has too long a name",
}


def open_place(place: Place) -> int:
    """Returns a descriptor for reading; refuses links, whether they were there before or appear meanwhile."""
    try:
        return _open_step_by_step(place) if STEP_BY_STEP else open_and_compare(place)
    except OSError as error:
        raise _refusal(place, error) from error


def _open_step_by_step(place: Place) -> int:
    nothing_followed = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = _open_folder(place, nothing_followed)
    try:
        for name in place.parts[:-1]:
            deeper = os.open(name, nothing_followed | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        # O_NONBLOCK: opening a FIFO would otherwise wait for somebody to write to it.
        return os.open(place.name, nothing_followed | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    finally:
        os.close(folder)


def _open_folder(place: Place, flags: int) -> int:
    try:
        return os.open(place.folder, flags | os.O_DIRECTORY)
    except OSError as error:
        raise RefusedFile(
            f"The folder {quoted(place.folder)} cannot be opened ({error.strerror}).",
            f"Check that it exists and may be read, or correct {SETTING}.",
        ) from error


def open_and_compare(place: Place) -> int:
    """Opens by the whole path, then makes sure that what is open is what the path says (Windows has no dir_fd)."""
    path = os.path.join(place.folder, *place.parts)  # noqa: PTH118 - realpath is compared with exactly this text
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        for _ in range(LOOKS):
            _check_same(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_same(path: str, descriptor: int) -> None:
    real = os.path.realpath(path)
    same_spelling = os.path.normcase(real) == os.path.normcase(path)
    # The spelling may be put right after a swapped file was opened: then another file is open than is there now.
    if not (same_spelling and os.path.samestat(os.fstat(descriptor), os.lstat(real))):
        raise OSError(errno.ELOOP, "a link on the way")


def _refusal(place: Place, error: OSError) -> RefusedFile:
    reason = REASONS.get(error.errno or 0, f"cannot be opened ({error.strerror})")
    return RefusedFile(f"The file {quoted(place.name)} in the folder {quoted(place.folder)} {reason}.", ANOTHER)
