"""One question for all who have it at the same time: however many ask at wrong addresses, the store is asked one after the other."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

HeardT = TypeVar("HeardT")


class Round(Generic[HeardT]):
    """One asking, and who waits for what comes of it."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.answer: HeardT | None = None


class AskedTogether(Generic[HeardT]):
    """Asks. Each gets an answer to a question that was asked after they came, so nobody is told what was true before."""

    def __init__(self, ask: Callable[[], Awaitable[HeardT]]) -> None:
        self._ask, self._turn = ask, anyio.Lock()
        self._coming: Round[HeardT] | None = None
        """The one that is not asked yet."""

    async def answer(self) -> HeardT:
        """The answer.

        Raises:
            TimeoutError: Who asked for all gave up.
        """
        joined = self._coming
        if joined is None:
            return await self._led(Round())
        await joined.over.wait()
        if joined.answer is None:
            raise TimeoutError
        return joined.answer

    async def _led(self, mine: Round[HeardT]) -> HeardT:
        self._coming = mine
        try:
            async with self._turn:
                self._coming = None
                mine.answer = await self._ask()
                return mine.answer
        finally:
            self._coming = None if self._coming is mine else self._coming
            mine.over.set()
