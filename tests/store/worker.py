"""What a process of its own does with a file of the store, told and heard over a pipe."""

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import anyio

from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store.works import change_pair, increment

Pipe: TypeAlias = "Connection[Any, Any]"


async def count(store: SqliteStore, _: Pipe) -> None:
    for _number in range(100):
        await store.transact(increment)


async def once(store: SqliteStore, _: Pipe) -> None:
    await store.transact(increment)


async def pairs(store: SqliteStore, _: Pipe) -> None:
    while True:
        await store.transact(change_pair)


async def hold(store: SqliteStore, pipe: Pipe) -> None:
    """Stay in a transaction until told to end it."""

    def work(records: Records) -> None:
        increment(records)
        pipe.send("inside")
        pipe.recv()

    await store.transact(work)


async def half(store: SqliteStore, pipe: Pipe) -> None:
    """Be in the middle of a change so big that SQLite has already written some of it to the file."""

    def work(records: Records) -> None:
        for name in ("left", "more", "most"):
            records.put("pair", name, {"n": 2, "padding": "p" * 3_000_000})
        pipe.send("inside")
        pipe.recv()

    await store.transact(change_pair)
    await store.transact(work)


def begin(job: Callable[[SqliteStore, Pipe], Any], path: Path, pipe: Pipe) -> None:
    """Make a store, say so, and begin when told."""
    store = SqliteStore(path)
    pipe.send("ready")
    pipe.recv()
    anyio.run(job, store, pipe)
