"""What a doctor finds of the folders and files that a person named: whether they are there, may be used, and are closed to others."""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from flipsnack_mcp.commands.connecting import IS_OPEN, open_key_files
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.files.in_sight import is_folder
from flipsnack_mcp.files.refusal import cure_of, quote_path
from flipsnack_mcp.files.writing.leftovers import remove_leftovers, unfinished_in
from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.redis_address import passwords_in
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.permissions import is_open_to_others, take_from_others
from flipsnack_mcp.text import as_many

UPLOADS, DOWNLOADS = "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR"
WHICH_FOLDER = {UPLOADS: "uploads", DOWNLOADS: "downloads"}
ON_A_SHARE = " It is on another machine: a program that was started without a person's log-in may not reach it."


def folders(settings: Settings) -> Iterator[Finding]:
    """Find out whether the folders are there and may be used."""
    if settings.tokens or settings.auth_issuer:  # a team's server reads and writes nobody's folders
        return
    for variable, said in settings.wrong_folders.items():
        yield Finding(WHICH_FOLDER[variable], ok=False, said=said)
    if not settings.upload_dirs and UPLOADS not in settings.wrong_folders:
        said = "no folder named: local files cannot be uploaded (FLIPSNACK_UPLOAD_DIRS)"
        yield Finding("uploads", ok=True, said=said)
    for folder in settings.upload_dirs:
        yield upload_folder(folder)
    if DOWNLOADS not in settings.wrong_folders:
        yield from packages_folder(download_folder(settings.download_dir), named=settings.download_dir is not None)


def upload_folder(folder: Path) -> Finding:
    """Look into it: macOS forbids that to a program whatever the folder's own permissions say."""
    share = ON_A_SHARE if is_on_share(folder) else ""
    if error := why_closed(folder):
        cure = cure_of(error) or f"Look whether it is there and may be read, or correct {UPLOADS}."
        return Finding("uploads", ok=False, said=f"{folder} is no folder that can be read. {cure}{share}")
    return Finding("uploads", ok=True, said=f"{folder} can be read{f'.{share}' if share else ''}")


def why_closed(folder: Path) -> OSError | None:
    """Why it cannot be looked into, if so."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return error
    return None


def packages_folder(target: Path, *, named: bool) -> Iterator[Finding]:
    """Find out whether packages and reports can be saved, and makes nothing."""
    nearest = nearest_there(target)
    guarded = (error := why_closed(nearest)) and cure_of(error)
    if guarded or not may_be_written(nearest):
        cure = guarded or f"Let {DOWNLOADS} name a folder that may be written."
        yield Finding("downloads", ok=False, said=f"{target} cannot be written. {cure}")
        return
    if named and nearest != target:
        said = f"{target} can be written; it is not there yet, and made by the first download."
        yield Finding("downloads", ok=True, said=said, mend=partial(made_folder, target))
        return
    yield Finding("downloads", ok=True, said=f"{target} can be written")
    if count := unfinished_in(target):
        said = f"{as_many(count, 'unfinished file')} of downloads left in {target}; those of ended programs can go."
        yield Finding("downloads", ok=True, said=said, mend=partial(tidied, target))


def nearest_there(path: Path) -> Path:
    """The path itself, or the first above it that is there; also a link that leads nowhere, where nothing can be made."""
    return next(one for one in (path, *path.parents) if os.path.lexists(one) or one == one.parent)


def may_be_written(path: Path) -> bool:
    """Tell whether it is a folder in which something can be made."""
    return is_folder(path) and os.access(path, os.W_OK | os.X_OK)


def made_folder(folder: Path) -> str:
    """Make it, and those above it."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"Made the folder {quote_path(folder)}."


def tidied(folder: Path) -> str:
    """Remove what no living program writes."""
    count = remove_leftovers(folder)
    return f"Removed {as_many(count, 'unfinished file')} of ended programs from {quote_path(folder)}."


def spool(settings: Settings) -> Iterator[Finding]:
    """Find out whether documents and packages of a team can lie where they are to, and makes nothing."""
    if not (folder := settings.spool_dir):
        return
    usable = may_be_written(nearest_there(folder))
    said = "can be written" if usable else "cannot be written: name one that can"
    yield Finding("spool", usable, f"{folder} {said} (FLIPSNACK_SPOOL_DIR)")


def key_files(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find files with keys, or with the password of Redis, that others may read."""
    kinds = (*CREDENTIALS, *(["FLIPSNACK_STATE"] if passwords_in(settings.state) else []))
    named = (environment.get(f"{name}_FILE", "") for name in kinds)
    own = [Path(os.path.expanduser(one)) for one in named if one]  # noqa: PTH111  # that of Path can raise
    for file in dict.fromkeys((*open_key_files(settings), *filter(is_open_to_others, own))):
        yield Finding("keys", ok=True, said=IS_OPEN.format(file), mend=partial(closed_to_others, file))


def closed_to_others(file: Path) -> str:
    """Take from others what they may do with a file."""
    take_from_others(file)
    return f"Closed {quote_path(file)} to other users of this machine."


def is_on_share(path: PurePath) -> bool:
    """Tell whether a path of Windows leads to another machine."""
    return path.drive.startswith("\\\\")
