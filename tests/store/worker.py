"""Processes of their own on a file of the store, or on Redis: what each does, told and heard over a pipe, and how they begin together."""

import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import redis.asyncio  # noqa: F401 - with all else, before the processes are made

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import Records, Store, StoreUnusable
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store.works import change_pair, increment, pair

Pipe: TypeAlias = "Connection[Any, Any]"
# Forked from a process that has already imported everything and opened nothing: a start takes milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])


async def count(store: Store, _: Pipe) -> None:
    for _number in range(100):
        await store.transact(increment)


async def once(store: Store, _: Pipe) -> None:
    await store.transact(increment)


async def pairs(store: Store, pipe: Pipe) -> None:
    await store.transact(change_pair)
    pipe.send("at work")
    while True:
        await store.transact(change_pair)


async def told_pairs(store: Store, pipe: Pipe) -> None:
    """The same, whatever becomes of the server; each that was kept is told."""
    while True:
        try:
            await store.transact(change_pair)
        except StoreUnusable:
            continue
        pipe.send("kept")


async def hold(store: Store, pipe: Pipe) -> None:
    """Stay in a transaction until told to end it."""

    def work(records: Records) -> None:
        increment(records)
        pipe.send("inside")
        pipe.recv()

    await store.transact(work)


async def half(store: Store, pipe: Pipe) -> None:
    """Be in the middle of a change so big that SQLite has already written some of it to the file."""

    def work(records: Records) -> None:
        for name in ("left", "more", "most"):
            records.put("pair", name, {"n": 2, "padding": "p" * 3_000_000})
        pipe.send("inside")
        pipe.recv()

    await store.transact(change_pair)
    await store.transact(work)


def begin(job: Callable[[Store, Pipe], Any], place: Path | str, pipe: Pipe) -> None:
    """Make a store, say so, and begin when told."""
    store: Store = SqliteStore(place) if isinstance(place, Path) else RedisStore(redis_address(place))
    pipe.send("ready")
    pipe.recv()
    anyio.run(job, store, pipe)


class Worker:
    def __init__(self, job: Callable[..., Any], place: Path | str) -> None:
        self._pipe, theirs = processes.Pipe()
        self.process = processes.Process(target=begin, args=(job, place, theirs))
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
def workers(number: int, job: Callable[..., Any], place: Path | str) -> Iterator[list[Worker]]:
    """Start so many, ready to go; whoever still runs at the end is killed."""
    all_of_them = [Worker(job, place) for _ in range(number)]
    try:
        for one in all_of_them:
            one.hears("ready")
        yield all_of_them
    finally:
        for one in all_of_them:
            one.killed()


async def killed_while_writing(place: Path | str, store: Store) -> None:
    """Four write pairs until each is killed, after which no pair may be half written."""
    with workers(4, pairs, place) as writing:
        for one in writing:
            one.go()
            one.hears("at work")
        for one in writing:
            await anyio.sleep(random.uniform(0.001, 0.05))  # noqa: S311 - no secret
            one.process.kill()
            left, right = await store.transact(pair)
            assert left == right
