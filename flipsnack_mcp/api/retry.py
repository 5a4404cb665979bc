"""Whether and when a request may be sent once more: pure rules, by effect and by what went wrong.

Not a library's: the decision hangs on whether the request can have arrived and on the call's own time, which is most
of what there is to write.
"""

from __future__ import annotations

import random
from typing import Any

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.errors import (
    Changed,
    FlipsnackError,
    MaintenanceError,
    RateLimitedError,
    UnreachableError,
    UnreadableAnswerError,
)

TRIES = 4


def may_repeat(action: Action[Any], error: FlipsnackError) -> bool:
    """Whether sending again cannot do anything twice."""
    if isinstance(error, MaintenanceError | RateLimitedError):
        return True
    if not isinstance(error, UnreachableError | UnreadableAnswerError):
        return False
    surely_not_done = isinstance(error, UnreachableError) and error.changed is Changed.NOTHING
    return surely_not_done or action.idempotent


def pause_before(attempt: int, error: FlipsnackError) -> float:
    """Seconds until the next try, with jitter so that several processes do not come back together."""
    return first_pause(error) * float(2 ** (attempt - 1)) * random.uniform(1.0, 1.3)  # noqa: S311  # spreads load, guards nothing


def first_pause(error: FlipsnackError) -> float:
    """By what went wrong: a second's limit passes soon, a minute's not."""
    if isinstance(error, RateLimitedError):
        return 5.0 if error.code == 32 else 1.1
    return 2.0 if isinstance(error, MaintenanceError) else 0.5
