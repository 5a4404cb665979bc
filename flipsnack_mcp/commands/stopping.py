"""How a server on stdio ends: at the first interrupt, or when its client goes, and never with a traceback of Python's.

The SDK reads stdin in a thread, which nothing but a further line or the end of the input can stop, and Python would wait
for that thread at its own end. So the process leaves by itself, as soon as everything is tidied up.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import anyio

EXIT_INTERRUPTED = 130  # as a shell says it of a program that SIGINT has ended
TIDYING_SECONDS = 0.6
"""After these it ends all the same: somebody has asked it to."""


def leave_when_interrupted() -> None:
    """Before anything is served and after it there is nothing to tidy up."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: end_process(EXIT_INTERRUPTED))


class Stopping:
    """Ends what is served at the first SIGINT, on a loop that has begun."""

    def __init__(self) -> None:
        self.asked = False

    async def serve(self, serving: Callable[[], Awaitable[None]]) -> None:
        """Serve until it ends or is interrupted; does not come back from an interrupt."""
        running, scope = asyncio.get_running_loop(), anyio.CancelScope()

        def interrupted(_signal: int, _frame: FrameType | None) -> None:
            self.asked = True
            running.call_soon_threadsafe(scope.cancel)
            running.call_soon_threadsafe(running.call_later, TIDYING_SECONDS, end_process, EXIT_INTERRUPTED)

        signal.signal(signal.SIGINT, interrupted)
        with scope:
            await serving()
        if self.asked:
            end_process(EXIT_INTERRUPTED)

    def cut_off(self) -> None:
        """Go: everything is tidied up, and only the thread that reads is waited for."""
        if self.asked:
            end_process(EXIT_INTERRUPTED)
        # A client that no longer reads has gone. If it closes its side too, the SDK's own end comes first.
        asyncio.get_running_loop().call_later(TIDYING_SECONDS, end_process, 0)


def end_process(status: int) -> NoReturn:
    """End the process without waiting for threads, once what it has said is said."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # the last where it is interrupted in a flush
            stream.flush()
    os._exit(status)


def missing_stream() -> str:
    """Name the stream that a client has to be talked to through, where it is closed."""
    names = [name for name, stream in (("input", sys.stdin), ("output", sys.stdout)) if stream is None]
    return f"it has no standard {names[0]}, through which a client would talk to it" if names else ""


def keep_quiet_about_logging() -> None:
    """Where nothing can be logged, calls go on, and logging does not complain to the same place."""
    logging.raiseExceptions = False
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # as long as the process lives


def first_error(errors: BaseExceptionGroup[OSError]) -> OSError:
    """Find the error of the stream that broke."""
    first = errors.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first
