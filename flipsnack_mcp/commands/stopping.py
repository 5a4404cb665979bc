"""How a server on stdio ends: at the first interrupt, or when its client goes, and never with a traceback of Python's.

Threads may still read or write then (a terminal, a slow disk), and Python would wait for them at its own end. So the
process leaves by itself, as soon as everything is tidied up.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import NoReturn

import anyio

from flipsnack_mcp.front.leaving import EXIT_INTERRUPTED, end_process

TIDYING_SECONDS = 0.6
"""After these it ends all the same: somebody has asked it to."""


async def serve_until_interrupted(serving: Callable[[], Awaitable[None]]) -> NoReturn:
    """Serve until it ends by itself or at the first SIGINT; ends the process once everything is tidied up.

    Here, and not behind the event loop, which at its own end waits for threads: for one that looks up a name as long as
    no DNS answers.
    """
    running, scope = asyncio.get_running_loop(), anyio.CancelScope()

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        running.call_soon_threadsafe(scope.cancel)
        running.call_soon_threadsafe(running.call_later, TIDYING_SECONDS, end_process, EXIT_INTERRUPTED)

    signal.signal(signal.SIGINT, interrupted)
    with scope:
        await serving()
    end_process(EXIT_INTERRUPTED if scope.cancel_called else 0)


def see_to_stderr() -> None:
    """Where nothing can be logged, calls go on."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # as long as the process lives
