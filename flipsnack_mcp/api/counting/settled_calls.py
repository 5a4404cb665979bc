"""Answers that are told to the other processes with the next look at the budget: it is changed once for a call, not twice."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import anyio

from flipsnack_mcp.api import budget
from flipsnack_mcp.api.counting import ledger

AnswerT = TypeVar("AnswerT")


class BudgetStore(Protocol):
    """Keeps the document of one key and lets one process at a time change it."""

    async def change(self, decide: Callable[[ledger.SharedBudget, float], AnswerT]) -> AnswerT:
        """Atomically read the document and the clock, let `decide` change the document, and write it."""

    async def close(self) -> None:
        """Let go of what is open. A later change opens it again."""


class SettledCalls:
    """The budget's store, with what came in since it was changed last. Whoever has the last call under way changes it at once.

    Until it is told, a call counts as one that is still on its way, so nobody else goes too early.
    """

    def __init__(self, store: BudgetStore) -> None:
        self._store = store
        self._untold: dict[int, float] = {}
        self._unused: set[int] = set()
        self.under_way = 0
        """Calls of this process that may still go out, or be answered."""

    def note(self, number: int) -> None:
        """The headers of this call's answer came now; it is told with the next change."""
        self._untold[number] = anyio.current_time()

    def return_unused(self, numbers: Iterable[int]) -> None:
        """These calls will not be made; it is told with the next change."""
        self._unused.update(numbers)

    async def change(self, decide: Callable[[ledger.SharedBudget, float], AnswerT]) -> AnswerT:
        """Change the document, first by what is not told yet."""
        here, untold, unused = anyio.current_time(), tuple(self._untold.items()), tuple(self._unused)

        def tell_and_decide(doc: ledger.SharedBudget, now: float) -> AnswerT:
            for number, came in untold:
                budget.settle(doc, now - (here - came), number)
            for number in unused:
                budget.give_back(doc, number)
            return decide(doc, now)

        answer = await self._store.change(tell_and_decide)
        for number, _ in untold:
            self._untold.pop(number, None)
        self._unused.difference_update(unused)
        return answer

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()
