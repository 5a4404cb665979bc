"""Opening a file in an upload folder without following links, whether they were there before or appear meanwhile."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from flipsnack_mcp import systems
from flipsnack_mcp.files.paths.look_alikes import NOTHING_ALIKE, next_step
from flipsnack_mcp.files.paths.place import UPLOAD_SETTING, Place, listed, missing_folders, more_than_one
from flipsnack_mcp.files.paths.settling import settled
from flipsnack_mcp.files.refusal import RefusedFile, cure_of, quote_path

NOTHING_FOLLOWED = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
LOOKS = 4
"""A folder that is swapped for a link and back between two steps of one look passes it; hardly between all of several."""
MOST_NAMES = 10_000
REASONS = {
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


@dataclass(frozen=True)
class OpenedFile:
    """A file that was opened, and what it was then. Whoever has it closes the descriptor."""

    place: Place
    descriptor: int
    status: os.stat_result


class UnusableFolder(RefusedFile):
    """An upload folder cannot be opened, so what is in it is not known."""


def open_place(places: Sequence[Place], elsewhere: Callable[[], Sequence[Place]] = tuple) -> OpenedFile:
    """Opens the file at the one place where it is; refuses where there are two, or none, and names what looks like it.

    `elsewhere` finds the files in other folders there, and is asked only where none has that name.
    """
    with ExitStack() as opened:
        found = list[OpenedFile]()
        refusals = list[tuple[Place, RefusedFile]]()
        for place in places:
            try:
                file = _open(place)
            except FileNotFoundError:
                continue
            except RefusedFile as refusal:
                refusals.append((place, refusal))
            else:
                opened.callback(os.close, file.descriptor)
                found.append(file)
        _check_one(places, found, refusals)
        if not found:
            _refuse_missing(places, elsewhere)
        opened.pop_all()
        return found[0]


def _check_one(
    places: Sequence[Place], found: Sequence[OpenedFile], refusals: Sequence[tuple[Place, RefusedFile]]
) -> None:
    there = [*(file.place for file in found), *(one for one, why in refusals if not isinstance(why, UnusableFolder))]
    if len(there) > 1:
        raise more_than_one("file", there)
    if not found and (there or len(refusals) == len(places)):
        raise next(why for one, why in refusals if one in there or not there)


def _refuse_missing(places: Sequence[Place], elsewhere: Callable[[], Sequence[Place]]) -> None:
    where = f"folder{'s' * (len(places) > 1)} {listed([place.folder for place in places])}"
    what = "/".join(places[0].parts)
    unused = missing_folders([place.folder for place in places])
    raise RefusedFile(
        f"The file {quote_path(what)} in the {where} does not exist.",
        next_step([(place, *names_beside(place)) for place in places], elsewhere=elsewhere) + unused,
    )


def _open(place: Place) -> OpenedFile:
    try:
        if not systems.HERE.opens_below_folders:
            return open_and_compare(place)
        with _folder_of(place) as folder:
            # O_NONBLOCK: opening a FIFO would otherwise wait for somebody to write to it.
            descriptor = os.open(place.name, NOTHING_FOLLOWED | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
            return _settled(place, descriptor, folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refusal_of("file", place, error, NOTHING_ALIKE) from error


def refusal_of(what: str, place: Place, error: OSError, otherwise: str) -> RefusedFile:
    """The refusal of something that is there, and cannot be opened."""
    reason = REASONS.get(error.errno or 0, f"cannot be opened ({error.strerror})")
    happened = f"The {what} {quote_path(place.name)} in the folder {quote_path(place.folder)} {reason}."
    return RefusedFile(happened, cure_of(error) or otherwise)


def _settled(place: Place, descriptor: int, folder: int | None) -> OpenedFile:
    name = place.name if folder is not None else place.path
    try:
        status = settled(
            descriptor, lambda: os.stat(name, dir_fd=folder, follow_symlinks=False), quote_path(place.name)
        )
    except BaseException:
        os.close(descriptor)
        raise
    return OpenedFile(place, descriptor, status)


@contextmanager
def _folder_of(place: Place) -> Iterator[int]:
    """Gives the folder that a file is in, opened name by name from the upload folder."""
    folder = _open_upload_folder(place)
    try:
        for name in place.parts[:-1]:
            deeper = os.open(name, NOTHING_FOLLOWED | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder
    finally:
        os.close(folder)


def _open_upload_folder(place: Place) -> int:
    try:
        return os.open(place.folder, NOTHING_FOLLOWED | os.O_DIRECTORY)
    except OSError as error:
        hint = missing_folders([place.folder]) if error.errno == errno.ENOENT else ""
        raise UnusableFolder(
            f"The folder {quote_path(place.folder)} cannot be opened ({error.strerror}).",
            cure_of(error) or f"Check that it exists and may be read, or correct {UPLOAD_SETTING}.{hint}",
        ) from error


def open_and_compare(place: Place) -> OpenedFile:
    """Opens by the whole path, then makes sure that what is open is what the path says (Windows has no dir_fd)."""
    path = os.path.join(place.folder, *place.parts)  # noqa: PTH118 - realpath is compared with exactly this text
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        for _ in range(LOOKS):
            _check_same(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return _settled(place, descriptor, None)


def _check_same(path: str, descriptor: int) -> None:
    real = os.path.realpath(path)
    same_spelling = os.path.normcase(real) == os.path.normcase(path)
    # The spelling may be put right after a swapped file was opened: then another file is open than is there now.
    if not (same_spelling and os.path.samestat(os.fstat(descriptor), os.lstat(real))):
        raise OSError(errno.ELOOP, "a link on the way")


def names_beside(place: Place) -> tuple[int, list[str]]:
    """Returns which of its names is the first that is not there, and the names that are there instead; none behind a link."""
    for depth in range(len(place.parts)):
        here = Place(place.folder, place.parts[: depth + 1])
        try:
            last = depth == len(place.parts) - 1
            if last or not _is_folder(here):
                return depth, _names(here, files=last)
        except (OSError, RefusedFile):
            break
    return 0, []


def _is_folder(place: Place) -> bool:
    try:
        with opened_folder(place):
            return True
    except FileNotFoundError:
        return False


def _names(place: Place, *, files: bool) -> list[str]:
    with opened_folder(Place(place.folder, place.parts[:-1])) as folder:
        return _listed_names(folder, files=files)


@contextmanager
def opened_folder(place: Place) -> Iterator[int | Path]:
    """Gives what `os.scandir` takes of a folder that lies below an upload folder, or is one; raises behind a link."""
    if systems.HERE.opens_below_folders:
        with _folder_of(Place(place.folder, (*place.parts, ""))) as folder:
            yield folder
    elif place.path.is_dir() and os.path.realpath(place.path) == str(place.path):
        yield place.path
    else:
        raise FileNotFoundError(errno.ENOENT, "no folder")


def _listed_names(folder: int | Path, *, files: bool) -> list[str]:
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in islice(entries, MOST_NAMES)
            if (entry.is_file(follow_symlinks=False) if files else entry.is_dir(follow_symlinks=False))
        ]
