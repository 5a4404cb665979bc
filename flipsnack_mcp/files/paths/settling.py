"""A file that was opened is what its name says, and stays it: links made and taken away in between are noticed.

A link count of one alone proves nothing: another program can put a link to a secret file under the name, and take it
away again after it was opened. Looking by the name as well narrows that to the moment within one look. But every link
that is made or taken away changes the file's ctime, which nobody can set: where that is the same before and after, and
old enough that a change would have moved it, there was no such moment.
"""

import os
import stat
import time
from collections.abc import Callable

from flipsnack_mcp.files.refusal import RefusedFile

TICK = 20_000_000
"""Nanoseconds after which a change has another ctime: the clock of file systems moves every 1 to 10 ms."""
SECOND = 1_000_000_000
LOOKING_SECONDS = 3.0
"""Seconds for a file to be left alone; also one that was saved just now, on a disk that counts in seconds."""


def settled(descriptor: int, by_name: Callable[[], os.stat_result], quoted: str) -> os.stat_result:
    """Returns the status of an open file, once it is certain to be the one that its name means.

    A file that has several links, or is no regular file, is for the caller to refuse.
    """
    end, seen, since = time.monotonic() + LOOKING_SECONDS, -1, 0
    while time.monotonic() < end:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_nlink > 1:
            return before
        if not _is_still(before, by_name, descriptor):
            break
        now = time.monotonic_ns()
        if before.st_ctime_ns != seen:
            seen, since = before.st_ctime_ns, now
        # A disk in the network has a clock of its own, which may be ahead: then it counts how long we saw no change.
        if max(time.time_ns() - seen, now - since) >= _tick(seen):
            return before
        time.sleep(TICK / SECOND)
    raise RefusedFile(
        f"{quoted} is being changed, renamed or linked at this moment.",
        "Give its path again when no other program is at work on it.",
    )


def _is_still(before: os.stat_result, by_name: Callable[[], os.stat_result], descriptor: int) -> bool:
    try:
        named = by_name()
    except OSError:
        return False
    after = os.fstat(descriptor)
    same = os.path.samestat(named, after) and named.st_nlink == after.st_nlink == 1
    return same and before.st_ctime_ns == named.st_ctime_ns == after.st_ctime_ns


def _tick(ctime: int) -> int:
    return TICK if ctime % SECOND else 2 * SECOND + TICK  # some file systems count whole seconds only
