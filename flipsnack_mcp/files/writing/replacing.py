"""A file that takes the place of another at once: whole or not at all, and for its owner only."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flipsnack_mcp.files.writing.patience import patiently


def as_it_was_made(_: Path) -> None:
    """Nothing more is done to it."""


def put_in_place(path: Path, content: bytes, made: Callable[[Path], object] = as_it_was_made) -> None:
    """Write a file there; `made` has it before it takes the place, and what that raises leaves all as it was."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # it makes them for their owner only
    new = Path(name)
    try:
        with open(descriptor, "wb") as written:  # noqa: PTH123  # a descriptor
            written.write(content)
            written.flush()
            os.fsync(descriptor)
        made(new)
        patiently(lambda: new.replace(path))
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
