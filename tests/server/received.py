"""Leads as Flipsnack's webhook brings them, in the store of a server that receives them; and who may read which."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flipsnack_mcp.server.callers.caller import CALLER, EVERY_RIGHT, Caller, Right
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.leads.keeping import keep
from tests.server.bench import Assistant, Bench, Given, Said

DAY = 86_400.0
ANNA: Given = {"name": "Anna Sandström", "email": "anna@example.com", "message": "Please call after 5 pm"}


def form(flipbook: str, number: int = 0, title: str = "Summer catalogue 2026", /, **fields: object) -> Given:
    """A filled-in contact form, as it is documented; no two numbers are the same lead."""
    told = {"type": "contact", "timestamp": 1_790_000_000 + number, "datetime": f"2026-09-21 10:00:{number % 60:02}"}
    return {**told, "flipbook_hash": flipbook, "flipbook_title": title, "data": fields or ANNA}


def order(flipbook: str, number: int = 0, /, **more: object) -> Given:
    """An order, whose shape is documented nowhere."""
    told = {"type": "order", "timestamp": 1_790_000_000 + number, "flipbook_hash": flipbook, "flipbook_title": "Shop"}
    return {**told, "customer": {"email": "bob@example.org"}, "total": 12.5, **more}


@dataclass
class Receiving:
    """A server that receives leads, and what it has received."""

    bench: Bench
    store: MemoryStore

    async def got(self, *bodies: Given, days_ago: float = 0, account: str = "", days: int = 90) -> None:
        """Receive them, one second after the other."""
        whose, at = account or self.bench.settings.account, self.bench.clock() - days_ago * DAY
        for number, body in enumerate(bodies):
            await keep(self.store, whose, body, at + number, days)

    @asynccontextmanager
    async def assistant(self, *lacks: Right, **settings: Any) -> AsyncIterator[Assistant]:
        """One of somebody who has all rights but these."""
        with calling(frozenset(EVERY_RIGHT - {*lacks})):
            server = self.bench.server(self.store, **{"leads": True, **settings})
            async with self.bench.assistant(server=server) as assistant:
                yield assistant

    async def call(self, tool: str, *lacks: Right, settings: Given | None = None, **arguments: Any) -> Said:
        async with self.assistant(*lacks, **(settings or {})) as assistant:
            return await assistant.call(tool, arguments)

    def day(self, ago: float = 0) -> str:
        """The day in UTC, so many days ago."""
        return datetime.fromtimestamp(self.bench.clock() - ago * DAY, UTC).date().isoformat()


def saved_as(said: Said) -> str:
    """The file that an answer names."""
    return Path(said.data["path"]).read_text(encoding="utf-8-sig")


def rows_saved(said: Said) -> list[list[str]]:
    """Its rows, where it is a table for a spreadsheet."""
    return list(csv.reader(io.StringIO(saved_as(said))))


@contextmanager
def calling(rights: frozenset[Right]) -> Iterator[None]:
    """Be a caller with these rights."""
    before = CALLER.set(Caller("anna", "principal-of-anna", rights))
    try:
        yield
    finally:
        CALLER.reset(before)
