"""The store in one SQLite file, shared by all processes of a person."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from flipsnack_mcp.store.records import Records, T
from flipsnack_mcp.store.unusable import BusyError, StoreUnusable, held, no_sqlite

if TYPE_CHECKING:
    from flipsnack_mcp.store.database import Database, Synchronous

__all__ = ["SqliteStore", "StoreUnusable"]

PATIENCE = 20.0  # a transaction takes a millisecond: whoever has one for so long is stopped or hangs
LEFT_TO_PARENTS: list[object] = []  # connections made before a fork: kept, because a child must not even close them


class SqliteStore:
    """Keeps records in a file, opened at the first transaction.

    Transactions run on the event loop's thread, where they take about a millisecond: with no thread between commit and
    caller, no commit can be lost to a cancellation.
    """

    shared = True

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        *,
        synchronous: "Synchronous" = "NORMAL",
        patience: float | None = None,
    ) -> None:
        self._path, self._clock = path, clock
        self._synchronous, self._patience = synchronous, PATIENCE if patience is None else patience
        self._database: Database | None = None
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._turn = anyio.Lock()  # one task tries for the file: two hundred would race each other

    async def transact(self, work: Callable[[Records], T]) -> T:
        self._notice_fork()
        latest = anyio.current_time() + self._patience
        async with self._turn:
            while True:
                try:
                    return self._attempt(work)
                except BusyError:
                    if anyio.current_time() > latest:
                        raise held(self._path, self._patience) from None
                await anyio.sleep(random.uniform(0.002, 0.010))  # noqa: S311 - keeps processes out of step, no secret

    async def close(self) -> None:
        self._notice_fork()
        self._drop()

    def _attempt(self, work: Callable[[Records], T]) -> T:
        try:
            return self._opened().transact(work, self._clock)
        except StoreUnusable:
            self._drop()  # the person may have mended it when the next call comes
            raise

    def _opened(self) -> "Database":
        if self._database and self._database.lost():
            self._drop()
        self._database = self._database or self._open()
        return self._database

    def _open(self) -> "Database":
        try:
            from flipsnack_mcp.store.database import Database  # noqa: PLC0415 - sqlite3 only when something is stored
        except ImportError as error:
            raise no_sqlite() from error
        return Database(self._path, self._synchronous)

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database:
            database.close()

    def _notice_fork(self) -> None:
        if self._process != os.getpid():
            LEFT_TO_PARENTS.append(self._database)
            self._database = None
            self._start()
