"""A server on HTTP in this process, on a free port, and what clients say to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from typing_extensions import override

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.team import serving
from flipsnack_mcp.team.application import application
from flipsnack_mcp.team.ending import Ending
from tests.listening import NO_TLS, free_listener

HOST = "127.0.0.1"
ACCEPTED = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
OLDER, MODERN = "2025-11-25", "2026-07-28"


def asked(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


HELLO = asked("initialize", protocolVersion=OLDER, capabilities={}, clientInfo={"name": "test", "version": "1"})
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


def modern(
    method: str, number: int = 1, capabilities: Mapping[str, Any] | None = None, **params: Any
) -> tuple[dict[str, str], dict[str, Any]]:
    """A request of the newest revision: its headers and its body."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": dict(capabilities or {}),
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    named = params.get("name") or params.get("uri")
    headers = {**ACCEPTED, "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    return headers | ({"Mcp-Name": str(named)} if named else {}), asked(method, number, **params, _meta=meta)


def message_in(text: str) -> Any:
    """The last message of an answer, whether it came as a stream or as JSON."""
    data = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    return json.loads(data[-1] if data else text)


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that tells nobody when it happens."""
    with anyio.fail_after(60):
        while not happened():  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def status_of(port: int, headers: Iterable[tuple[str, str]], content: bytes, path: str = "/mcp") -> int:
    """Of one request on a connection of its own: for hundreds at once, of which a client would make more than a server."""
    reader, writer = await asyncio.open_connection(HOST, port)
    head = [f"POST {path} HTTP/1.1", f"Host: {HOST}:{port}", f"Content-Length: {len(content)}", "Connection: close"]
    writer.write("\r\n".join([*head, *map(": ".join, headers), "\r\n"]).encode() + content)
    answer = await reader.read()  # all of it: who goes before stops what was begun
    writer.close()
    return int(answer.split()[1])


class PromptServer(uvicorn.Server):
    """Ends as soon as it is told to. Uvicorn looks ten times a second whether it was, and waits as long for who is connected."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        self._told.set()

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are meant for the tests."""
        yield

    @override
    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._told.wait()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for one in self.servers:
            one.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.lifespan.shutdown()


@asynccontextmanager
async def served(app: Any, **limits: Any) -> AsyncIterator[int]:
    """The port of a server of this process."""
    with free_listener() as listener:
        server = PromptServer(serving.configured(app, HOST, 0, "critical", **limits))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield int(listener.getsockname()[1])
            server.end()


@asynccontextmanager
async def ending_by_itself(app: Any, ending: Ending) -> AsyncIterator[int]:
    """The port of one that ends as `serve` does beside others."""
    with free_listener() as listener:
        server = serving.DrainingServer(serving.configured(app, HOST, 0, "critical"), ending)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield int(listener.getsockname()[1])
            server.should_exit = True


@asynccontextmanager
async def official_client(address: str, token: str = "", **more: Any) -> AsyncIterator[Client]:
    """A client of the SDK, which reads no authorities."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, verify=NO_TLS) as http,
        Client(streamable_http_client(address, http_client=http), **more) as client,
    ):
        yield client


def whole_application(
    settings: Settings | None = None,
    host: str = HOST,
    ending: Ending | None = None,
    idle: float = 60.0,
    store: Store | None = None,
    **named: Any,
) -> Any:
    """The application as `serve` makes it, before the imitation."""
    settings, store = replace(settings or Settings(sandbox=True), **named), store or MemoryStore()
    server = build_server(settings, connect, store=store)
    return application(server, settings, store, host, ending or Ending(settings.drain_seconds), idle=idle)
