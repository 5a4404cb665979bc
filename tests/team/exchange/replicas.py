"""Replicas of a team's server in this process, one store behind them, each with a spool of its own, over real HTTP."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import uvicorn
from starlette.applications import Starlette

from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.team.exchange.routes import exchange_routes
from tests.listening import NO_TLS, free_listener
from tests.server.bench import Assistant, Bench, Said

HOST, PUBLIC = "127.0.0.1", "https://flips.example.test"
ANNA, BERT = (Caller(name, f"token {name}") for name in ("Anna", "Bert"))
ADDRESS = re.compile(rf"{PUBLIC}/(?:uploads|files)/([A-Za-z0-9_-]{{22}})")


@dataclass
class Replica:
    """One server, somebody's assistant at it, and whoever has an address."""

    bench: Bench
    server: FlipsnackServer
    assistant: Assistant
    web: httpx2.AsyncClient
    port: int
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
        port = await self.ending.enter_async_context(served(Starlette(routes=exchange_routes(server))))
        client = httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60, trust_env=False, verify=NO_TLS)
        return Replica(
            self.bench, server, assistant, await self.ending.enter_async_context(client), port, spool, caller
        )


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[int]:
    """The port at which an application is served."""
    with free_listener() as listener:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", http="h11", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield int(listener.getsockname()[1])
            server.should_exit = True
