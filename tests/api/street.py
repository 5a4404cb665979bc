"""A small network for tests: proxies that behave and misbehave, Flipsnack behind TLS, and authorities nobody knows."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trustme

ANSWER = b'{"code": 20, "status": "OK", "data": {"collections": [], "collectionsCount": 0}}'
OFFICE = "the office"
HOST = "api.flipsnack.test"
"""Known to nobody but the proxies of this street."""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@cache
def authority(name: str) -> trustme.CA:
    """An authority of a test's own."""
    return trustme.CA(organization_name=name)


@cache
def certificate(*hosts: str, expired: bool = False) -> ssl.SSLContext:
    """What a server of these names shows."""
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) if expired else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(OFFICE).issue_cert(*hosts, not_after=past).configure_cert(context)
    return context


def authority_file(folder: Path, name: str = OFFICE) -> str:
    """The file of an authority, as SSL_CERT_FILE names it."""
    path = folder / f"{name}.pem"
    path.write_bytes(authority(name).cert_pem.bytes())
    return str(path)


def free_port() -> int:
    """A port at which nobody answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Street:
    """Servers on this machine, and everything that reached them."""

    stack: AsyncExitStack
    asked: list[bytes] = field(default_factory=list)
    """The first line of each request that reached Flipsnack."""
    proxied: list[bytes] = field(default_factory=list)
    """All bytes that a proxy was given in the clear."""
    flipsnack_port: int = 0
    _talking: set[tuple["asyncio.Task[None]", asyncio.StreamWriter]] = field(default_factory=set)

    async def open(self, talk: Talk, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> int:
        """Begin to answer; gives the port."""

        async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._talking.add((task, writer))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
            writer.close()

        server = await self.stack.enter_async_context(await asyncio.start_server(answered, host, 0, ssl=tls))
        return int(server.sockets[0].getsockname()[1])

    async def flipsnack(self, tls: ssl.SSLContext | None = None) -> int:
        """The API: answers an empty list to everything."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head.partition(b"\r\n")[0])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))

        self.flipsnack_port = await self.open(talk, tls)
        return self.flipsnack_port

    async def talking(self, says: bytes, *, reads: bool = True, tls: ssl.SSLContext | None = None) -> int:
        """Somebody who says the same to everybody and hangs up."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if reads:
                self.proxied.append(await reader.read(4096))
            writer.write(says)
            await writer.drain()
            if says:  # hanging up with something unread would reset the connection, and with it what was said
                await reader.read(4096)

        return await self.open(talk, tls)

    async def silent(self) -> int:
        """Somebody who takes a connection and never says a word."""

        async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            while piece := await reader.read(4096):
                self.proxied.append(piece)

        return await self.open(talk)

    async def http_proxy(self, *, wants: bytes = b"", tls: ssl.SSLContext | None = None) -> int:
        """A proxy that leads everything to the one Flipsnack of the street."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            self.proxied.append(head)
            if wants not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return await writer.drain()
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return await self._lead(reader, writer)

        return await self.open(talk, tls)

    async def socks_proxy(self, *, reply: int = 0, login: tuple[bytes, bytes] | None = None) -> int:
        """A SOCKS 5 proxy that does the same, or replies with a code."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            count = (await reader.readexactly(2))[1]
            methods = await reader.readexactly(count)
            method = 2 if login else 0
            writer.write(bytes([5, method if method in methods else 255]))
            if method not in methods:
                return await writer.drain()
            if login:
                name = await reader.readexactly((await reader.readexactly(2))[1])
                word = await reader.readexactly((await reader.readexactly(1))[0])
                writer.write(bytes([1, (name, word) != login]))
                if (name, word) != login:
                    return await writer.drain()
            *_, kind = await reader.readexactly(4)
            size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            self.proxied.append(await reader.readexactly(size) + await reader.readexactly(2))
            writer.write(struct.pack("!4B4sH", 5, reply, 0, 1, bytes(4), 0))
            if reply:
                return await writer.drain()
            return await self._lead(reader, writer)

        return await self.open(talk)

    async def end(self) -> None:
        """Let go of every connection, so that nothing of it is left when the loop ends."""
        for task, writer in self._talking:
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*(task for task, _ in self._talking), return_exceptions=True)
        await asyncio.sleep(0)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.flipsnack_port)
        try:
            await asyncio.gather(copied(reader, back), copied(there, writer), return_exceptions=True)
        finally:
            back.transport.abort()


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until one side ends."""
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    """An empty street."""
    async with AsyncExitStack() as stack:
        opened = Street(stack)
        stack.push_async_callback(opened.end)
        yield opened
        await opened.end()


SET_BY_A_PERSON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def no_network_settings(monkeypatch: Any) -> None:
    """Forget what the person who runs the tests has set."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in SET_BY_A_PERSON:
        monkeypatch.delenv(name, raising=False)
