"""What a client writes to stdin, passed on through a pipe of our own: so the reading of it can be ended from inside.

The SDK reads in a thread that waits for the next line whatever happens, and the process with it: it would neither end
when the client has closed the other pipe, nor when it is interrupted.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread

AT_ONCE = 65_536


@contextmanager
def inlet() -> Iterator[Callable[[], None]]:
    """Within it, stdin is a pipe; gives what ends that pipe."""
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
    Thread(target=pass_on, args=(written, passage), daemon=True).start()
    try:
        yield partial(close, passage)
    finally:
        close(passage)
        os.dup2(written, standard)


def close(passage: io.FileIO) -> None:
    """Let whoever reads see the end."""
    with suppress(OSError):
        passage.close()


def pass_on(written: int, passage: io.FileIO) -> None:
    """Hand on what comes until it ends on either side. Nobody waits for this thread."""
    with suppress(OSError, ValueError):
        while piece := os.read(written, AT_ONCE):
            while piece:  # a pipe may take less than it is given
                piece = piece[passage.write(piece) :]
    close(passage)
