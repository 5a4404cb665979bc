"""Replicas of a team's server in this process, one store behind them, each with a spool of its own."""

import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.team.connections import Patience
from flipsnack_mcp.team.exchange.routes import exchange_routes
from tests.server.bench import Assistant, Bench, Said
from tests.team.over_http import served

PUBLIC = "https://flips.example.test"
ANNA, BERT = (Caller(name, f"token {name}") for name in ("Anna", "Bert"))
ADDRESS = re.compile(rf"{PUBLIC}/(?:uploads|files)/([A-Za-z0-9_-]{{22}})")


@dataclass
class Replica:
    """One server, somebody's assistant at it, and whoever has an address."""

    bench: Bench
    server: FlipsnackServer
    assistant: Assistant
    routes: Starlette
    web: httpx2.AsyncClient
    """At its routes themselves."""
    spool: Path
    caller: Caller

    async def call(self, name: str, **arguments: Any) -> Said:
        with called_by(self.caller):
            return await self.assistant.call(name, arguments)

    async def address(self, **arguments: Any) -> tuple[str, str]:
        """The path of a new upload address, and the id by which it is watched."""
        said = await self.call("create_collection", **arguments)
        assert not said.is_error, said.text
        return path_of(said.data["upload_address"]), said.data["upload_id"]

    def on_a_socket(self) -> AbstractAsyncContextManager[int]:
        """The port at which they are reached over HTTP, where only they themselves end what takes too long."""
        return served(self.routes, patience=Patience(request=3600.0, keep_alive=60, unfinished=20))

    @property
    def app(self) -> App:
        """What its calls share."""
        assert self.server.service
        return self.server.service.dispatcher().first

    @property
    def spooled(self) -> list[str]:
        """What lies on its spool."""
        return [one.name for one in self.spool.rglob("*") if one.is_file()]


def path_of(address: str) -> str:
    assert ADDRESS.fullmatch(address), address
    return address.removeprefix(PUBLIC)


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Let whatever is begun now be of this caller."""
    token = CALLER.set(caller)
    try:
        yield
    finally:
        CALLER.reset(token)


@dataclass
class Team:
    """Starts replicas, which end with the test."""

    bench: Bench
    ending: AsyncExitStack
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.bench.clock)

    async def replica(self, name: str = "a", caller: Caller = ANNA, **settings: Any) -> Replica:
        spool = self.bench.folder / f"spool {name}"
        known: dict[str, Any] = {
            "team": True,
            "public_url": PUBLIC,
            "spool_dir": spool,
            "upload_dirs": (),
            "download_dir": None,
        }
        known |= {"calls_per_second": 10_000, "calls_per_minute": 10_000}
        known |= settings
        accounts = tuple(replace(one, **known) for one in self.bench.settings.accounts)
        server = self.bench.server(self.store, **known, accounts=accounts)
        assistant = await self.ending.enter_async_context(self.bench.assistant(server=server))
        routes = Starlette(routes=exchange_routes(server))
        transport = httpx2.ASGITransport(routes, raise_app_exceptions=False)
        client = await self.ending.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=PUBLIC))
        return Replica(self.bench, server, assistant, routes, client, spool, caller)
