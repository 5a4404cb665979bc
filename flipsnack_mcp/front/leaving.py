"""How a process ends that is interrupted: a server on stdio at once, any command at once while it still imports."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def importing() -> Iterator[None]:
    """An interrupt ends the process within it: half an import is an error of any kind, and nothing has begun."""
    usual = signal.getsignal(signal.SIGINT)
    # Whoever started it may want something else; and only the main thread is interrupted.
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
