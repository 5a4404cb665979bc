"""Who asks at addresses that lead nowhere has to wait, and all of them as long: how long says nothing, and many tries take for ever."""

import anyio

WRONG_WAIT, MOST_WRONG = 1.0, 20
"""Seconds that an answer to a wrong address takes, and how many may wait for theirs at once: right ones never do."""


class Guessing:
    """Those who wait."""

    def __init__(self) -> None:
        self._waiting = 0

    async def wait(self, since: float) -> bool:
        """Wait until an answer to what was asked then is due; False at once where too many wait already."""
        if self._waiting >= MOST_WRONG:
            return False
        self._waiting += 1
        try:
            await anyio.sleep_until(since + WRONG_WAIT)
        finally:
            self._waiting -= 1
        return True
