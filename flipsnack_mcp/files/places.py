"""Which allowed folder a path belongs to, judged by its spelling before the disk is asked anything."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from flipsnack_mcp.files.names import has_control, is_reserved, without_format_characters
from flipsnack_mcp.files.objections import Rules, first_objection
from flipsnack_mcp.files.refusal import RefusedFile, quoted

SETTING = "FLIPSNACK_UPLOAD_DIRS"
LONGEST = 4096
# Two letters and more: one letter is a drive.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
SEPARATORS = re.compile(r"[/\\]")

SPELLINGS: Rules = (
    ("is empty", lambda path: not path.strip()),
    (f"is longer than {LONGEST} characters", lambda path: len(path) > LONGEST),
    ("holds control characters", has_control),
    ("is a URL, not the path of a file", lambda path: URL.match(path) is not None),
    ("begins with ~, which is not expanded", lambda path: path.startswith("~")),
    ("is a network or device path", lambda path: bool(SEPARATORS.match(path) and SEPARATORS.match(path[1:]))),
    ("holds the component '..'", lambda path: ".." in SEPARATORS.split(path)),
    ("is relative", lambda path: not PurePath(path).is_absolute()),
)
# For the names below the allowed folder; what the folder itself is called is the person's own choice.
NAMES: Rules = (
    ("is hidden (it begins with a dot)", lambda name: name.startswith(".")),
    ("holds a colon, which on Windows names another stream of a file", lambda name: ":" in name),
    ("holds a backslash", lambda name: "\\" in name),
    ("ends with a dot or a space", lambda name: name.endswith((".", " "))),
    ("is a reserved device name on Windows", is_reserved),
)


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
            f"Set {SETTING}={_example(path)} in the server's environment and restart it.",
        )
    allowed = [folder for folder in folders if folder.is_absolute()]
    if not allowed:
        raise RefusedFile(
            f"{SETTING} names no absolute folder ({_listed(folders)}).",
            f"Write it out, for example {SETTING}={_example(path)}.",
        )
    _check_text(path, allowed[0])
    place = _deepest(PurePath(path), allowed)
    if place is None:
        raise RefusedFile(
            f"The file {quoted(path)} is not in a folder from which files may be uploaded.",
            f"Move it into {_listed(allowed)}, or add its folder to {SETTING}.",
        )
    _check_names(path, place.parts)
    return place


def _check_text(path: str, folder: Path) -> None:
    reason = first_objection(path, SPELLINGS)
    if reason:
        raise RefusedFile(
            f"The path {quoted(path)} {reason}.",
            f"Give the absolute path of the file, for example {quoted(folder / 'catalogue.pdf')}.",
        )


def _deepest(path: PurePath, folders: Sequence[Path]) -> Place | None:
    places: list[tuple[int, Place]] = []
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
        raise RefusedFile(f"{quoted(path)} is a folder.", "Give the path of a file in it.")
    for name in names:
        # Some file systems ignore format characters when they compare names, so the rules do too.
        reason = first_objection(without_format_characters(name), NAMES)
        if reason:
            raise RefusedFile(
                f"The path {quoted(path)} is refused: {quoted(name)} {reason}.",
                "Rename or copy the file to a plain name and give that path.",
            )


def _example(path: str) -> str:
    folder = str(PurePath(path).parent)
    # A folder that would be refused or could not be pasted into a settings file is no example.
    usable = folder.isprintable() and not first_objection(path, SPELLINGS)
    return folder if usable else "/path/to/folder"


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(map(quoted, folders))
