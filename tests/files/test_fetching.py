"""A package comes off a real connection byte for byte, however it was sent, or it is said to have broken off."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.files.fetching import READ_BYTES, LinkExpired, TransferBroken, fetched
from tests.listening import NO_TLS

CONTENT = os.urandom(3 * READ_BYTES + 77)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT)


class Package:
    """A package behind a link, and what this end has read of it so far."""

    def __init__(self, url: str = "https://example.com/package.zip") -> None:
        self.url = url
        self.head, self.piece = asyncio.Event(), asyncio.Event()

    async def fetch(self, *, seconds: float = 10.0, times: int = 1) -> list[bytes]:
        """What came, so many times over one pool of connections."""
        async with httpx2.AsyncClient(timeout=seconds, verify=NO_TLS, trust_env=False) as http:
            return [await self.fetch_over(http) for _ in range(times)]

    async def fetch_over(self, http: httpx2.AsyncClient) -> bytes:
        self.head, self.piece, body = asyncio.Event(), asyncio.Event(), b""
        async with fetched(http, self.url) as transfer:
            self.head.set()
            async for piece in transfer.pieces:
                body += piece
                self.piece.set()
        return body


Step = bytes | Literal["head", "piece", "close", "reset", "stall"]
"""Bytes that are sent, or what the server does: wait until the head or a first piece is read, or end the connection."""


@asynccontextmanager
async def sent(*steps: Step) -> AsyncIterator[Package]:
    """A package from a server that answers every request in these steps."""
    package, ended = Package(), asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for step in steps:
                    await taken(step, reader, writer, package)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            ended.set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        package.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/package.zip"
        yield package
        with anyio.fail_after(10):
            await ended.wait()


async def taken(step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, package: Package) -> None:
    match step:
        case bytes():
            writer.write(step)
        case "head":
            await package.head.wait()
        case "piece":
            await package.piece.wait()
        case "stall":
            await reader.read()  # until the other side has given up
        case "close":
            writer.close()
        case "reset":  # so the system resets the connection instead of ending it
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


def chunked(content: bytes, size: int) -> bytes:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


OK, CHUNKED, LAST = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"
# Which is against the rules: the chunks count.
CHUNKED_AND_SIZED = SIZED.removesuffix(b"\r\n") + CHUNKED
# fmt: off
WAYS: dict[str, list[Step]] = {
    "empty": [OK + b"Content-Length: 0\r\n\r\n"],
    "in one go": [SIZED + CONTENT],
    "head first": [SIZED, "head", CONTENT],
    "one byte with the head": [SIZED + CONTENT[:1], "piece", CONTENT[1:]],
    "more than announced": [SIZED + CONTENT[:1], "piece", CONTENT[1:] + b"more"],
    "after another head": [b"HTTP/1.1 103 Early Hints\r\n\r\n" + SIZED + CONTENT],
    "in chunks": [OK + CHUNKED + chunked(CONTENT, 50_000) + LAST],
    "in chunks and with a size":
        [CHUNKED_AND_SIZED + chunked(CONTENT[:1], 1), "piece", chunked(CONTENT[1:], len(CONTENT)) + LAST],
    "until the end": [OK + b"Connection: close\r\n\r\n" + CONTENT, "close"],
    "from an old server": [SIZED.replace(b"HTTP/1.1", b"HTTP/1.0") + CONTENT, "close"],
}
# fmt: on
@pytest.mark.parametrize("way", WAYS)
async def test_package_comes_whole_each_time(way: str) -> None:
    async with sent(*WAYS[way]) as package:
        bodies = await package.fetch(times=3)
    assert [body == (b"" if way == "empty" else CONTENT) for body in bodies] == [True, True, True]


async def test_package_of_which_nobody_takes_the_rest_does_not_spoil_the_next() -> None:
    async with (
        sent(SIZED + CONTENT) as package,
        httpx2.AsyncClient(timeout=10.0, verify=NO_TLS, trust_env=False) as http,
    ):
        for _ in range(2):
            async with fetched(http, package.url) as transfer:
                assert CONTENT.startswith(await anext(transfer.pieces))
        assert await package.fetch_over(http) == CONTENT


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("end", [0, 1, READ_BYTES + 5])
async def test_connection_that_ends_early_is_a_broken_transfer(end: int, how: Step) -> None:
    begun: list[Step] = [SIZED + CONTENT[:1], "piece", CONTENT[1:end]] if end else [SIZED, "head"]
    async with sent(*begun, how) as package:
        with pytest.raises(TransferBroken):
            await package.fetch()


@pytest.mark.parametrize("begun", [SIZED, SIZED + CONTENT[:1]], ids=["head", "piece"])
async def test_line_on_which_nothing_comes_is_a_broken_transfer(begun: bytes) -> None:
    async with sent(begun, "stall") as package:
        with anyio.fail_after(10), pytest.raises(TransferBroken):
            await package.fetch(seconds=0.2)


@pytest.mark.parametrize(("status", "error"), [(404, LinkExpired), (410, LinkExpired), (302, TransferBroken)])
async def test_other_answer_than_a_package_is_none(status: int, error: type[Exception]) -> None:
    async with sent(b"HTTP/1.1 %d Other\r\nContent-Length: 0\r\n\r\n" % status) as package:
        with pytest.raises(error):
            await package.fetch()


class Otherwise(httpx2.AsyncBaseTransport):
    """Answers over something else than HTTP/1.1, with a connection that nobody may read from."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        own = {"http_version": b"HTTP/2", "network_stream": "no connection"}
        headers = {"content-length": str(len(CONTENT))}
        return httpx2.Response(200, headers=headers, content=self._halves(), extensions=own)

    async def _halves(self) -> AsyncIterator[bytes]:
        yield CONTENT[:1000]
        if self._error:
            raise self._error
        yield CONTENT[1000:]


async def test_body_framed_in_another_way_comes_whole_and_a_damaged_record_of_tls_breaks_it_off() -> None:
    async with httpx2.AsyncClient(transport=Otherwise()) as http:
        assert await Package().fetch_over(http) == CONTENT
    async with httpx2.AsyncClient(transport=Otherwise(ssl.SSLError("BAD_RECORD_MAC"))) as http:
        with pytest.raises(TransferBroken):
            await Package().fetch_over(http)
