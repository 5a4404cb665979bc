"""The upload folders that a path may mean: judged by its spelling alone, the file is then opened from there downwards."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from flipsnack_mcp import systems
from flipsnack_mcp.files.in_sight import is_in_sight, is_shut
from flipsnack_mcp.files.names import TextRules, first_objection, is_reserved, without_format_characters
from flipsnack_mcp.files.paths.spelling import understood
from flipsnack_mcp.files.refusal import RefusedFile, quote_path
from flipsnack_mcp.systems import System

UPLOAD_SETTING = "FLIPSNACK_UPLOAD_DIRS"
NO_END = (".", " ")
WITHOUT_ITS_END = "If its own name ends before that, give it so. "
# For the names below the allowed folder; what the folder itself is called is the person's own choice.
FORBIDDEN_NAMES: TextRules = (
    ("is hidden (it begins with a dot)", lambda name: name.startswith(".")),
    ("holds a backslash", lambda name: "\\" in name),
    ("ends with a dot or a space", lambda name: name.endswith(NO_END)),
    ("is a reserved device name on Windows", is_reserved),
)
FORBIDDEN_WITH_STREAMS: TextRules = (
    ("holds a colon, which on Windows names another stream of a file", lambda name: ":" in name),
)


@dataclass(frozen=True)
class Place:
    """A file by an allowed folder (its real path) and the names that lead from there to the file."""

    folder: Path
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def path(self) -> Path:
        return self.folder.joinpath(*self.parts)


def locate(path: str, folders: Sequence[Path]) -> tuple[Place, ...]:
    """Finds where a document may lie: one place for a whole path, one in each allowed folder for a relative one."""
    places = _places(path, folders)
    if not places:
        allowed = allowed_folders(folders, path)
        raise RefusedFile(
            f"The file {quote_path(path)} is not in a folder from which files may be uploaded.",
            f"Move it into {listed(allowed)}, or add its folder to {UPLOAD_SETTING}.{missing_folders(allowed)}",
        )
    if not places[0].parts:
        raise RefusedFile(f"{quote_path(path)} is a folder.", "Call list_documents to see what is in it.")
    return places


def locate_folder(path: str, folders: Sequence[Path]) -> tuple[Place, ...]:
    """Finds where a folder may lie, in the same way; it may be an allowed folder itself, which has no names."""
    places = _places(path, folders)
    if not places:
        allowed = allowed_folders(folders, path)
        raise RefusedFile(
            f"The folder {quote_path(path)} is none from which files may be uploaded.",
            f"Give {listed(allowed)} or one in there, or add it to {UPLOAD_SETTING}.{missing_folders(allowed)}",
        )
    return places


def folders_called(path: str, folders: Sequence[Path]) -> tuple[Place, ...]:
    """Gives what a path means that begins with an allowed folder's own name: a person says how one is called, not where it lies."""
    called, *below_it = PurePath(path).parts or ("",)
    named = [one for one in allowed_folders(folders) if one.name.casefold() == called.casefold()]
    return _in_each(PurePath(*below_it), named)


def _places(path: str, folders: Sequence[Path]) -> tuple[Place, ...]:
    """Finds where a path may lead in the allowed folders; none where it leads elsewhere.

    The comparison only chooses the folder: the file is then opened from that folder downwards, name by name,
    so that a comparison gone wrong could still not lead outside.
    """
    system = systems.HERE
    allowed = allowed_folders(folders, path)
    meant = understood(path, system, os.path.expanduser("~"))  # noqa: PTH111 - it raises nothing
    places = _below_the_deepest(meant, allowed, system) if meant.is_absolute() else _in_each(meant, allowed)
    _check_names(path, places[0].parts if places else (), system)
    return places


def upload_folders(folders: Sequence[Path]) -> tuple[Place, ...]:
    """Gives every allowed folder as a place, each once."""
    return _in_each(PurePath(), allowed_folders(folders))


def allowed_folders(folders: Sequence[Path], wanted: str = "") -> list[Path]:
    """Returns the folders that count; refuses where there are none, with a setting that would allow what is wanted."""
    if not folders:
        raise RefusedFile(
            "Uploading files is switched off: no folder is named from which files may be uploaded.",
            f"Set {UPLOAD_SETTING}={_example(wanted)} in the server's environment and restart it.",
        )
    allowed = [folder for folder in folders if folder.is_absolute()]
    if not allowed:
        raise RefusedFile(
            f"{UPLOAD_SETTING} names no absolute folder ({listed(folders)}).",
            f"Write it out, for example {UPLOAD_SETTING}={_example(wanted)}.",
        )
    return allowed


def _in_each(path: PurePath, folders: Sequence[Path]) -> tuple[Place, ...]:
    real = dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders)
    return tuple(Place(folder, path.parts) for folder in real)


def _below_the_deepest(path: PurePath, folders: Sequence[Path], system: System) -> tuple[Place, ...]:
    places = list[tuple[int, Place]]()
    for folder in folders:
        real = Path(os.path.realpath(folder))
        for spelling in (folder, real):
            parts = below(path, spelling, system)
            if parts is not None:
                places.append((len(spelling.parts), Place(real, parts)))
    # The deepest one, so that an allowed folder may lie under a link or a dot folder of another.
    deepest = max(places, key=lambda entry: entry[0], default=None)
    return (deepest[1],) if deepest else ()


def below(path: PurePath, folder: PurePath, system: System) -> tuple[str, ...] | None:
    """Returns the names that lead from a folder to a path, or None where it lies elsewhere by that system's rules."""
    depth = len(folder.parts)
    same = [*map(system.same_name, path.parts[:depth])] == [*map(system.same_name, folder.parts)]
    return path.parts[depth:] if same else None


def objection_to(name: str, system: System) -> str:
    """Returns why a file or folder of this name is not uploaded from, or nothing."""
    rules = (*FORBIDDEN_NAMES, *(FORBIDDEN_WITH_STREAMS if system.streams else ()))
    # Some file systems ignore format characters when they compare names, so the rules do too.
    return first_objection(without_format_characters(name), rules)


def _check_names(path: str, names: tuple[str, ...], system: System) -> None:
    for name in names:
        if reason := objection_to(name, system):
            raise RefusedFile(
                f"The path {quote_path(path)} is refused: {quote_path(name)} {reason}.",
                f"{WITHOUT_ITS_END if name.endswith(NO_END) else ''}Rename it, or copy it to a plain name, and give that path.",
            )


def _example(path: str) -> str:
    try:
        meant = understood(path, systems.HERE, os.path.expanduser("~"))  # noqa: PTH111
    except RefusedFile:
        return "/path/to/folder"
    folder = str(meant.parent)
    # A folder that could not be pasted into a settings file is no example.
    return folder if meant.is_absolute() and folder.isprintable() else "/path/to/folder"


def missing_folders(folders: Sequence[Path]) -> str:
    """Returns sentences about folders that are named but are not there or closed, or nothing."""
    shut = [folder for folder in folders if is_shut(folder)]
    closed = f" {listed(shut)} may not be looked into by this user." if shut else ""
    missing = [folder for folder in folders if not is_in_sight(folder) and folder not in shut]
    if not missing:
        return closed
    many = "do" if len(missing) > 1 else "does"
    return f'{closed} {listed(missing)} {many} not exist; several folders are separated by "{os.pathsep}".'


def more_than_one(what: str, places: Sequence[Place]) -> RefusedFile:
    """The refusal where each of these could be meant."""
    return RefusedFile(
        f"There is such a {what} in more than one upload folder: {listed([place.path for place in places])}.",
        "Ask the person which one is meant, and give its whole path.",
    )


def listed(folders: Sequence[Path]) -> str:
    """Returns the folders for use inside a message."""
    return ", ".join(map(quote_path, folders))
