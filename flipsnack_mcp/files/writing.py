"""What arrives is written in steps of a size that disks like, and hashed while the next of it comes in."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from anyio import current_time
from anyio.to_thread import run_sync

from flipsnack_mcp.files.beside import outcome, thread_for
from flipsnack_mcp.files.drafts import Draft

BATCH = 1024 * 1024  # of these two are in memory: one is hashed, one is gathered
PAUSE = 0.5  # seconds; a slow line fills no batch, but somebody may be watching its progress

Received = Callable[[int], Awaitable[None]]


class Writer:
    """Writes one draft, a batch at a time and in order.

    Nothing is taken in during a write: it goes into the system's memory and takes a tenth of a batch's time, and twice
    that where it has to ask for the interpreter's lock between two of its steps. What the line brings meanwhile waits
    in the socket. Hashing takes longer, holds no lock, and goes on beside the next batch.
    """

    def __init__(self, draft: Draft, thread: ThreadPoolExecutor, received: Received | None) -> None:
        self._draft = draft
        self._thread = thread
        self._received = received
        # Used again and again: new memory for every batch costs the system more than copying the pieces does.
        self._batch, self._spare = memoryview(bytearray(BATCH)), memoryview(bytearray(BATCH))
        self._filled = 0
        self._digest = hashlib.sha256()
        self._hashing: Future[None] | None = None
        self._due = 0.0

    @property
    def sha256(self) -> str:
        """Of all that was written, once that has ended well."""
        return self._digest.hexdigest()

    async def add(self, piece: bytes) -> None:
        """Takes a piece; raises what goes wrong with the disk."""
        left = memoryview(piece)
        while left:
            part = left[: BATCH - self._filled]
            left = left[len(part) :]
            self._batch[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == BATCH:
                await self._write()
        if current_time() >= self._due:
            await self._write()
            self._due = current_time() + PAUSE

    async def finish(self) -> None:
        """Returns when everything is written and hashed."""
        await self._write()
        await self._hashed()

    async def _write(self) -> None:
        if not self._filled:
            return
        batch = self._batch[: self._filled]
        await run_sync(self._draft.write, batch)
        await self._hashed()
        self._hashing = self._thread.submit(self._digest.update, batch)
        self._batch, self._spare, self._filled = self._spare, self._batch, 0
        if self._received is not None:
            await self._received(self._draft.size)

    async def _hashed(self) -> None:
        if self._hashing is not None:
            await outcome(self._hashing)


@asynccontextmanager
async def writing(draft: Draft, received: Received | None) -> AsyncIterator[Writer]:
    """Gives a writer, whose last batch is written when the context ends well."""
    with thread_for("package") as thread:
        writer = Writer(draft, thread, received)
        yield writer
        await writer.finish()
