"""Who of this process waits for the budget in one lane: one of them looks, for all who can go at the same moment."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

import anyio
import anyio.lowlevel

from flipsnack_mcp.api import budget
from flipsnack_mcp.api.budget import BudgetRules, SlotRequest, Wait
from flipsnack_mcp.api.counting import ledger
from flipsnack_mcp.api.counting.settled_calls import SettledCalls

OnWait: TypeAlias = Callable[[Wait], Awaitable[None]]  # told in how many seconds the call will go out, and who shares


@dataclass(eq=False)
class Waiter:
    """One caller: how long its call may be on its way, how many it makes, and the numbers of what it was granted."""

    hold: float
    places: int = 1
    granted: range = range(0)
    granted_at: float = 0
    """It was granted then or later, on anyio's clock: a store may take its time to say so."""
    called: anyio.Event = field(default_factory=anyio.Event)
    """It was granted, or it is its turn to look."""
    occupied: bool = False
    """It would not make a call that it is granted now: it is told how long it has to wait."""


class WaitingLine:
    """The waiters of one lane, in the order they came. One looks, the first: two hundred would race each other."""

    def __init__(self, store: SettledCalls, who: str, allowed: Callable[[], BudgetRules]) -> None:
        self._store, self._who, self._allowed = store, who, allowed
        self._waiters: list[Waiter] = []
        self._looking: Waiter | None = None
        self._first_look: anyio.Event | None = None  # it is not known yet whether the one that looks has to wait

    async def pass_through(self, waiter: Waiter, on_wait: OnWait) -> None:
        """Wait until this one is granted what it wants."""
        self._waiters.append(waiter)
        if not self._looking:
            self._call_next()
        try:
            await self._called(waiter, on_wait)
            while not waiter.granted:  # what was granted may have been another's, who is before this one
                if wait := await self._look(waiter):
                    wake = anyio.current_time() + wait.sleep  # fixed before the report, which may take its time
                    await on_wait(wait)
                    await anyio.sleep_until(wake)
        finally:
            self._drop(waiter)
            if self._looking is waiter:
                self._call_next()

    async def leave(self, waiter: Waiter) -> None:
        """Note that this one, which has gone, waits no longer and makes no call."""
        self._store.return_unused(waiter.granted)
        await self._store.change(lambda doc, _: budget.leave(doc, self._who, len(self._waiters)))

    async def _called(self, waiter: Waiter, on_wait: OnWait) -> None:
        """Wait for one's turn. If it does not come with the look that is under way, it is told when it will."""
        while self._first_look and not waiter.called.is_set():
            await self._first_look.wait()
        if not waiter.called.is_set():
            waiter.occupied = True
            if isinstance(wait := await self._forecast(waiter), Wait):
                await on_wait(wait)
            waiter.occupied = False
            if not self._looking:
                self._call_next()
            await waiter.called.wait()

    def _call_next(self) -> None:
        self._looked()
        self._looking = next(iter(unoccupied(self._waiters)), None)
        if self._looking:
            self._first_look = anyio.Event()
            self._looking.called.set()

    def _looked(self) -> None:
        if self._first_look:
            self._first_look.set()
        self._first_look = None

    def _drop(self, waiter: Waiter) -> bool:
        """Take one out of the line, unless it has gone."""
        waits = waiter in self._waiters
        if waits:
            self._waiters.remove(waiter)
        return waits

    async def _forecast(self, waiter: Waiter) -> range | Wait:
        ahead = self._waiters.index(waiter)
        request = SlotRequest(self._who, len(self._waiters), ahead, waiter.hold, grant=False, places=waiter.places)
        return await self._store.change(lambda doc, now: budget.ask(doc, now, self._allowed(), request))

    async def _look(self, looking: Waiter) -> Wait | None:
        """Look for the first in line and who can go with it: they get their numbers, or all have to wait."""
        await anyio.lowlevel.checkpoint()  # who comes in the same turn of the event loop comes along
        began = anyio.current_time()
        group, answer = await self._store.change(lambda doc, now: self._asked(doc, now, looking))
        self._looked()
        if isinstance(answer, Wait):
            return answer
        for waiter, numbers in zip(group, apportioned(answer, group[0].places), strict=False):
            waiter.granted, waiter.granted_at = numbers, began
            waiter.called.set()
            if not self._drop(waiter):  # it gave up while it was looked for
                self._store.return_unused(numbers)
        return None

    def _asked(self, doc: ledger.SharedBudget, now: float, looking: Waiter) -> tuple[list[Waiter], range | Wait]:
        group, ahead = foremost(self._waiters), self._waiters.index(looking)
        first = group[0]
        request = SlotRequest(
            self._who, len(self._waiters), ahead, first.hold, grant=True, places=first.places, together=len(group)
        )
        return group, budget.ask(doc, now, self._allowed(), request)


def foremost(waiters: list[Waiter]) -> list[Waiter]:
    """The first in line, and who wants the same behind it."""
    first, *others = unoccupied(waiters)
    return [first, *takewhile(lambda one: (one.hold, one.places) == (first.hold, first.places), others)]


def unoccupied(waiters: list[Waiter]) -> list[Waiter]:
    return [one for one in waiters if not one.occupied]


def apportioned(numbers: range, each: int) -> Iterator[range]:
    """The numbers of granted calls, for callers who make so many each."""
    return (numbers[at : at + each] for at in range(0, len(numbers), each))
