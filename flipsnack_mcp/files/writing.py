"""What arrives is hashed as it comes, and written a batch at a time while the next one comes in."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from anyio import current_time

from flipsnack_mcp.files.beside import outcome, thread_for
from flipsnack_mcp.files.drafts import Draft

BATCH = 4 * 1024 * 1024  # of these two are in memory: one is gathered, one is written
PAUSE = 0.5  # seconds; a slow line fills no batch, but somebody may be watching its progress

Received = Callable[[int], Awaitable[None]]


class Writer:
    """Writes one draft, a batch at a time and in order, each in a thread beside the next.

    Hashing stays with the event loop. It takes a fifth of a millisecond for the largest piece, which is in the
    processor's cache then, and holds no lock of the interpreter: in that time the thread gets on with its writing.
    """

    def __init__(self, draft: Draft, thread: ThreadPoolExecutor, received: Received | None) -> None:
        self._draft = draft
        self._thread = thread
        self._received = received
        # Used again and again: new memory for every batch costs the system more than copying the pieces does.
        self._batch, self._spare = memoryview(bytearray(BATCH)), memoryview(bytearray(BATCH))
        self._filled = 0
        self._digest = hashlib.sha256()
        self._writing: Future[None] | None = None
        self._due = 0.0

    @property
    def sha256(self) -> str:
        """Of all that was written, once that has ended well."""
        return self._digest.hexdigest()

    async def add(self, piece: bytes) -> None:
        """Takes a piece; raises what goes wrong with the disk, be it with the batch before."""
        self._digest.update(piece)
        left = memoryview(piece)
        while left:
            part = left[: BATCH - self._filled]
            left = left[len(part) :]
            self._batch[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == BATCH:
                await self._write()
        if current_time() >= self._due:
            await self.finish()
            self._due = current_time() + PAUSE

    async def finish(self) -> None:
        """Returns when everything that was added is written."""
        await self._write()
        await self._written()

    async def _write(self) -> None:
        if not self._filled:
            return
        await self._written()
        self._writing = self._thread.submit(self._draft.write, self._batch[: self._filled])
        self._batch, self._spare, self._filled = self._spare, self._batch, 0

    async def _written(self) -> None:
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
