"""What a client writes to stdin, passed on through a pipe of our own: so the reading of it can be ended from inside.

The SDK reads in a thread that waits for the next line whatever happens, and the process with it: it would neither end
when the client has closed the other pipe, nor when it is interrupted.
"""

import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from typing import NamedTuple

AT_ONCE = 65_536
INCOMPLETE = (
    "This server cannot load its own parts: it was updated or removed while it ran, or the system lets it open no more files. "
    "Nothing was changed. Trying again as it is will not help. Ask the person to start the assistant anew, and with it this server."
)
"""What is said to what cannot be handed on to anything."""


class Heard(NamedTuple):
    """What a client said before the SDK was there."""

    lines: bytes = b""
    """What the SDK has to read before anything else."""
    answered: str = ""
    """The id of the request among them that the client has its answer to."""


NOTHING_HEARD = Heard()


@contextmanager
def inlet(first: bytes = b"") -> Iterator[Callable[[], None]]:
    """Within it, stdin is a pipe, out of which comes `first` before the rest; gives what ends that pipe."""
    try:
        standard = sys.stdin.fileno()
        written = os.dup(standard)
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        yield lambda: None
        return
    reading, writing = os.pipe()
    os.dup2(reading, standard)
    os.close(reading)
    passage = io.FileIO(writing, "wb")  # closed where either side ends
    Thread(target=pass_on, args=(first, written, passage), daemon=True).start()
    try:
        yield partial(close, passage)
    finally:
        close(passage)
        os.dup2(written, standard)


def close(passage: io.FileIO) -> None:
    """Let whoever reads see the end."""
    with suppress(OSError):
        passage.close()


def pass_on(first: bytes, written: int, passage: io.FileIO) -> None:
    """Hand on what comes until it ends on either side. Nobody waits for this thread."""
    with suppress(OSError, ValueError):
        piece = first or read_some(written)
        while piece:
            while piece:  # a pipe may take less than it is given
                piece = piece[passage.write(piece) :]
            piece = read_some(written)
    close(passage)


def read_some(written: int) -> bytes:
    """What comes next, nothing at the end; also where somebody has told the stream not to wait."""
    while True:
        try:
            return os.read(written, AT_ONCE)
        except BlockingIOError:
            select.select([written], [], [])
