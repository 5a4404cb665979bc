"""What a test sees and does behind the back of a store in memory."""

import sqlite3

from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.store.upgrading import upgrade


def rows_of(store: MemoryStore) -> list[tuple[str, str, str]]:
    """Kind, name and body of all records, in the order first put."""
    return tables(store).execute("SELECT kind, name, body FROM records ORDER BY seq").fetchall()


def tables(store: MemoryStore) -> sqlite3.Connection:
    """The database itself, with its tables also before the first transaction."""
    db = store._opened()._db
    upgrade(db)
    return db
