"""The one place where the progress of a call leaves: in order, a while after it was told, and never close to its result.

A client forgets a request with its result. What it is told of it in the same breath, it may look at later than at the
result, however right the order was on the wire; official clients call that an error, and some drop the connection.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import NoReturn, TypeVar

import anyio
from anyio.abc import TaskGroup

from flipsnack_mcp.workflows.progress import Progress

HELD_BACK = 0.5
"""Seconds that pass before what was told leaves: the result says it better where it comes meanwhile."""
BEFORE_A_RESULT = 0.2
"""Seconds that lie between the last notification and the result, so that a busy client, too, reads them one by one."""
STEP = 0.01
"""How much the number rises where nothing was done that is counted: it has to, with every notification."""

T = TypeVar("T")
Send = Callable[[float, float | None, str], Awaitable[None]]


class Telling:
    """What a call has told and what of it is still held back. Only one task sends, and it ends before the result is out."""

    def __init__(self, send: Send) -> None:
        self._send, self._open = send, False
        self._held = deque[tuple[float, Progress]]()
        self._beside: TaskGroup | None = None
        self._stands_by = False
        self._leaving = anyio.Lock(fast_acquire=True)
        self._number, self._left_at = 0.0, -inf

    def tell(self, progress: Progress) -> None:
        """Let it leave in a while, unless the call has ended by then."""
        if not self._open or self._beside is None:
            return
        self._held.append((anyio.current_time() + HELD_BACK, progress))
        if not self._stands_by:  # from now on only: most calls tell nothing
            self._stands_by = True
            self._beside.start_soon(self._let_leave)

    async def while_lasting(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the work comes to, once no notification can be beside it or right before it."""
        self._open = True
        try:
            async with anyio.create_task_group() as self._beside:
                outcome = await outcome_of(work)
                await self._end()
                if self._stands_by:
                    self._beside.cancel_scope.cancel()
        finally:
            self._open = False
        try:
            return outcome()
        finally:
            del outcome  # an error holds the frames it passed: it would hold itself, with all that the call had seen

    async def _let_leave(self) -> None:
        while self._held:
            await anyio.sleep_until(self._held[0][0])
            async with self._leaving:
                if self._held:
                    await self._leave(self._held.popleft()[1])
        self._stands_by = False

    async def _leave(self, progress: Progress) -> None:
        self._number, total = numbered(self._number, progress)
        with suppress(Exception):  # a client that cannot be told costs the call nothing
            await self._send(self._number, total, progress.message)
        self._left_at = anyio.current_time()

    async def _end(self) -> None:
        """Forget what was held back, and keep away from what has left or is leaving."""
        self._open = False
        self._held.clear()
        if not self._stands_by and self._left_at == -inf:
            return
        async with self._leaving:
            await anyio.sleep_until(self._left_at + BEFORE_A_RESULT)


def numbered(last: float, progress: Progress) -> tuple[float, float | None]:
    """The number after the last, which has to rise; and the total, unless the number had to rise beyond it."""
    number = progress.done if progress.done > last else round(last + STEP, 2)
    return number, progress.total if progress.total and number <= progress.total else None


async def outcome_of(work: Callable[[], Awaitable[T]]) -> Callable[[], T]:
    """Gives what the work came to, or raises what it raised: out of a group of tasks it would come in a group."""
    try:
        result = await work()
    except Exception as error:  # noqa: BLE001  # it is raised again outside
        return partial(raise_again, error)
    return lambda: result


def raise_again(error: Exception) -> NoReturn:
    """Raise it where it can be caught."""
    try:
        raise error
    finally:
        del error
