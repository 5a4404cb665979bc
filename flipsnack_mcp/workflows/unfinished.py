"""Work that a killed process left behind: looked for in the background, from the first call of a process on."""

import logging
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from flipsnack_mcp.store.leases import DEAD_AFTER

log = logging.getLogger(__name__)


class Unfinished:
    """Goes on with what nobody carries out any more."""

    def __init__(self, background: TaskGroup, *go_on: Callable[[], Awaitable[None]]) -> None:
        self._background, self._go_on = background, go_on
        self._looking = False

    def look(self) -> None:
        """Look for it, without making a call wait; once more after a while, as somebody killed just now seems alive."""
        if not self._looking:
            self._looking = True
            self._background.start_soon(self._look_twice)

    async def _look_twice(self) -> None:
        await self._look()
        await anyio.sleep(DEAD_AFTER)
        await self._look()
        self._looking = False

    async def _look(self) -> None:
        """Never raises but when cancelled: an error that escaped would end everything else in the background."""
        for go_on in self._go_on:
            try:
                await go_on()
            except Exception as error:  # noqa: BLE001  # see above
                log.warning("unfinished work could not be looked for: %s", type(error).__name__)
