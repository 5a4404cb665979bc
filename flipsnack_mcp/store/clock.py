"""The time of a store: it goes as long as the machine runs, whatever somebody sets the clock on the wall to.

Two clocks are read. The one on the wall knows the date, and anybody or a flat battery can set it. What the machine has run
for nobody can set, but it begins anew with each start. So within one run the store's time goes on by that, and over a
restart by the wall, by at most `LONGEST_REST`: a wrong clock and a long absence look alike. It never goes back,
and forward by more than that only where both clocks say so.
"""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from flipsnack_mcp import systems

LONGEST_REST = 25 * 3600.0
"""Seconds: over every right that time gives or takes away (a code, a yes, a day's plan), far below what is kept."""
DRIFT = 60.0
"""Seconds by which the two clocks may disagree in one run of a machine that has no name for it."""
UPTIME, BOOT = Path("/proc/uptime"), Path("/proc/sys/kernel/random/boot_id")


class Moment(NamedTuple):
    """What the clocks of a machine show."""

    wall: float
    ran: float
    """Seconds since it was started, sleep included."""
    run: str
    """Which start that was; empty where the system gives it no name."""


Clock: TypeAlias = Callable[[], "Moment | float"]
"""One that shows seconds alone is taken at its word: nobody sets it."""


def on_the_wall(shown: Moment | float) -> float:
    """The date and time for a person."""
    return shown.wall if isinstance(shown, Moment) else shown


class Kept(NamedTuple):
    """The store's time, and what the clocks showed when it was written down."""

    now: float
    shown: Moment


def gone_on(last: Kept, seen: Moment) -> Kept:
    """The store's time at this moment."""
    ran, rest = seen.ran - last.shown.ran, seen.wall - last.shown.wall
    restarted = min(max(rest, 0.0), LONGEST_REST)
    # Bounded as well: a container may be told another time than its machine.
    return Kept(last.now + (min(ran, max(rest, LONGEST_REST)) if same_run(last.shown, seen) else restarted), seen)


def same_run(last: Moment, seen: Moment) -> bool:
    """Whether the machine was not started anew in between."""
    ran, passed = seen.ran - last.ran, seen.wall - last.wall
    if seen.run != last.run or ran < 0:
        return False
    return bool(seen.run) or abs(passed - ran) <= DRIFT + ran / 1000


def moment() -> Moment:
    """What the clocks of this machine show."""
    return Moment(time.time(), running_for(), name_of_run())


def running_for() -> float:
    """How long the machine has run."""
    try:
        # Not the same clock by a system call: what shifts the time of one process for a test shifts that with it.
        return float(UPTIME.read_bytes().split()[0])
    except (OSError, ValueError, IndexError):
        return steady()


def steady() -> float:
    """How long the machine has run, as the system tells it to a program."""
    which: int | None = getattr(time, systems.HERE.clock, None)
    return time.monotonic() if which is None else time.clock_gettime(which)


@cache
def name_of_run() -> str:
    """What the system calls this start."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class Stamp(NamedTuple):
    """One moment: by the store's time, and by the clock on the wall where that was written down."""

    now: float
    wall: float | None = None


def is_fresh(made: Stamp, seen: Stamp, seconds: float) -> bool:
    """Whether what holds for so long still counts, by both times: from the future of either it does not."""
    if made.wall is not None and seen.wall is not None and not 0 <= seen.wall - made.wall <= seconds:
        return False
    return 0 <= seen.now - made.now <= seconds
