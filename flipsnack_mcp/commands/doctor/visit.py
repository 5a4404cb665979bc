"""How a running server is asked by its doctor: as a client would, over its public address, with all that comes back kept."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import SplitResult, urlsplit

import anyio
import httpx2
from typing_extensions import override

from flipsnack_mcp import __version__
from flipsnack_mcp.api.network import is_loopback

VISIT_PATIENCE = httpx2.Timeout(20.0, connect=10.0)
MOST_OF_AN_ANSWER = 1_000_000
"""Of what one answer holds, in bytes; more is not looked through."""
WHOLE_WITHIN, MOST_ARRIVING = 20.0, 10_000_000
"""Seconds and bytes by which an answer has to end: anything may answer at an address, and this server's are far below."""
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "flipsnack-mcp doctor", "version": __version__},
    },
}
SESSION = "Mcp-Session-Id"
ACCEPTED = {"Accept": "application/json, text/event-stream"}
UNREACHED = (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError)


@dataclass(frozen=True)
class Endpoint:
    """Where a server is."""

    url: str
    """Of its MCP endpoint."""

    @property
    def host(self) -> str:
        """Its name, or the address that stands for one."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """On which it is reached."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.url.startswith("https:")

    @property
    def here(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)

    def beside(self, path: str) -> str:
        """Another address of the same server."""
        return self.url.removesuffix("/mcp") + path


def server_at(text: str) -> Endpoint:
    """The server at an address as a person writes it.

    Raises:
        ValueError: It is none.
    """
    parts = parted(text.strip())
    if not parts:
        raise ValueError("--http takes the address of a server, for example https://flipsnack.example.com/mcp")
    path = parts.path.rstrip("/")
    return Endpoint(parts._replace(path=path if path.endswith("/mcp") else f"{path}/mcp").geturl())


def parted(address: str) -> SplitResult | None:
    """The parts of an address that can be asked and holds no secret; nothing for any other."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        return None
    return parts if good and not parts.query and not parts.fragment else None


class BoundedAnswer(httpx2.AsyncByteStream):
    """An answer as it comes, which breaks where it is too long."""

    def __init__(self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        self._stream = cast("httpx2.AsyncByteStream", stream)

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MOST_ARRIVING:
                raise httpx2.ReadError("too long")
            yield piece

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass(frozen=True)
class Visit:
    """What the doctor works with."""

    place: Endpoint
    token: str
    """Empty where none was given."""
    http: httpx2.AsyncClient
    seen: list[str] = field(default_factory=list[str])
    """All that came back, headers and bodies."""

    @property
    def withholds_token(self) -> bool:
        """Whether the one that was given would be read on the way."""
        return bool(self.token) and not (self.place.encrypted or self.place.here)

    @property
    def shows_token(self) -> dict[str, str]:
        """The header of who has one."""
        return {"Authorization": f"Bearer {self.token}"} if self.token and not self.withholds_token else {}

    async def hello(self, **headers: str) -> httpx2.Response:
        """The answer to the first message of a client; a session that it began is ended."""
        answer = await self.http.post(self.place.url, json=HELLO, headers=ACCEPTED | headers)
        if session := answer.headers.get(SESSION):
            await self.http.delete(self.place.url, headers={SESSION: session, **headers})
        return answer

    async def keep(self, response: httpx2.Response) -> None:
        """Keep what came back; a stream that is there for whatever may come has no end to wait for."""
        self.seen.extend(f"{name}: {value}" for name, value in response.headers.items())
        if response.request.method != "GET" or "event-stream" not in response.headers.get("content-type", ""):
            response.stream = BoundedAnswer(response.stream)
            with anyio.fail_after(WHOLE_WITHIN):
                await response.aread()
            self.seen.append(response.text[:MOST_OF_AN_ANSWER])


@asynccontextmanager
async def visiting(place: Endpoint, token: str) -> AsyncIterator[Visit]:
    """A visit, over connections of its own: what stands in front of a server by proxies of the environment is used."""
    # Whom to trust says the environment everywhere; which way to go, not on this machine. Without authorities nothing
    # would be trusted: right for what is never encrypted, and made in no time.
    trusted = httpx2.create_ssl_context() if place.encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(timeout=VISIT_PATIENCE, trust_env=not place.here, verify=trusted) as http:
        visit = Visit(place, token, http)
        http.event_hooks = {"response": [visit.keep]}
        yield visit
