"""A floor under transfers: what comes too slowly, or takes too long in all, ends."""

import math

import anyio

MOVE_WITHIN = 60.0
LEAST = 64 * 1024
"""Bytes that have to move in each window, 9 kbit/s: at no slower line would a person wait for a document."""
IN_ALL = 4 * 3600.0
"""Seconds after which a transfer ends however fast it is."""


class Floor:
    """Moves the end of a cancel scope on while enough of a transfer moves. On anyio's clock."""

    def __init__(self, until: float = math.inf) -> None:
        self._until = min(until, anyio.current_time() + IN_ALL)
        self._mark, self.marked_at = 0, anyio.current_time()
        self.scope = anyio.CancelScope(deadline=min(self._until, self.marked_at + MOVE_WITHIN))

    def moved(self, done: int) -> None:
        """Say how many bytes have moved so far."""
        if done - self._mark >= LEAST:
            self._mark, self.marked_at = done, anyio.current_time()
            self.scope.deadline = min(self._until, self.marked_at + MOVE_WITHIN)

    def wait(self, seconds: float) -> None:
        """Nothing has to move for so long: the other side is at work."""
        self.scope.deadline = min(self._until, anyio.current_time() + seconds)
