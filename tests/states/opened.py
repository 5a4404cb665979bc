"""A state file of an earlier version, and Flipsnack as it was when that file was made."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.account import Item
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.server.bench import KEY, NOW, SECRET, Assistant, Bench, LoopClock, Person, Witness
from tests.server.destructions import process
from tests.virtual_clock import StandingClock

HERE = Path(__file__).parent
MINUTE = 61.0
"""Seconds after which every process that was at work when the file was made counts as gone."""


@dataclass(frozen=True)
class Opened:
    """The file of one version, in a folder of its own, with the account it is about."""

    bench: Bench
    made: float
    account: str
    ids: dict[str, str]

    @asynccontextmanager
    async def process(self, person: Person | None = None, **settings: Any) -> AsyncIterator[Assistant]:
        """The next server of that person, a minute later, and an assistant that cannot ask unless a person is given."""
        async with process(self.bench, person, **settings) as assistant:
            yield assistant

    @property
    def in_a_terminal(self) -> SqliteStore:
        """The same file at the same time, for a command that runs no virtual loop."""
        return SqliteStore(self.bench.folder / "state.sqlite", StandingClock(self.made + MINUTE))

    def edit(self, statement: str) -> None:
        """Make or change the file as somebody could who has it on their disk."""
        with closing(sqlite3.connect(self.bench.folder / "state.sqlite")) as db:
            db.executescript(statement)

    def carried_out(self, action: str) -> list[dict[str, Any]]:
        """The parameters of what Flipsnack carried out since."""
        return [dict(one.params) for one in self.bench.sandbox.carried_out(action)]

    def titled(self, words: str) -> list[Any]:
        """The collections with these words in their titles, as they are now."""
        return [one for one in self.bench.sandbox.account.collections.values() if words in one.title]


def opened(version: str, folder: Path) -> Opened:
    """Lay out the file of a version as it was found, and its account."""
    told = json.loads((HERE / version / "account.json").read_text(encoding="utf-8"))
    clock = LoopClock()
    clock.advance(told["made"] + MINUTE - NOW)
    pace = Pace(calls_per_second=0, calls_per_minute=0)
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace, account="empty")
    bench = Bench(sandbox, clock, Witness(), "auto", folder)
    for one in told["collections"]:
        add(sandbox, **one)
    found = Opened(bench, told["made"], told["account"], told["ids"])
    found.edit((HERE / version / "state.sql").read_text(encoding="utf-8"))
    return found


def add(sandbox: Sandbox, *, published_at: float | None, flipbooks: dict[str, int], **facts: Any) -> None:
    """One collection, with the hashes it had."""
    collection = sandbox.account.add(collection_hash=facts.pop("hash"), **facts)
    collection.published_at = published_at
    collection.items = [
        Item(flipbook, collection.title, pages, collection.created_at) for flipbook, pages in flipbooks.items()
    ]
