"""How a server on stdio leaves: at once, without waiting for threads that still read or write."""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

EXIT_INTERRUPTED = 130  # as a shell says it of a program that SIGINT has ended


def leave_when_interrupted() -> None:
    """Before anything is served and after it there is nothing to tidy up."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: end_process(EXIT_INTERRUPTED))


def end_process(status: int) -> NoReturn:
    """End the process without waiting for threads, once what it has said is said."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # the last where it is interrupted in a flush
            stream.flush()
    os._exit(status)
