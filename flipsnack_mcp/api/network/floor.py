"""A floor under transfers: what comes too slowly, or takes too long in all, ends."""

import math

import anyio

MOVE_WITHIN = 90.0
LEAST = 64 * 1024
"""Bytes that have to move in each window, 6 kbit/s: at no slower line would a person wait for a document."""
IN_ALL = 4 * 3600.0
"""Seconds after which a transfer ends however fast it is."""


DEAD_AFTER_SECONDS, DEAD_SPEED = 20.0, 10.0
"""Below so many bytes a second for so long, nobody goes on waiting who could begin anew."""


class Floor:
    """Moves the end of a cancel scope on while enough of a transfer moves. On anyio's clock."""

    def __init__(self, until: float = math.inf) -> None:
        self._until = min(until, anyio.current_time() + IN_ALL)
        self._done = self._mark = 0
        self._marked_at = anyio.current_time()
        self.scope = anyio.CancelScope(deadline=min(self._until, self._marked_at + MOVE_WITHIN))

    def moved(self, done: int) -> None:
        """Say how many bytes have moved so far."""
        self._done = done
        if done - self._mark >= LEAST:
            self._mark, self._marked_at = done, anyio.current_time()
            self.scope.deadline = min(self._until, self._marked_at + MOVE_WITHIN)

    def wait(self, seconds: float) -> None:
        """Nothing has to move for so long: the other side is at work."""
        self.scope.deadline = min(self._until, anyio.current_time() + seconds)

    @property
    def dead(self) -> bool:
        """Whether hardly anything has moved for a while."""
        waited = anyio.current_time() - self._marked_at
        return waited >= DEAD_AFTER_SECONDS and self._done - self._mark < waited * DEAD_SPEED
