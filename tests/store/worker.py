"""Processes of their own on a file of the store: what each does, told and heard over a pipe, and how they begin together."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import anyio

from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store.works import change_pair, increment

Pipe: TypeAlias = "Connection[Any, Any]"
# Forked from a process that has already imported everything and opened nothing: a start takes milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])


async def count(store: SqliteStore, _: Pipe) -> None:
    for _number in range(100):
        await store.transact(increment)


async def once(store: SqliteStore, _: Pipe) -> None:
    await store.transact(increment)


async def pairs(store: SqliteStore, pipe: Pipe) -> None:
    await store.transact(change_pair)
    pipe.send("at work")
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


class Worker:
    def __init__(self, job: Callable[..., Any], path: Path) -> None:
        self._pipe, theirs = processes.Pipe()
        self.process = processes.Process(target=begin, args=(job, path, theirs))
        self.process.start()
        theirs.close()

    def hears(self, word: str) -> None:
        assert self._pipe.recv() == word

    def go(self) -> None:
        self._pipe.send("go")

    def killed(self) -> None:
        self.process.kill()
        self.process.join()

    def ended(self) -> int | None:
        self.process.join(60)
        return self.process.exitcode


@contextmanager
def workers(number: int, job: Callable[..., Any], path: Path) -> Iterator[list[Worker]]:
    """Start so many, ready to go; whoever still runs at the end is killed."""
    all_of_them = [Worker(job, path) for _ in range(number)]
    try:
        for one in all_of_them:
            one.hears("ready")
        yield all_of_them
    finally:
        for one in all_of_them:
            one.killed()
