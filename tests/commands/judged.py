"""A server that runs, for its doctor to judge: the real one behind a gate that can have one fault."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from tests.listening import free_listener

HOST = "127.0.0.1"
TOKEN = "CANARY-of-a-token-7SG7832"
SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class Gate:
    """What stands before the real server."""

    def __init__(self, inner: ASGIApp, port: int, faults: dict[str, Any]) -> None:
        self.inner, self.port, self.faults = inner, port, faults
        self.looks = 0
        self.methods = Counter[str]()
        """How often the endpoint was asked by each method."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/mcp"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *raw(self.faults.get("headers", {}))]
            await send(message)

        self.methods[scope["method"]] += scope["path"] == "/mcp"
        answer = self.answer(scope["path"], {name.decode(): value.decode() for name, value in scope["headers"]})
        if answer is None:
            await self.inner({**scope, "headers": self.without_names(scope["headers"])}, receive, sent)
            return
        status, headers, body = answer
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        await sent({"type": "http.response.start", "status": status, "headers": raw(headers)})
        await sent({"type": "http.response.body", "body": text})

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any] | None:
        """What is answered before the server itself is asked; None where it is."""
        if path in self.faults:
            return self.faults[path]  # type: ignore[no-any-return]
        if path in {"/health", "/ready"}:
            self.looks += 1
            return 200, {}, {"status": "ready", "replica": f"r{self.looks % self.faults.get('replicas', 1)}"}
        if path.startswith("/.well-known/oauth-protected-resource"):
            return 200, {}, {"resource": self.url, "authorization_servers": ["https://login.example.com"]}
        if path.startswith(("/uploads", "/files")):
            return 404, SAFE, "There is no such address."
        return self.of_mcp(headers)

    def without_names(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """As the real server is asked, which looks at Host and Origin too."""
        own = f"{HOST}:{self.port}".encode()
        return [(name, own if name == b"host" else value) for name, value in headers if name != b"origin"]

    def of_mcp(self, headers: dict[str, str]) -> tuple[int, dict[str, str], Any] | None:
        """The same for its endpoint."""
        if "host" not in self.faults and headers["host"] != f"{HOST}:{self.port}":
            return 421, {}, "Not this server."
        if "origin" not in self.faults and "origin" in headers:
            return 403, {}, "Not from a web page."
        if "open" not in self.faults and headers.get("authorization") != f"Bearer {TOKEN}":
            metadata = f"http://{HOST}:{self.port}/.well-known/oauth-protected-resource/mcp"
            usual = f'Bearer error="invalid_token", scope="flipsnack:read", resource_metadata="{metadata}"'
            challenge = self.faults.get("challenge", usual).replace("METADATA", metadata)
            return 401, {"www-authenticate": challenge}, {"error": "invalid_token"}
        return None


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


@asynccontextmanager
async def judged(**faults: Any) -> AsyncIterator[Gate]:
    """It runs in this process, on a port of its own."""
    app: Any = build_server(Settings(sandbox=True), connect).streamable_http_app(host=HOST)
    with free_listener() as listener:
        gate = Gate(app, int(listener.getsockname()[1]), faults)
        config = uvicorn.Config(gate, log_config=None, lifespan="on", timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield gate
            server.should_exit = True
