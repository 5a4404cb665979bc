"""Looking for work whose owner is gone: one look at the store for all accounts of a process, whoever of them uses it."""

import logging
from collections.abc import Callable, Collection, Coroutine
from contextvars import Context
from typing import Any, Protocol

import anyio

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Records, Store, StoreUnusable, T

log = logging.getLogger(__name__)

BEAT_OF_LOOKS = 10.0
"""Seconds, where others may end at any time: what was let go of waits no longer than for a sign of life."""


class Heir(Protocol):
    """The work of one account, which can be gone on with here."""

    @property
    def takes_over(self) -> bool:
        """Whether there is anything at all that it would go on with now."""

    def is_heir_to(self, left: Collection[str]) -> bool:
        """Whether something of what was left is to be gone on with here."""

    async def go_on(self) -> None:
        """Go on with it. Never raises but when cancelled."""


class StoreInUse:
    """The store as calls use it: `used` is called after each transaction, the first of which opens it."""

    def __init__(self, inner: Store, used: Callable[[], None]) -> None:
        self.shared, self.close = inner.shared, inner.close
        self._inner, self._used = inner, used

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run a transaction."""
        result = await self._inner.transact(work)
        self._used()
        return result


class Lookout:
    """Looks for all heirs of a process: from the first use of the store until a while after the last, or all the time."""

    def __init__(self, store: Store, background: anyio.abc.TaskGroup) -> None:
        self.heirs: list[Heir] = []
        self.shared, self.background = store, background
        self.store = StoreInUse(store, self._note_use)
        """For all calls."""
        self._looking, self._used = False, False
        self._failing = False

    def keep_on(self) -> None:
        """Look as long as this process runs: where others on the store may be killed, somebody whom nobody calls goes on."""
        self._looking = True
        self._begin(self._look_always)

    async def look(self) -> None:
        """Go on with what nobody carries out any more. Never raises but when cancelled, or all in the background would end."""
        heirs = [one for one in self.heirs if one.takes_over]
        if not heirs:
            return
        try:
            left = [work for work, _ in await self.shared.transact(leases.orphans)]
        except Exception as error:  # noqa: BLE001  # see above
            if not self._failing:
                why = error.happened if isinstance(error, StoreUnusable) else type(error).__name__
                log.warning("unfinished work could not be looked for: %s", why)
            self._failing = True
            return
        self._failing = False
        for one in heirs:
            if one.is_heir_to(left):
                self.background.start_soon(one.go_on)

    def _note_use(self) -> None:
        self._used = True
        if not self._looking:
            self._looking = True
            self._begin(self._look_while_used)

    def _begin(self, looking: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Outside of the call that happens to be handled: what is found was not asked for by it, nor by who makes it."""
        Context().run(self.background.start_soon, looking)

    async def _look_while_used(self) -> None:
        """Until a while after the last use: somebody killed just now seems alive."""
        while self._used:
            self._used = False
            await self.look()
            await anyio.sleep(leases.DEAD_AFTER)
        await self.look()
        self._looking = False

    async def _look_always(self) -> None:
        while True:
            await self.look()
            await anyio.sleep(BEAT_OF_LOOKS)
