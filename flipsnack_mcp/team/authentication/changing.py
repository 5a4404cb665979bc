"""Changing the file of tokens: whole or not at all, by one at a time, and never one that cannot be trusted."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from flipsnack_mcp.files.writing.patience import patiently
from flipsnack_mcp.store.permissions import make_folder
from flipsnack_mcp.team.authentication.tokens import TokensTold, TokensUnusableError, sighting_of

WAITS_FOR_OTHERS = 10.0
"""Seconds to wait for somebody else who changes it."""


def change_tokens(path: Path, change: Callable[[TokensTold], TokensTold]) -> None:
    """Write what a change makes of the file; whatever that raises leaves it as it was.

    Raises:
        TokensUnusableError: It cannot be written, or what is there cannot be trusted: it is not repaired here.
    """
    place = path.resolve()  # a link stays one
    try:
        make_folder(place.parent)
        with FileLock(f"{place}.lock", timeout=WAITS_FOR_OTHERS, mode=0o600):
            write_whole(place, change(tokens_at(place)).model_dump_json(indent=1).encode() + b"\n")
    except Timeout:
        raise TokensUnusableError(f"Somebody else is changing {path}. Nothing was changed; try again.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TokensUnusableError(f"{path} cannot be written ({reason}). Nothing was changed.") from None


def tokens_at(path: Path) -> TokensTold:
    """What the file says; nothing where there is none yet."""
    if not path.exists():
        return TokensTold()
    said = sighting_of(path).said
    if isinstance(said, TokensUnusableError):
        raise said
    return said


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in the place of another at once, for its owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # it makes them so
    try:
        with open(descriptor, "wb") as written:  # noqa: PTH123  # a descriptor
            written.write(content)
            written.flush()
            os.fsync(descriptor)
        patiently(lambda: Path(name).replace(path))
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
