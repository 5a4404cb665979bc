"""A package comes off a real connection byte for byte, however it was sent, or it is said to have broken off."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.files.fetching import READ_BYTES, LinkExpired, TransferBroken, fetched

CONTENT = os.urandom(3 * READ_BYTES + 77)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT)


class Package:
    """A package behind a link, and what this end has read of it so far."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.head, self.piece = asyncio.Event(), asyncio.Event()

    async def fetch(self, *, seconds: float = 10.0, times: int = 1) -> list[bytes]:
        """What came, so many times over one pool of connections."""
        bodies = list[bytes]()
        async with httpx2.AsyncClient(timeout=seconds, trust_env=False) as http:
            for _ in range(times):
                self.head, self.piece = asyncio.Event(), asyncio.Event()
                bodies.append(await self.fetch_over(http))
        return bodies

    async def fetch_over(self, http: httpx2.AsyncClient) -> bytes:
        body = b""
        async with fetched(http, self.url) as transfer:
            self.head.set()
            async for piece in transfer.pieces:
                body += piece
                self.piece.set()
        return body


Sends = Callable[[asyncio.StreamWriter, Package], Awaitable[None]]


@asynccontextmanager
async def sent(sends: Sends) -> AsyncIterator[Package]:
    """A package from a server that answers every request in its own way."""
    package, ended = Package(), asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await sends(writer, package)
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


async def in_one_go(writer: asyncio.StreamWriter, _: Package) -> None:
    writer.write(SIZED + CONTENT)


async def head_first(writer: asyncio.StreamWriter, package: Package) -> None:
    writer.write(SIZED)
    await package.head.wait()
    writer.write(CONTENT)


async def one_byte_with_the_head(writer: asyncio.StreamWriter, package: Package) -> None:
    writer.write(SIZED + CONTENT[:1])
    await package.piece.wait()
    writer.write(CONTENT[1:])


async def more_than_announced(writer: asyncio.StreamWriter, package: Package) -> None:
    writer.write(SIZED + CONTENT[:1])
    await package.piece.wait()
    writer.write(CONTENT[1:] + b"more")


async def after_another_head(writer: asyncio.StreamWriter, _: Package) -> None:
    writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" + SIZED + CONTENT)


async def in_chunks(writer: asyncio.StreamWriter, _: Package) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(CONTENT), 50_000):
        piece = CONTENT[start : start + 50_000]
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    writer.write(b"0\r\n\r\n")


async def in_chunks_and_with_a_size(writer: asyncio.StreamWriter, package: Package) -> None:
    """Which is against the rules: the chunks count."""
    head = SIZED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(head + b"1\r\n" + CONTENT[:1] + b"\r\n")
    await package.piece.wait()
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT) - 1, CONTENT[1:]))


async def until_the_end(writer: asyncio.StreamWriter, _: Package) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + CONTENT)
    writer.close()


async def from_an_old_server(writer: asyncio.StreamWriter, _: Package) -> None:
    writer.write(SIZED.replace(b"HTTP/1.1", b"HTTP/1.0") + CONTENT)
    writer.close()


WAYS = [
    in_one_go,
    head_first,
    one_byte_with_the_head,
    more_than_announced,
    after_another_head,
    in_chunks,
    in_chunks_and_with_a_size,
    until_the_end,
    from_an_old_server,
]


@pytest.mark.parametrize("sends", WAYS, ids=[way.__name__ for way in WAYS])
async def test_package_comes_whole_each_time(sends: Sends) -> None:
    async with sent(sends) as package:
        bodies = await package.fetch(times=3)

    assert [body == CONTENT for body in bodies] == [True, True, True]


async def test_empty_package_is_nothing_and_waited_for_no_longer() -> None:
    async def nothing(writer: asyncio.StreamWriter, _: Package) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with sent(nothing) as package:
        assert await package.fetch() == [b""]


async def test_package_of_which_nobody_takes_the_rest_does_not_spoil_the_next() -> None:
    async with sent(in_one_go) as package, httpx2.AsyncClient(timeout=10.0, trust_env=False) as http:
        for _ in range(2):
            async with fetched(http, package.url) as transfer:
                assert CONTENT.startswith(await anext(transfer.pieces))

        assert await package.fetch_over(http) == CONTENT


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
@pytest.mark.parametrize("end", [0, 1, READ_BYTES + 5])
async def test_connection_that_ends_early_is_a_broken_transfer(end: int, *, reset: bool) -> None:
    async def cut(writer: asyncio.StreamWriter, package: Package) -> None:
        writer.write(SIZED + CONTENT[: min(end, 1)])
        await (package.piece if end else package.head).wait()
        writer.write(CONTENT[1:end])
        if reset:  # so the system resets the connection instead of ending it
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        writer.close()

    async with sent(cut) as package:
        with pytest.raises(TransferBroken):
            await package.fetch()


@pytest.mark.parametrize("begun", [False, True])
async def test_line_on_which_nothing_comes_is_a_broken_transfer(*, begun: bool) -> None:
    given_up = asyncio.Event()

    async def stalled(writer: asyncio.StreamWriter, _: Package) -> None:
        writer.write(SIZED + CONTENT[:begun])
        await writer.drain()
        await given_up.wait()

    async with sent(stalled) as package:
        try:
            with anyio.fail_after(10), pytest.raises(TransferBroken):
                await package.fetch(seconds=0.2)
        finally:
            given_up.set()


@pytest.mark.parametrize(("status", "error"), [(404, LinkExpired), (410, LinkExpired), (302, TransferBroken)])
async def test_other_answer_than_a_package_is_none(status: int, error: type[Exception]) -> None:
    async def other(writer: asyncio.StreamWriter, _: Package) -> None:
        writer.write(b"HTTP/1.1 %d Other\r\nContent-Length: 0\r\n\r\n" % status)

    async with sent(other) as package:
        with pytest.raises(error):
            await package.fetch()


class Otherwise(httpx2.AsyncBaseTransport):
    """Answers over something else than HTTP/1.1, with a connection that nobody may read from."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200,
            headers={"content-length": str(len(CONTENT))},
            content=self._pieces,
            extensions={"http_version": b"HTTP/2", "network_stream": "no connection"},
        )


async def halves() -> AsyncIterator[bytes]:
    yield CONTENT[:1000]
    yield CONTENT[1000:]


async def damaged() -> AsyncIterator[bytes]:
    yield CONTENT[:1000]
    raise ssl.SSLError("DECRYPTION_FAILED_OR_BAD_RECORD_MAC")


async def test_body_that_is_framed_in_another_way_goes_through_the_client() -> None:
    async with httpx2.AsyncClient(transport=Otherwise(halves())) as http:
        assert await Package("https://example.com/package.zip").fetch_over(http) == CONTENT


async def test_damaged_record_of_tls_is_a_broken_transfer() -> None:
    async with httpx2.AsyncClient(transport=Otherwise(damaged())) as http:
        with pytest.raises(TransferBroken):
            await Package("https://example.com/package.zip").fetch_over(http)
