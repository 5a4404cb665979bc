"""The store on SQLite: one file, shared by all processes of a person, or the memory of one process."""

import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from typing_extensions import override

from flipsnack_mcp.store.clock import Clock, moment
from flipsnack_mcp.store.records import BusyError, Records, StoreUnusable, T, held, no_sqlite

if TYPE_CHECKING:
    from flipsnack_mcp.store.database import Database, Synchronous

PATIENCE = 20.0  # a transaction takes a millisecond: whoever has one for so long is stopped or hangs
PART_LEFT, SPENT_FOR = 0.05, 60.0
"""Which part of it is left, and for how many seconds, once it ran out: a call has several transactions, and 45 seconds."""


class SqliteStore:
    """Keeps records in a file, opened at the first transaction.

    Transactions run on the event loop's thread, where they take about a millisecond: with no thread between commit and
    caller, no commit can be lost to a cancellation. Make the store after a fork, not before one: SQLite's locks do not
    survive it (https://sqlite.org/howtocorrupt.html).
    """

    shared = True

    def __init__(
        self,
        path: Path,
        clock: Clock = moment,
        *,
        synchronous: "Synchronous" = "NORMAL",
        patience: float = PATIENCE,
    ) -> None:
        self._path, self._clock = path, clock
        self._synchronous, self._patience = synchronous, patience
        self._process = os.getpid()
        self._held_at = -math.inf
        # One task tries for the file: two hundred would race each other. Where the document of a budget is free, nobody is
        # held up for a turn of the event loop, in which others would come, each of whom looks at it once more.
        self._turn = anyio.Lock(fast_acquire=synchronous == "OFF")
        self._database: Database | None = None

    async def transact(self, work: Callable[[Records], T]) -> T:
        return await self._in_turn(lambda database: database.transact(work, self._clock))

    async def purge(self) -> tuple[str, ...]:
        """Write the file anew, without what was deleted."""
        await self._in_turn(lambda database: database.write_anew())
        return ()

    async def _in_turn(self, step: "Callable[[Database], T]") -> T:
        if self._process != os.getpid():
            raise RuntimeError("a store cannot be used on both sides of a fork: make a new one in the child")
        began = anyio.current_time()
        latest = began + self._patience * (PART_LEFT if began - self._held_at < SPENT_FOR else 1)
        async with self._turn:
            while True:
                try:
                    done = self._attempt(step)
                except BusyError:
                    if (now := anyio.current_time()) > latest:
                        self._held_at = now
                        raise held(self._path, self._patience) from None
                else:
                    self._held_at = -math.inf
                    return done
                await anyio.sleep(random.uniform(0.002, 0.010))  # noqa: S311 - keeps processes out of step, no secret

    async def attend(self) -> None:
        """Nobody has to know of it: the file has its locks."""

    async def close(self) -> None:
        self._drop()

    def _attempt(self, step: "Callable[[Database], T]") -> T:
        try:
            return step(self._opened())
        except StoreUnusable:
            self._drop()  # the person may have mended it when the next call comes
            raise

    def _opened(self) -> "Database":
        if self._database and self._database.lost():
            self._drop()
        if self._database is None:
            try:
                from flipsnack_mcp.store.database import Database  # noqa: PLC0415 - sqlite3 only when something is stored
            except ImportError as error:
                raise no_sqlite() from error
            self._database = Database(self._path, self._synchronous)
        return self._database

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database:
            database.close()


class MemoryStore(SqliteStore):
    """Keeps records as long as the process lives: for tests, and for who wants no file."""

    shared = False

    def __init__(self, clock: Clock = moment) -> None:
        super().__init__(Path(":memory:"), clock)  # SQLite's own name for a database without a file

    @override
    async def close(self) -> None:
        """Keep everything: there is no file to let go of."""
