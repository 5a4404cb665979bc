"""The tables of the state file, as the steps that lead from each version to the next."""

import sqlite3
from typing import Final

# What is listed here has been on people's disks: add steps, never change one.
STEPS: Final = (
    # seq keeps the order in which records were first put
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, name))",
    "ALTER TABLE records ADD COLUMN expires REAL",
)


class NewerVersionError(Exception):
    """A later version of this program made the file."""


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the file up to date, as a part of the transaction it is called in: of two processes the second finds it done."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version == len(STEPS):
        return
    if version > len(STEPS):
        raise NewerVersionError
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it holds other tables")  # of another program: keep out
    for step in STEPS[version:]:
        db.execute(step)
    db.execute(f"PRAGMA user_version = {len(STEPS)}")
