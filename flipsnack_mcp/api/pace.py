"""The only door to the request budget: asks by the rules of `budget`, waits, and tells how long it will take."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

import anyio

from flipsnack_mcp import observed
from flipsnack_mcp.api import budget
from flipsnack_mcp.api.budget import BudgetRules, Lane
from flipsnack_mcp.api.counting import ledger
from flipsnack_mcp.api.counting.settled_calls import AnswerT, BudgetStore, SettledCalls
from flipsnack_mcp.api.counting.waiting import OnWait, Waiter, WaitingLine
from flipsnack_mcp.api.upload import ignore


@runtime_checkable
class DividedBudget(BudgetStore, Protocol):
    """One that may not be able to see what all others do."""

    def allowed(self, rules: BudgetRules) -> BudgetRules:
        """Say what this process may take at the moment, of what all may take together."""


class BudgetInMemory:
    """A store for one process: for tests, and for when no file can be written."""

    def __init__(self) -> None:
        self._document = ledger.blank()

    async def change(self, decide: Callable[[ledger.SharedBudget, float], AnswerT]) -> AnswerT:
        return decide(self._document, anyio.current_time())

    async def close(self) -> None:
        """Keep everything: there is nothing to let go of."""


class Slot:
    """A granted call, made at once or kept for a moment."""

    def __init__(self, store: SettledCalls, rules: BudgetRules, number: int, granted_at: float) -> None:
        self._store, self._rules, self._number = store, rules, number
        self._open = True
        store.under_way += 1
        self._good_until = granted_at + rules.lease - rules.hold

    @property
    def is_good(self) -> bool:
        """Whether a call made now still arrives within the hold that was granted."""
        return self._open and anyio.current_time() <= self._good_until

    @asynccontextmanager
    async def calling(self, hold: float) -> AsyncIterator["Slot"]:
        """Around the one HTTP call, which may be on its way for so long."""
        try:
            async with self.renewed(hold):
                yield self
        except BaseException:
            await self.abandon()
            raise
        await self.settle()

    async def give_back(self) -> None:
        """Say that the call was never made, unless it was."""
        if self._ends():
            await self._tell(lambda doc, _: budget.give_back(doc, self._number))

    async def settle(self) -> None:
        """Say that the answer's headers are in: from now on the call grows old."""
        if self._ends():
            self._store.note(self._number)
            if not self._store.under_way:  # nobody else of this process will soon
                await self._tell(lambda *_: None)

    async def abandon(self) -> None:
        """Say that there will be no answer."""
        if self._ends():
            await self._tell(lambda doc, now: budget.abandon(doc, now, self._number, self._rules))

    @asynccontextmanager
    async def renewed(self, hold: float) -> AsyncIterator[None]:
        """Let the call count for all of a long hold, but not after this process was killed."""
        if hold <= self._rules.lease:
            yield
            return
        failure: Exception | None = None  # raised outside of the task group, which would wrap it
        async with anyio.create_task_group() as group:
            group.start_soon(self._renew, hold)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised again below
                failure = error
            group.cancel_scope.cancel()
        try:
            if failure:
                raise failure
        finally:
            del failure  # or it would hold itself, by this frame

    async def _renew(self, hold: float) -> None:
        while self._open:
            await anyio.sleep(self._rules.lease / 4)
            await self._store.change(lambda doc, now: budget.renew(doc, now, self._number, hold, self._rules))

    def _ends(self) -> bool:
        """End it; whether it was open until now."""
        was_open, self._open = self._open, False
        self._store.under_way -= was_open
        return was_open

    async def _tell(self, decide: Callable[[ledger.SharedBudget, float], None]) -> None:
        await even_if_cancelled(self._store.change(decide), self._rules.nap)


class Pacer:
    """`async with pacer.slot(): ...` around one HTTP call."""

    def __init__(self, store: BudgetStore, rules: BudgetRules | None = None) -> None:
        self._store, self._rules = SettledCalls(store), rules or BudgetRules()
        self._divided = store if isinstance(store, DividedBudget) else None
        name = f"{os.getpid()}-{os.urandom(4).hex()}"  # process ids are used again
        self._lines = {lane: WaitingLine(self._store, f"{lane:d}{name}", self._allowed) for lane in Lane}

    @asynccontextmanager
    async def slot(
        self, lane: Lane = Lane.INTERACTIVE, *, on_wait: OnWait = ignore, hold: float | None = None
    ) -> AsyncIterator[Slot]:
        """Wait for permission to make one HTTP call; `hold` is for uploads, which arrive later than other calls."""
        wanted = self._rules.hold if hold is None else hold
        (slot,) = await self._enter(lane, on_wait, Waiter(min(wanted, self._rules.lease)))
        async with slot.calling(wanted):
            yield slot

    @asynccontextmanager
    async def pair(self, lane: Lane = Lane.INTERACTIVE, *, on_wait: OnWait = ignore) -> AsyncIterator[list[Slot]]:
        """Wait for permission to make two HTTP calls one behind the other, given back as far as they are not made.

        Granted at one moment: whoever held one and waited for another could wait for whoever does the same. Where a
        limit never has room for two there is only one.
        """
        count = min(2, budget.most_at_once(self._rules, lane))
        slots = await self._enter(lane, on_wait, Waiter(self._rules.lease, count))
        try:
            yield slots
        finally:
            for slot in slots:
                await slot.give_back()

    async def pause(self, seconds: float) -> None:
        """Let nobody on this key call for so long: it was refused for calls that others made."""
        await self._store.change(lambda doc, now: budget.pause(doc, now, self._rules, seconds))

    async def calls_left(self) -> int:
        """Say how many calls are left of the minute, for all processes on the key."""
        return await self._store.change(lambda doc, now: budget.calls_left(doc, now, self._allowed()))

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()

    async def _enter(self, lane: Lane, on_wait: OnWait, waiter: Waiter) -> list[Slot]:
        line, came = self._lines[lane], anyio.current_time()
        try:
            await line.pass_through(waiter, on_wait)
        except BaseException:
            await even_if_cancelled(line.leave(waiter), self._rules.nap)
            raise
        observed.count(observed.WAITED, anyio.current_time() - came, {observed.LANE: lane.name.lower()})
        return [Slot(self._store, self._rules, number, waiter.granted_at) for number in waiter.granted]

    def _allowed(self) -> BudgetRules:
        """What this process may take, as it is while the document is looked at."""
        return self._divided.allowed(self._rules) if self._divided else self._rules


async def even_if_cancelled(change: Awaitable[None], seconds: float = 2.0) -> None:
    """Tidy up, but do not hang on a store that does not answer: what is left undone, time undoes."""
    with anyio.move_on_after(seconds, shield=True):
        await change
