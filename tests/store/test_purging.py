"""What was deleted leaves no trace in a file, and a file that is in use is waited for."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flipsnack_mcp.store.records import Records, Store, StoreUnusable
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.virtual_clock import StandingClock


def some(records: Records) -> None:
    for number in range(100):
        records.put("kind", f"{number}", {"text": f"CANARY {number}" * 200})


def fewer(records: Records) -> None:
    for number in range(99):
        records.delete("kind", f"{number}")
    records.put("kind", "99", {"text": "short"})


def held_by(path: Path) -> bytes:
    return path.read_bytes()


async def test_of_what_was_deleted_or_replaced_no_byte_is_in_the_file(file: SqliteStore, path: Path) -> None:
    await file.transact(some)
    before = held_by(path)
    await file.transact(fewer)
    assert await file.purge() == ()
    assert b"CANARY" not in held_by(path)
    assert len(held_by(path)) < len(before) / 4
    assert await file.transact(lambda records: records.all("kind")) == [("99", {"text": "short"})]


async def test_all_forms_keep_what_is_there(store: Store) -> None:
    await store.transact(lambda records: records.put("kind", "a", {"text": "stays"}))
    await store.purge()  # type: ignore[attr-defined]  # the three are opened stores
    assert await store.transact(lambda records: records.get("kind", "a")) == {"text": "stays"}


async def test_a_file_that_another_process_holds_is_waited_for(path: Path, clock: StandingClock) -> None:
    store = SqliteStore(path, clock, patience=0.1)
    await store.transact(some)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnusable, match="Another process has held the state file"):
            await store.purge()
        other.execute("COMMIT")
    assert await store.purge() == ()
    await store.close()
