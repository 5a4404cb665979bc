"""A client's own file: looked at once, and written whole or not at all where it is still as it was then."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from flipsnack_mcp.files.writing.patience import patiently
from flipsnack_mcp.files.writing.replacing import put_in_place
from flipsnack_mcp.store.permissions import make_folder

LARGEST = 64_000_000
"""Bytes. What Claude Code keeps in its file grows with each project."""
OWNER_ONLY = 0o600
NOT_SET_RIGHT_YET = "It was left as it is: set it right, then run this again."


class Unsuitable(Exception):  # noqa: N818  # it says why
    """A file that is left as it is, and why; nothing was changed."""


@dataclass(frozen=True)
class ClientFile:
    """A file as it was when it was looked at."""

    path: Path
    """Where it really is: links stay links."""
    content: bytes | None
    """None where there is none yet."""
    mode: int = OWNER_ONLY

    @property
    def text(self) -> str:
        """What is written in it.

        Raises:
            Unsuitable: It is no text in UTF-8.
        """
        try:
            return (self.content or b"").decode()
        except UnicodeDecodeError:
            raise Unsuitable(f"{self.path} is no text in UTF-8. {NOT_SET_RIGHT_YET}") from None

    def write(self, content: bytes | None) -> "ClientFile":
        """Put this in its place at once, or remove it; and give what is there now.

        Raises:
            Unsuitable: Somebody else changed it meanwhile, or it cannot be written.
        """
        try:
            if content is None:
                self.check_unchanged()
                patiently(self.path.unlink)
                return ClientFile(self.path, None)
            make_folder(self.path.parent)
            put_in_place(self.path, content, self._made)
        except OSError as error:
            raise Unsuitable(
                f"{self.path} cannot be written ({error.strerror or type(error).__name__}). Nothing was changed in it."
            ) from None
        return ClientFile(self.path, content, self.mode)

    def _made(self, new: Path) -> None:
        new.chmod(self.mode)
        keep_owner(self.path, new)
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise where somebody else wrote it since.

        Raises:
            Unsuitable: It is not as it was.
        """
        if file_found(self.path).content != self.content:
            raise Unsuitable(
                f"{self.path} was changed by another program meanwhile. It was left as that wrote it: run this again."
            )


def file_found(path: Path) -> ClientFile:
    """The file at the end of all links.

    Raises:
        Unsuitable: It is something else than a file of this person's.
    """
    try:
        real = Path(os.path.realpath(path))  # that of Path fails at a circle of links up to Python 3.12 alone
        if not (seen := stat_of(real)):
            return ClientFile(real, None)
        if why := why_unsuitable(seen):
            raise Unsuitable(f"{path} {why}. {NOT_SET_RIGHT_YET}")
        return ClientFile(real, real.read_bytes(), stat.S_IMODE(seen.st_mode))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Unsuitable(f"{path} cannot be read ({reason}). {NOT_SET_RIGHT_YET}") from None


def stat_of(real: Path) -> os.stat_result | None:
    """What is known of it; nothing where there is nothing. A folder that is closed, and a circle of links, are errors."""
    try:
        return real.stat()
    except FileNotFoundError:
        return None


def why_unsuitable(seen: os.stat_result) -> str:
    """What keeps it from being changed, or nothing."""
    if not stat.S_ISREG(seen.st_mode):
        return "is no file"
    if seen.st_nlink > 1:
        return "has a second name (a hard link), of which a new file would be cut off"
    if not seen.st_mode & stat.S_IWUSR:
        return "may only be read: somebody wants it to stay so"
    return "is too large for a configuration" if seen.st_size > LARGEST else ""


def keep_owner(path: Path, new: Path) -> None:
    """Give the new file to whom the old one belonged, where another user runs this for them."""
    if hasattr(os, "chown") and path.exists():
        seen = path.stat()
        if (seen.st_uid, seen.st_gid) != (os.getuid(), os.getgid()):
            with suppress(OSError):
                os.chown(new, seen.st_uid, seen.st_gid)


def write_for_owner(path: Path, content: bytes) -> None:
    """Write a file of ours, whole, for its owner only.

    Raises:
        Unsuitable: It cannot be written.
    """
    replace(file_found(path), mode=OWNER_ONLY).write(content)
