"""A process that uses a file of the store: `python -m tests.store.worker WHAT PATH`. Says "ready", begins at a line of input."""

import os
import sys
from pathlib import Path

import anyio

from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.shared_document import SharedDocument
from flipsnack_mcp.store.sqlite import LEFT_TO_PARENTS, SqliteStore
from tests.store.works import Tally, add_one, change_pair, increment, is_tally


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def count(store: SqliteStore) -> None:
    for _ in range(200):
        await store.transact(increment)


async def once(store: SqliteStore) -> None:
    await store.transact(increment)


async def pairs(store: SqliteStore) -> None:
    while True:
        await store.transact(change_pair)


async def hold(store: SqliteStore) -> None:
    """Stay in a transaction until told to end it."""

    def work(records: Records) -> None:
        increment(records)
        say("inside")
        sys.stdin.readline()

    await store.transact(work)


async def half(store: SqliteStore) -> None:
    """Be in the middle of a change so big that SQLite has already written some of it to the file."""

    def work(records: Records) -> None:
        for name in ("left", "more", "most"):
            records.put("pair", name, {"n": 2, "padding": "p" * 3_000_000})
        say("inside")
        sys.stdin.readline()

    await store.transact(change_pair)
    await store.transact(work)


async def add(document: SharedDocument[Tally]) -> None:
    for _ in range(200):
        await document.change(add_one)


async def go_on_adding(document: SharedDocument[Tally]) -> None:
    while True:
        await document.change(add_one)


async def stay(document: SharedDocument[Tally]) -> None:
    """Stay in a change until told to end it."""

    def decide(tally: Tally, now: float) -> None:
        add_one(tally, now)
        say("inside")
        sys.stdin.readline()

    await document.change(decide)


def fork_document(document: SharedDocument[Tally]) -> None:
    """Use one document on both sides of a fork."""
    anyio.run(document.change, add_one)
    child = os.fork()
    for _ in range(50):
        anyio.run(document.change, add_one)
    if not child:
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def fork(store: SqliteStore) -> None:
    """Use one store on both sides of a fork: the child must leave its parent's connection alone, and open."""
    anyio.run(store.transact, increment)
    inherited = store._database
    child = os.fork()
    for _ in range(50):
        anyio.run(store.transact, increment)
    if not child:
        os._exit(store._database is inherited or inherited not in LEFT_TO_PARENTS)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    what, store = sys.argv[1], SqliteStore(Path(sys.argv[2]))
    document = SharedDocument(Path(sys.argv[2]), Tally(n=0), is_tally)
    say("ready")
    sys.stdin.readline()
    if what == "fork":
        fork(store)
    elif what == "fork document":
        fork_document(document)
    elif what in {"add", "go on adding", "stay"}:
        anyio.run({"add": add, "go on adding": go_on_adding, "stay": stay}[what], document)
    else:
        anyio.run({"count": count, "once": once, "pairs": pairs, "hold": hold, "half": half}[what], store)
