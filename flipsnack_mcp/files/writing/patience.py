"""Windows refuses to rename a file for a moment while a virus scanner or an indexer reads it."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

IN_USE = frozenset({5, 32, 33})
"""Windows' numbers: access denied, used by another process, a part of it locked."""
PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.2, 0.25, 0.25)
"""About a second in all."""


def patiently(step: Callable[[], T], wait: Callable[[float], object] = time.sleep) -> T:
    """Takes a step that Windows may refuse for a moment, and again while it does; blocks, so run it in a thread."""
    for pause in PAUSES:
        try:
            return step()
        except OSError as error:
            if getattr(error, "winerror", None) not in IN_USE:
                raise
        wait(pause)
    return step()
