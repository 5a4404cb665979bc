"""The PDFs in the upload folders, found without following a link and without opening any of them."""

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from flipsnack_mcp import systems
from flipsnack_mcp.files.in_sight import is_in_sight
from flipsnack_mcp.files.names import has_control
from flipsnack_mcp.files.paths.look_alikes import next_step
from flipsnack_mcp.files.paths.opening import MOST_NAMES, names_beside, opened_folder, refusal_of
from flipsnack_mcp.files.paths.place import (
    UPLOAD_SETTING,
    Place,
    folders_called,
    listed,
    locate_folder,
    missing_folders,
    more_than_one,
    objection_to,
    upload_folders,
)
from flipsnack_mcp.files.paths.spelling import ENCODING_OF_NAMES
from flipsnack_mcp.files.refusal import RefusedFile, quote_path

DEEPEST = 20
DIGITS = re.compile(r"(\d+)")
NO_SUCH_FOLDER = "Call list_documents without folder to see what there is."
LINK, MANY_LINKS = "is a link", "has more than one hard link"
NOT_DECODED = f"has a name that is not in {ENCODING_OF_NAMES}, and can be uploaded under another"
"""As of what was packed on Windows and unpacked elsewhere, or where a locale forces another encoding than UTF-8 on Python."""


@dataclass(frozen=True)
class FoundFile:
    """A PDF, by its name, in an upload folder.

    Attributes:
        changed: When its content was last changed, in nanoseconds.
    """

    place: Place
    size: int
    changed: int


@dataclass(frozen=True)
class FolderListing:
    """What there is to upload.

    Attributes:
        files: In natural order.
        left_out: Files that cannot be uploaded as they are, and why; hidden ones are not among them.
        whole: Whether all names were looked at.
    """

    files: tuple[FoundFile, ...]
    left_out: tuple[tuple[str, str], ...]
    whole: bool


def list_files(folder: str | None, folders: Sequence[Path], *, deep: bool) -> FolderListing:
    """Lists the PDFs in a folder or in all upload folders; `deep` also in what lies below. Blocks."""
    walk = Walk(deep=deep)
    for place in _existing(folder, folders):
        walk.look_into(place)
    return walk.listing()


def one_folder(folder: str, folders: Sequence[Path]) -> Place:
    """Returns the one folder that is meant. Blocks."""
    found = _existing(folder, folders)
    if len(found) > 1:
        raise more_than_one("folder", found)
    return found[0]


def files_around(places: Sequence[Place]) -> list[Place]:
    """Returns where the PDFs lie in the upload folders of these places, whatever folder they are in. Blocks."""
    walk = Walk(deep=True)
    for folder in dict.fromkeys(place.folder for place in places):
        walk.look_into(Place(folder, ()))
    return [one.place for one in walk.listing().files]


class Walk:
    """Goes through folders, and notes what is there."""

    def __init__(self, *, deep: bool) -> None:
        self._deep, self._names = deep, 0
        self._found: dict[Path, FoundFile] = {}
        self._left_out: dict[Path, tuple[str, str]] = {}
        self._whole = True

    def look_into(self, place: Place) -> None:
        """Notes what lies in a folder, and below it; a folder that cannot be read is one that is left out."""
        try:
            entries = self._entries(place)
        except (OSError, RefusedFile):
            called = place.name if place.parts else str(place.folder)
            self._left_out[place.path] = called, "cannot be read"
            return
        for name, status in entries:
            here = Place(place.folder, (*place.parts, name))
            if stat.S_ISDIR(status.st_mode):
                if self._deep and len(here.parts) < DEEPEST and not _wrong_name(name):
                    self.look_into(here)
            elif name.casefold().endswith(".pdf") and not name.startswith("."):
                self._note(here, status)

    def listing(self) -> FolderListing:
        """Returns what was found."""
        files = sorted(self._found.values(), key=lambda one: _in_order(one.place))
        return FolderListing(tuple(files), tuple(self._left_out.values()), self._whole)

    def _entries(self, place: Place) -> list[tuple[str, os.stat_result]]:
        found = list[tuple[str, os.stat_result]]()
        with opened_folder(place) as folder, os.scandir(folder) as entries:
            for entry in islice(entries, MOST_NAMES - self._names):
                self._names += 1
                # It may be gone since, as what a browser or an office program saves for a moment.
                with suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
            self._whole = self._whole and next(entries, None) is None
        return found

    def _note(self, here: Place, status: os.stat_result) -> None:
        if reason := _objection(here.name, status):
            self._left_out[here.path] = here.name, reason
        elif stat.S_ISREG(status.st_mode):
            self._found[here.path] = FoundFile(here, status.st_size, status.st_mtime_ns)


def _existing(folder: str | None, folders: Sequence[Path]) -> Sequence[Place]:
    """Returns where to look: of all upload folders those as well that will be left out, which is told then."""
    places = locate_folder(folder, folders) if folder else upload_folders(folders)
    refusals = [(place, why) for place in places if (why := _refusal(place))]
    if len(refusals) < len(places):
        shut = [place for place, _ in refusals]
        return [place for place in places if folder is None or place not in shut]
    if folder is None:
        raise RefusedFile(
            f"No upload folder can be read: {listed([place.folder for place in places])}.",
            f"Check that they exist, or correct {UPLOAD_SETTING}.{missing_folders([one.folder for one in places])}",
        )
    seen = [why for place, why in refusals if is_in_sight(place.folder)]
    if all(isinstance(why, FileNotFoundError) for why in seen) and (
        found := [place for place in folders_called(folder, folders) if not _refusal(place)]
    ):
        return found
    raise _told_of(folder, refusals)


def _told_of(folder: str, refusals: Sequence[tuple[Place, RefusedFile | OSError]]) -> RefusedFile:
    """The one refusal where a folder can be opened nowhere: it is said to be missing only where that was seen."""
    places = [place for place, _ in refusals]
    unusable = [why for _, why in refusals if isinstance(why, RefusedFile)]
    if len(unusable) == len(places):
        return unusable[0]
    for place, why in refusals:
        if not isinstance(why, RefusedFile | FileNotFoundError):
            return refusal_of("folder", place, why, NO_SUCH_FOLDER)
    missing = [Place(place.folder, (*place.parts, "")) for place in places]
    nearest = next_step([(place, *names_beside(place)) for place in missing if place.parts[0]], NO_SUCH_FOLDER)
    where = [place.folder for place in places]
    return RefusedFile(
        f"There is no folder {quote_path(folder)} in {listed(where)}.", f"{nearest}{missing_folders(where)}"
    )


def _refusal(place: Place) -> RefusedFile | OSError | None:
    try:
        with opened_folder(place):
            return None
    except (OSError, RefusedFile) as error:
        return error


def _objection(name: str, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        return MANY_LINKS
    return _wrong_name(name)


def _wrong_name(name: str) -> str:
    if name != name.encode(errors="replace").decode():
        return NOT_DECODED
    return "holds control characters" if has_control(name) else objection_to(name, systems.HERE)


def _in_order(place: Place) -> tuple[object, ...]:
    """Numbers inside names count as numbers, as file managers order them."""
    return (str(place.folder), *map(_natural, place.parts))


def _natural(name: str) -> tuple[str | int, ...]:
    return (*(int(part) if part.isdecimal() else part for part in DIGITS.split(name.casefold())), name)
