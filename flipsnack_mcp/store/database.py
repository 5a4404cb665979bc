"""One open connection to the state file and its transactions. With `rows` and `upgrading` all that needs sqlite3."""

import math
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Literal, NamedTuple, TypeAlias

from flipsnack_mcp.store.clock import LONGEST_REST, Clock, Kept, Moment, gone_on, same_run
from flipsnack_mcp.store.permissions import close_to_others, make_file
from flipsnack_mcp.store.records import (
    BusyError,
    Records,
    T,
    damaged,
    gone_to_redis,
    inaccessible,
    newer,
    note_records,
)
from flipsnack_mcp.store.rows import SWEEP, RowRecords, StateRow
from flipsnack_mcp.store.upgrading import (
    GIVEN_UP,
    MOVED_TO,
    STEPS,
    TRACES,
    MovedError,
    NewerVersionError,
    left_before,
    upgrade,
)

# NORMAL: the journal of uploads must come out of a crash of the machine undamaged, or a document is uploaded twice.
# OFF: for what is worth nothing after one, such as the request budget.
Synchronous: TypeAlias = Literal["NORMAL", "OFF"]
SWEEP_EVERY = 60.0
# ERROR: our statements fit our tables. None: Python found text that is no text.
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR, None}
CLOCK = "SELECT now, wall, ran, run FROM clock"
PUT_CLOCK = "INSERT OR REPLACE INTO clock (one, now, wall, ran, run) VALUES (0, ?, ?, ?, ?)"


class Everything(NamedTuple):
    """All records of a file that live, in the order in which they were first put, at one moment of the store's time."""

    token: str
    """By which they are known again where they arrive."""
    now: float
    rows: list[StateRow]


class Database:
    """A connection to a file, or to the memory of this process where the path is SQLite's name for that."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._path, self._in_file = path, str(path) != ":memory:"
        self._swept = -math.inf
        if self._in_file:
            make_file(path)
            close_to_others(path)
        # rw: SQLite itself never makes the file.
        address = address_of_file(path.absolute()) if self._in_file else str(path)
        with explained(path):
            self._db = open_connection(address, synchronous)
        # Closed after the last who holds it: one in memory is closed by nobody, and Python 3.13 warns of what is left open.
        weakref.finalize(self, self._db.close).atexit = False
        self._file = identity(path)

    def lost(self) -> bool:
        """Tell whether the file was deleted or replaced underneath, by a person tidying up."""
        return self._in_file and (self._file is None or identity(self._path) != self._file)

    def transact(self, work: Callable[[Records], T], clock: Clock) -> T:
        """Run `work` once in a transaction, or raise BusyError before it has begun."""
        with explained(self._path), self._transaction():
            upgrade(self._db)
            records, kept = self._records_at(clock())
            try:
                result = work(records)
                self._sweep(records)
                if kept and records.wrote:
                    self._db.execute(PUT_CLOCK, (kept.now, *kept.shown))
            except Exception as error:
                note_records(error)
                raise
            finally:
                records.end()
        return result

    def _records_at(self, shown: Moment | float) -> tuple[RowRecords, Kept | None]:
        """The records at this moment of the store's time, which is to be written down beside them where it is kept."""
        if not isinstance(shown, Moment):
            return RowRecords(self._db, shown, shown), None
        last = last_kept(self._db)
        kept = gone_on(last, shown) if last else Kept(min(shown.wall, latest_trace(self._db) + LONGEST_REST), shown)
        records = RowRecords(self._db, kept.now, shown.wall)
        # Written down although nothing else is: what this step goes by may be set back before the next.
        records.wrote = last is None or not same_run(last.shown, shown) or kept.now - last.now >= LONGEST_REST
        return records, kept

    def leave(self, where: str, token: str, clock: Clock) -> Everything:
        """Give all that is in the file, with which no process goes on from now; the same once more, if need be."""
        with explained(self._path), self._transaction():
            token = left_before(self._db, where) or token
            records, kept = self._records_at(clock())
            every = Everything(token, records.now, [StateRow(*row) for row in records.every()])
            self._db.execute(
                "INSERT OR IGNORE INTO records (kind, name, body) VALUES (?, ?, ?)", [MOVED_TO, where, token]
            )
            self._db.execute(f"PRAGMA user_version = {GIVEN_UP}")
            if kept:
                self._db.execute(PUT_CLOCK, (kept.now, *kept.shown))
        return every

    def stay(self) -> None:
        """Take that back: its records got nowhere."""
        with explained(self._path), self._transaction():
            self._db.execute("DELETE FROM records WHERE kind = ?", [MOVED_TO])
            self._db.execute(f"PRAGMA user_version = {len(STEPS)}")

    def write_anew(self) -> None:
        """Leave nothing of what was deleted in the file, nor in one that stands beside it."""
        with explained(self._path):
            self._db.execute("VACUUM")
            # Somebody may have chosen that journal for the file: it would go on holding what it was written over.
            ((busy, *_),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise BusyError

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # Not IMMEDIATE: that lets a reader in (a backup, a stopped process), for whom COMMIT would have to wait, with
        # `work` already run. Not plain BEGIN: a read lock that becomes a write lock fails at once.
        self._db.execute("BEGIN EXCLUSIVE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            raise

    def _sweep(self, records: RowRecords) -> None:
        if records.wrote and abs(records.now - self._swept) >= SWEEP_EVERY:  # abs: the clock may have been set back
            self._swept = records.now
            self._db.execute(SWEEP, {"now": records.now})


def address_of_file(path: PurePath) -> str:
    """How SQLite is told of a file. One on a share has its machine in the path: before it SQLite takes none."""
    address = path.as_uri()
    return f"{address if address.startswith('file:///') else address.replace('//', '////', 1)}?mode=rw"


def last_kept(db: sqlite3.Connection) -> Kept | None:
    """The store's time as it was written down last."""
    row = db.execute(CLOCK).fetchone()
    return Kept(row[0], Moment(*row[1:])) if row else None


def latest_trace(db: sqlite3.Connection) -> float:
    """The latest time in the records of a version that kept none; later than all where there is none."""
    found = db.execute(TRACES).fetchone()[0]
    return float(found) if found else math.inf


def open_connection(address: str, synchronous: Synchronous) -> sqlite3.Connection:
    # No timeout: SQLite would wait by stopping the thread, and with it everything in this process; our caller waits.
    # The default journal: switching to WAL on open is a race.
    # In whatever thread is found that nobody holds it any more, there it is closed.
    db = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA synchronous = {synchronous}")
        # What is changed twice for each call keeps its journal, instead of having it made and removed each time.
        if synchronous == "OFF":
            db.execute("PRAGMA journal_mode = PERSIST")
        else:  # what ended or was deleted lies nowhere in the file, nor in what SQLite writes it anew from
            db.execute("PRAGMA secure_delete = ON")
            db.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        db.close()
        raise
    return db


def identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Put into a person's words what SQLite and the operating system say about the file."""
    try:
        yield
    except NewerVersionError:
        raise newer(path) from None
    except MovedError as error:
        raise gone_to_redis(path, str(error)) from None
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise  # a mistake of ours
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def meaning(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # the other bits say more than a person needs
    if primary == sqlite3.SQLITE_BUSY:
        return BusyError()
    if primary in DAMAGE:
        return damaged(path, str(error))
    return inaccessible(path, "it is a folder" if os.path.isdir(path) else str(error))  # noqa: PTH112 - that of Path can raise
