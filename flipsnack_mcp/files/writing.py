"""What arrives is written while the next of it comes in: else network and disk would wait for each other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from anyio import current_time

from flipsnack_mcp.files.beside import outcome, thread_for
from flipsnack_mcp.files.drafts import Draft

BATCH = 1024 * 1024  # of these two are in memory: one is written, one is gathered
PAUSE = 0.5  # seconds; a slow line fills no batch, but somebody may be watching its progress

Received = Callable[[int], Awaitable[None]]


class Writer:
    """Writes one draft in a thread of its own, a batch at a time and in order.

    Nobody waits for a write when a transfer ends early: `Draft.discard` waits for the one under way, and one that
    comes after it does nothing. So not even a cancellation that goes through every shield leaves something behind.
    """

    def __init__(self, draft: Draft, thread: ThreadPoolExecutor, received: Received | None) -> None:
        self._draft = draft
        self._thread = thread
        self._received = received
        # Used again and again: new memory for every batch costs the system more than copying the pieces does.
        self._batch, self._spare = memoryview(bytearray(BATCH)), memoryview(bytearray(BATCH))
        self._filled = 0
        self._writing: Future[None] | None = None
        self._due = 0.0

    async def add(self, piece: bytes) -> None:
        """Takes a piece; raises what went wrong with an earlier one."""
        left = memoryview(piece)
        while left:
            part = left[: BATCH - self._filled]
            left = left[len(part) :]
            self._batch[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == BATCH:
                await self._begin()
        if current_time() >= self._due:
            await self.finish()

    async def finish(self) -> None:
        """Returns when everything is written."""
        await self._begin()
        await self._end()
        self._due = current_time() + PAUSE

    async def _begin(self) -> None:
        await self._end()
        if self._filled:
            self._writing = self._thread.submit(self._draft.write, self._batch[: self._filled])
            self._batch, self._spare, self._filled = self._spare, self._batch, 0

    async def _end(self) -> None:
        if self._writing is None:
            return
        await outcome(self._writing)
        self._writing = None
        if self._received is not None:
            await self._received(self._draft.size)


@asynccontextmanager
async def writing(draft: Draft, received: Received | None) -> AsyncIterator[Writer]:
    """Gives a writer, whose last batch is written when the context ends well."""
    with thread_for("package") as thread:
        writer = Writer(draft, thread, received)
        yield writer
        await writer.finish()
