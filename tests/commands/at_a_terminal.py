"""An assistant's server and a person's terminal on one state file: a program typed at, and what it does."""

import io
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from typing_extensions import override

from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import Moment, name_of_run, running_for
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.commands.processes import KEY, SECRET, Ended
from tests.server.bench import Assistant, Bench, LoopClock

TITLE = "Summer catalogue 2026"
DELETED = "collection.deleteCollection"
Here = Callable[..., Ended]


class Now(LoopClock):
    """The real time of day, as the command has it."""

    @override
    def __call__(self) -> float:
        return time.time() + self.ahead


class Terminal(io.StringIO):
    """A terminal as the command sees it, at which something is typed."""

    @override
    def isatty(self) -> bool:
        return True


@dataclass
class Scene:
    """An assistant's server and a person's terminal, on one state file."""

    bench: Bench
    state: Path
    here: Here
    patch: pytest.MonkeyPatch

    @property
    def environment(self) -> dict[str, str]:
        own = {"FLIPSNACK_STATE": f"sqlite:{self.state}", "FLIPSNACK_CONFIRM": "approve"}
        return {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, **own}

    def moment(self) -> Moment:
        """What the machine's clocks show, as the command reads them; moved on by hand like the time of day."""
        return Moment(self.bench.clock(), running_for() + self.bench.clock.ahead, name_of_run())

    @property
    def wanted(self) -> dict[str, Any]:
        return {"collection_hash": self.bench.collection(TITLE).hash}

    @property
    def deletions(self) -> int:
        return len(self.bench.sandbox.carried_out(DELETED))

    @asynccontextmanager
    async def assistant(self) -> AsyncIterator[Assistant]:
        settings = Settings(api_key=KEY, api_secret=SECRET, confirm="approve", state=f"sqlite:{self.state}")
        store = SqliteStore(self.state, self.moment)
        server = build_server(settings, self.bench.connect, self.bench.clock, store)
        async with self.bench.assistant(server=server) as assistant:
            yield assistant

    async def run(self, *arguments: str, typed: str | None = None, **environment: str) -> Ended:
        """Run a command, at a terminal where something is typed."""
        self.patch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        return await to_thread.run_sync(partial(self.here, *arguments, **{**self.environment, **environment}))

    async def approved(self, code: str, typed: str = f"{TITLE}\n") -> Ended:
        return await self.run("approve", code, typed=typed)
