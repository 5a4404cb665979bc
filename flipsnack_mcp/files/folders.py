"""The folders that documents may come from and packages go to: paths are judged by their spelling, then opened link-free."""

import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from flipsnack_mcp.files.names import TextRules, first_objection, has_control, is_reserved, without_format_characters
from flipsnack_mcp.files.refusal import RefusedFile, quote_path

UPLOAD_SETTING = "FLIPSNACK_UPLOAD_DIRS"
LONGEST_PATH = 4096
# Two letters and more: one letter is a drive.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
SEPARATORS = re.compile(r"[/\\]")

FORBIDDEN_SPELLINGS: TextRules = (
    ("is empty", lambda path: not path.strip()),
    (f"is longer than {LONGEST_PATH} characters", lambda path: len(path) > LONGEST_PATH),
    ("holds control characters", has_control),
    ("is a URL, not the path of a file", lambda path: URL.match(path) is not None),
    ("begins with ~, which is not expanded", lambda path: path.startswith("~")),
    ("is a network or device path", lambda path: bool(SEPARATORS.match(path) and SEPARATORS.match(path[1:]))),
    ("holds the component '..'", lambda path: ".." in SEPARATORS.split(path)),
    ("is relative", lambda path: not PurePath(path).is_absolute()),
)
# For the names below the allowed folder; what the folder itself is called is the person's own choice.
FORBIDDEN_NAMES: TextRules = (
    ("is hidden (it begins with a dot)", lambda name: name.startswith(".")),
    ("holds a colon, which on Windows names another stream of a file", lambda name: ":" in name),
    ("holds a backslash", lambda name: "\\" in name),
    ("ends with a dot or a space", lambda name: name.endswith((".", " "))),
    ("is a reserved device name on Windows", is_reserved),
)

STEP_BY_STEP = os.open in os.supports_dir_fd
LOOKS = 4
"""A folder that is swapped for a link and back between two steps of one look passes it; hardly between all of several."""
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


@dataclass(frozen=True)
class Place:
    """A file by an allowed folder (its real path) and the names that lead from there to the file."""

    folder: Path
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.parts[-1]


def locate(path: str, folders: Sequence[Path]) -> Place:
    """Finds the allowed folder a path is spelled to lie in; refuses every spelling that could mean two things.

    The comparison only chooses the folder: the file is then opened from that folder downwards, name by name,
    so that a comparison gone wrong could still not lead outside.
    """
    if not folders:
        raise RefusedFile(
            "Uploading files is switched off: no folder is named from which files may be uploaded.",
            f"Set {UPLOAD_SETTING}={_example(path)} in the server's environment and restart it.",
        )
    allowed = [folder for folder in folders if folder.is_absolute()]
    if not allowed:
        raise RefusedFile(
            f"{UPLOAD_SETTING} names no absolute folder ({_listed(folders)}).",
            f"Write it out, for example {UPLOAD_SETTING}={_example(path)}.",
        )
    _check_text(path, allowed[0])
    place = _deepest(PurePath(path), allowed)
    if place is None:
        raise RefusedFile(
            f"The file {quote_path(path)} is not in a folder from which files may be uploaded.",
            f"Move it into {_listed(allowed)}, or add its folder to {UPLOAD_SETTING}.",
        )
    _check_names(path, place.parts)
    return place


def _check_text(path: str, folder: Path) -> None:
    if reason := first_objection(path, FORBIDDEN_SPELLINGS):
        raise RefusedFile(
            f"The path {quote_path(path)} {reason}.",
            f"Give the absolute path of the file, for example {quote_path(folder / 'catalogue.pdf')}.",
        )


def _deepest(path: PurePath, folders: Sequence[Path]) -> Place | None:
    places = list[tuple[int, Place]]()
    for folder in folders:
        real = Path(os.path.realpath(folder))
        for spelling in (folder, real):
            depth = len(spelling.parts)
            if _normal(path)[:depth] == _normal(spelling):
                places.append((depth, Place(real, path.parts[depth:])))
    # The deepest one, so that an allowed folder may lie under a link or a dot folder of another.
    return max(places, key=lambda entry: entry[0], default=(0, None))[1]


def _normal(path: PurePath) -> tuple[str, ...]:
    return tuple(map(os.path.normcase, path.parts))


def _check_names(path: str, names: tuple[str, ...]) -> None:
    if not names:
        raise RefusedFile(f"{quote_path(path)} is a folder.", "Give the path of a file in it.")
    for name in names:
        # Some file systems ignore format characters when they compare names, so the rules do too.
        if reason := first_objection(without_format_characters(name), FORBIDDEN_NAMES):
            raise RefusedFile(
                f"The path {quote_path(path)} is refused: {quote_path(name)} {reason}.",
                "Rename or copy the file to a plain name and give that path.",
            )


def _example(path: str) -> str:
    folder = str(PurePath(path).parent)
    # A folder that would be refused or could not be pasted into a settings file is no example.
    usable = folder.isprintable() and not first_objection(path, FORBIDDEN_SPELLINGS)
    return folder if usable else "/path/to/folder"


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(map(quote_path, folders))


def open_place(place: Place) -> int:
    """Returns a descriptor for reading; refuses links, whether they were there before or appear meanwhile."""
    try:
        return _open_step_by_step(place) if STEP_BY_STEP else open_and_compare(place)
    except OSError as error:
        reason = REASONS.get(error.errno or 0, f"cannot be opened ({error.strerror})")
        happened = f"The file {quote_path(place.name)} in the folder {quote_path(place.folder)} {reason}."
        raise RefusedFile(happened, "Give the path of a regular, readable file in that folder.") from error


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
            f"The folder {quote_path(place.folder)} cannot be opened ({error.strerror}).",
            f"Check that it exists and may be read, or correct {UPLOAD_SETTING}.",
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


def default_download_folder() -> Path:
    """Returns the folder "flipsnack" in the user's downloads folder, whether it exists or not."""
    import platformdirs  # noqa: PLC0415 - only a download needs it, and the server starts without it

    return platformdirs.user_downloads_path() / "flipsnack"
