"""One small document that the processes of a person change in turn, in a file of its own.

Not a record of the state file: it changes several times a second, it need not survive a crash of the machine, and
whatever becomes of its file, work goes on.
"""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, cast

from flipsnack_mcp.store.document_text import DocumentT, Fits, LastSeen, document_as_text
from flipsnack_mcp.store.records import Records, StoreUnusable, T
from flipsnack_mcp.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from flipsnack_mcp.store.rows import RowRecords

log = logging.getLogger(__name__)

PATIENCE_WITH_DOCUMENT = 5.0  # shorter than for the state file: there is a way on without it
QUIET = 120.0  # by then what was changed without the file counts for nothing
DOCUMENT_RECORD = "document", "one"


class SharedDocument(Generic[DocumentT]):
    """Keeps a document in a file, or, where that cannot be used, goes on alone with what it last saw."""

    def __init__(
        self, path: Path, first: DocumentT, fits: Fits[DocumentT], clock: Callable[[], float] = time.monotonic
    ) -> None:
        # One clock for all processes of the machine, which nobody sets back or forward.
        self._file = SqliteStore(path, clock, synchronous="OFF", patience=PATIENCE_WITH_DOCUMENT)
        self._clock, self._seen = clock, LastSeen(first, fits)
        self._used_alone = -math.inf
        self._warned = False

    async def change(self, decide: Callable[[DocumentT, float], T]) -> T:
        """Run `decide`, which is plain code without await, on the document and the time, with no other process between."""
        if self._clock() - self._used_alone < QUIET:
            return self._alone(decide)
        try:
            answer, document, text = await self._file.transact(lambda records: self._turn(records, decide))
        except StoreUnusable as error:
            self._warn(error)
            return self._alone(decide)
        self._seen.keep(document, text)
        return answer

    async def close(self) -> None:
        """Let go of the file. A later change opens it again."""
        await self._file.close()

    def _turn(self, records: Records, decide: Callable[[DocumentT, float], T]) -> tuple[T, DocumentT, str]:
        rows = cast("RowRecords", records)
        was = read_document(rows)
        found = self._seen.found(was)
        document = self._seen.lent() if found is None else found
        answer = decide(document, records.now)
        text = document_as_text(document)
        if text != was:
            rows.put_text(*DOCUMENT_RECORD, text)
        return answer, document, text

    def _alone(self, decide: Callable[[DocumentT, float], T]) -> T:
        self._used_alone = self._clock()
        return self._seen.change(decide, self._used_alone)

    def _warn(self, error: StoreUnusable) -> None:
        if not self._warned:
            log.warning("the request budget is not shared with other processes: %s", error.happened)
        self._warned = True


def read_document(rows: "RowRecords") -> str | None:
    """Read the document's text; one that cannot be read is none. If it is the file, writing fails as well."""
    import sqlite3  # noqa: PLC0415 - whoever has records has it

    try:
        return rows.text(*DOCUMENT_RECORD)
    except sqlite3.DatabaseError:
        return None
