"""Whether and when a request may be sent once more: pure rules, by effect and by what went wrong.

Not a library's: the decision hangs on whether the request can have arrived and on the call's own time, which is most
of what there is to write.
"""

import random
from typing import Any

from flipsnack_mcp.api import errors
from flipsnack_mcp.api.action import Action

MAX_TRIES = 4


def may_repeat(action: Action[Any], error: errors.FlipsnackError) -> bool:
    """Whether sending again cannot do anything twice."""
    if isinstance(error, errors.MaintenanceError | errors.RateLimitedError):
        return True
    if not isinstance(error, errors.UnreachableError | errors.UnreadableAnswerError):
        return False
    surely_not_done = isinstance(error, errors.UnreachableError) and error.changed is errors.Changed.NOTHING
    return surely_not_done or action.idempotent


def pause_before(attempt: int, error: errors.FlipsnackError) -> float:
    """Seconds until the next try, with jitter so that several processes do not come back together."""
    return first_pause(error) * float(2 ** (attempt - 1)) * random.uniform(1.0, 1.3)  # noqa: S311  # spreads load, guards nothing


def first_pause(error: errors.FlipsnackError) -> float:
    """By what went wrong: a second's limit passes soon, a minute's not."""
    if isinstance(error, errors.RateLimitedError):
        return 5.0 if error.code == 32 else 1.1
    if isinstance(error, errors.TooManyRequestsError):
        return 5.0  # of which limit is not told
    return 2.0 if isinstance(error, errors.MaintenanceError) else 0.5
