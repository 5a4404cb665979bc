"""Records as rows of the state file: what one transaction sees of them, and the statements for it."""

# ruff: noqa: S608 - the statements are put together from constants

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from flipsnack_mcp.store.records import OUT_OF_TRANSACTION, Body
from flipsnack_mcp.store.upgrading import MOVED_TO

ALIVE = "(expires IS NULL OR expires > :now)"
GET = f"SELECT body FROM records WHERE kind = :kind AND name = :name AND {ALIVE}"
ALL = f"SELECT name, body FROM records WHERE kind = :kind AND {ALIVE} ORDER BY seq"
FORGET = f"DELETE FROM records WHERE kind = :kind AND name = :name AND NOT {ALIVE}"
PUT = """INSERT INTO records (kind, name, body, expires) VALUES (:kind, :name, :body, :now + :keep)
    ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, expires = excluded.expires"""
DELETE = "DELETE FROM records WHERE kind = :kind AND name = :name"
SWEEP = f"DELETE FROM records WHERE NOT {ALIVE}"
EVERY = f"SELECT kind, name, body, expires FROM records WHERE kind != '{MOVED_TO}' AND {ALIVE} ORDER BY seq"


class StateRow(NamedTuple):
    """One record as it stands in the file."""

    kind: str
    name: str
    body: str
    expires: float | None


class RowRecords:
    """What one transaction sees of the file."""

    def __init__(self, db: sqlite3.Connection, now: float, wall: float) -> None:
        self.now, self.wall = now, wall
        self.wrote = False
        self._db: sqlite3.Connection | None = db

    def get(self, kind: str, name: str) -> Body | None:
        text = self.text(kind, name)
        return None if text is None else read_body(text)

    def text(self, kind: str, name: str) -> str | None:
        """A body as it stands there."""
        rows = self._run(GET, kind=kind, name=name)
        return rows[0][0] if rows else None

    def several(self, kind: str, names: Iterable[str]) -> list[Body | None]:
        return [self.get(kind, name) for name in names]

    def put(self, kind: str, name: str, body: Body, *, keep: float | None = None) -> None:
        # In ASCII: half a surrogate pair in somebody's title must not make a record unwritable.
        self.put_text(kind, name, json.dumps(body, allow_nan=False, separators=(",", ":")), keep=keep)

    def put_text(self, kind: str, name: str, text: str, *, keep: float | None = None) -> None:
        """The same where the text is made already."""
        self.wrote = True
        self._run(FORGET, kind=kind, name=name)  # whoever comes back after its time stands at the end again
        self._run(PUT, kind=kind, name=name, body=text, keep=keep)

    def delete(self, kind: str, name: str) -> None:
        self.wrote = True
        self._run(DELETE, kind=kind, name=name)

    def all(self, kind: str) -> list[tuple[str, Body]]:
        return [(name, read_body(body)) for name, body in self._run(ALL, kind=kind)]

    def every(self) -> list[tuple[Any, ...]]:
        """All there is, of all kinds, as it stands in the file."""
        return self._run(EVERY)

    def end(self) -> None:
        self._db = None

    def _run(self, statement: str, **values: str | float | None) -> list[tuple[Any, ...]]:
        if self._db is None:
            raise RuntimeError(OUT_OF_TRANSACTION)
        return self._db.execute(statement, {**values, "now": self.now}).fetchall()


def read_body(body: str) -> Body:
    """Read a body, and tell one that somebody has edited from a mistake in the transaction's own code."""
    try:
        found: Body = json.loads(body)
    except (ValueError, RecursionError):
        raise sqlite3.DatabaseError("a record is not JSON") from None
    return found
