"""A server of several accounts on a real socket, which asks who calls; and clients of both revisions that bring a token."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from typing_extensions import override

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.team import application as built
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensTold, new_token, now_in_utc, token_digest
from flipsnack_mcp.team.ending import Ending
from flipsnack_mcp.workflows.history import Event, every_trail
from tests.listening import NO_TLS, free_listener
from tests.team.authentication.issuer import Issuer, running_issuer
from tests.team.over_http import ACCEPTED, MODERN, OLDER, PromptServer, asked, message_in, modern

PUBLIC = "https://flipsnack.example.com"
AUDIENCE = f"{PUBLIC}/mcp"
REVISIONS = (MODERN, OLDER)
CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')
NAMES = ("de", "fr", "uk")
TITLE = "Weekly offers, Week 38"


@dataclass(frozen=True)
class Told:
    """What came back of a call."""

    text: str
    is_error: bool
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    raw: dict[str, Any] = field(default_factory=dict[str, Any])


class Ahead:
    """The time, which can be moved on: nobody waits for a person who reads."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds


@dataclass
class Guarded:
    """The server, what stands behind it, and before it."""

    url: str
    settings: Settings
    sandboxes: Mapping[str, Sandbox]
    issuer: Issuer
    tokens: Path
    authentication: Authentication
    state: Path
    clock: "Ahead"

    @property
    def port(self) -> int:
        return int(self.url.removesuffix("/mcp").rpartition(":")[2])

    @property
    def asked(self) -> dict[str, list[str]]:
        """What arrived at each sandbox at which anything did."""
        every = {name: [one.action for one in sandbox.requests] for name, sandbox in self.sandboxes.items()}
        return {name: actions for name, actions in every.items() if actions}

    @property
    def history(self) -> list[Event]:
        """All that is written down, whoever has it."""
        return anyio.run(self.all_history)

    async def all_history(self) -> list[Event]:
        store = SqliteStore(self.state, self.clock)
        try:
            return [one for trail in await every_trail(store) for one in trail.events]
        finally:
            await store.close()

    def forget(self) -> None:
        for sandbox in self.sandboxes.values():
            sandbox.requests.clear()

    def hash_in(self, name: str, title: str = TITLE) -> str:
        return next(one.hash for one in self.sandboxes[name].account.collections.values() if one.title == title)

    def by(self, token: str, revision: str = MODERN, *, forms: bool = False) -> "Assistant":
        return Assistant(self.url, token, revision, forms=forms)

    def knock(self, *authorization: str, method: str = "POST", **more: str) -> httpx2.Response:
        """One request with these headers of who makes it."""
        headers, body = modern("tools/call", name="list_collections", arguments={})
        given = [*headers.items(), *more.items(), *(("Authorization", one) for one in authorization)]
        with httpx2.Client(verify=NO_TLS, trust_env=False) as http:
            return http.request(method, self.url, headers=given, content=json.dumps(body).encode())


class Assistant:
    """A client that says each time who it is, as the newest revision wants it or in a session as before it."""

    def __init__(self, url: str, token: str, revision: str = MODERN, *, forms: bool = False) -> None:
        self.url, self.token, self.revision = url, token, revision
        self._capabilities: dict[str, Any] = {"elicitation": {}} if forms else {}
        self.session = ""

    def request(self, method: str, session: str = "", **params: Any) -> httpx2.Response:
        if self.revision == MODERN:
            headers, body = modern(method, capabilities=self._capabilities, **params)
        else:
            headers = {**ACCEPTED, "MCP-Protocol-Version": OLDER, "Mcp-Session-Id": session or self._begun()}
            body = asked(method, **params)
        return self._post(headers, body)

    def result(self, method: str, **params: Any) -> dict[str, Any]:
        answer = self.request(method, **params)
        message = message_in(answer.text)
        assert "result" in message, answer.text
        return dict(message["result"])

    def call(self, tool: str, more: Mapping[str, Any] | None = None, /, **arguments: Any) -> Told:
        message = message_in(self.request("tools/call", name=tool, arguments=arguments, **(more or {})).text)
        if "error" in message:
            return Told(message["error"]["message"], is_error=True, raw=message)
        result = message["result"]
        texts = [one["text"] for one in result.get("content", ()) if one["type"] == "text"]
        return Told("\n".join(texts), bool(result.get("isError")), result.get("structuredContent") or {}, result)

    def _begun(self) -> str:
        if not self.session:
            info = {"name": "test", "version": "1"}
            hello = asked("initialize", protocolVersion=OLDER, capabilities=self._capabilities, clientInfo=info)
            answer = self._post(ACCEPTED, hello)
            assert answer.status_code == 200, answer.text
            self.session = answer.headers["mcp-session-id"]
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            self._post({**ACCEPTED, "Mcp-Session-Id": self.session}, ready)
        return self.session

    def _post(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> httpx2.Response:
        given = {**headers, "Authorization": f"Bearer {self.token}"}
        with httpx2.Client(timeout=60, verify=NO_TLS, trust_env=False) as http:
            return http.post(self.url, headers=given, content=json.dumps(body).encode())


def accounts_file(folder: Path, callers: Mapping[str, list[str]], names: tuple[str, ...] = NAMES) -> Path:
    """A file with these accounts, and whom an authorization server may vouch for."""
    written = folder / "accounts.toml"
    tables = [
        f'[accounts.{name}]\nkey = "KEY-OF-{name}-7832"\nsecret = "SECRET-OF-{name}-4711"\n'
        f"callers = {json.dumps(callers.get(name, []))}\n"
        for name in names
    ]
    written.write_text("\n".join(tables))
    written.chmod(0o600)
    return written


@contextmanager
def guarded(folder: Path, callers: Mapping[str, list[str]] | None = None, **more: str) -> Iterator[Guarded]:
    """A server of three accounts that asks who calls, by tokens of a file and by those of an issuer."""
    with running_issuer() as issuer:
        vouched = callers or {"de": [f"{issuer.address} anna"], "fr": ["claim:groups=marketing"]}
        tokens = folder / "tokens.json"
        environment = {
            "FLIPSNACK_ACCOUNTS": str(accounts_file(folder, vouched)),
            "FLIPSNACK_TOKENS": str(tokens),
            "FLIPSNACK_AUTH_ISSUER": issuer.address,
            "FLIPSNACK_PUBLIC_URL": PUBLIC,
            "FLIPSNACK_STICKY": "1",
            "FLIPSNACK_CALLER_CALLS_PER_SECOND": "1000",
            "FLIPSNACK_STATE": f"sqlite:{folder / 'state.sqlite'}",
            **more,
        }
        settings = as_a_teams(read_settings(environment))
        assert not settings.warnings, settings.warnings
        made = {
            one.name: Sandbox(
                api_key=one.api_key, api_secret=one.api_secret, pace=Pace(calls_per_second=0, calls_per_minute=0)
            )
            for one in settings.every
        }

        def connect(account: Settings) -> Flipsnack:
            app = made[account.name].app
            access = Access(account.api_key, account.api_secret)
            rules = BudgetRules(limits=((1000, 1.0), (10_000, 60.0)))
            return Flipsnack(access, Pacer(BudgetInMemory(), rules), lambda: httpx2.ASGITransport(app=app))

        clock = Ahead()
        state = folder / "state.sqlite"
        server = build_server(settings, connect, clock, SqliteStore(state, clock))
        known = Authentication(settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(built, "STRANGERS_EACH_SECOND", 100_000)  # what they may is tested elsewhere
            app = built.application(
                server, settings, SqliteStore(state, clock), "127.0.0.1", Ending(settings.drain_seconds)
            )
        with listening(app) as port:
            yield Guarded(f"http://127.0.0.1:{port}/mcp", settings, made, issuer, tokens, known, state, clock)


def as_a_teams(settings: Settings) -> Settings:
    """As `serve --http` makes them."""
    return replace(settings, team=True, accounts=tuple(replace(one, team=True) for one in settings.accounts))


class Announced(PromptServer):
    """Says when it is there, and is told to end by another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.there = threading.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.there.set()

    @override
    def end(self) -> None:
        self.loop.call_soon_threadsafe(super().end)


@contextmanager
def listening(app: Any) -> Iterator[int]:
    """The port of an application that is served by a thread of its own: tests do not share its event loop."""
    with free_listener() as listener:
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="on", timeout_graceful_shutdown=0)
        server = Announced(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.there.wait(60)
            yield int(listener.getsockname()[1])
        finally:
            server.end()
            thread.join()


def token_for(
    place: Guarded, name: str, *accounts: str, may: str = "read,write,delete", expires: datetime | None = None
) -> str:
    """A new token of the file."""
    made = new_token()
    rights = frozenset(map(Right, may.split(",")))
    entry = TokenEntry(
        name=name, sha256=token_digest(made), accounts=accounts, may=rights, made=now_in_utc(), expires=expires
    )
    change_tokens(place.tokens, lambda told: TokensTold(tokens=(*told.tokens, entry)))
    return made


def revoke(place: Guarded, name: str) -> None:
    """Take a token back."""
    change_tokens(place.tokens, lambda told: TokensTold(tokens=tuple(one for one in told.tokens if one.name != name)))
