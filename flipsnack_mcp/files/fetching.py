"""Fetching from an address that Flipsnack gives: a package, whose address lives one minute, or a picture."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpcore2
import httpx2

EXPIRED_STATUSES = frozenset({401, 403, 404, 410})
READ_BYTES = 256 * 1024
"""Bytes that are asked for in one go: the work is for each reading, not for each byte. Of TLS come 16 KB at most."""
# A damaged record of TLS comes as it is.
CONNECTION_ERRORS = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    ssl.SSLError,
)


class LinkExpired(Exception):  # noqa: N818  # it tells what happened to the link
    """The link is too old, or was never good; says what its host answered."""


class TransferBroken(Exception):  # noqa: N818  # it tells what happened to the transfer
    """The connection ended before the package was whole, or something else came; says what, where it is known."""


@dataclass(frozen=True)
class Transfer:
    """A package on its way."""

    total: int | None
    pieces: AsyncIterator[bytes]


@asynccontextmanager
async def fetched(http: httpx2.AsyncClient, url: str) -> AsyncIterator[Transfer]:
    """Opens the transfer of a package.

    Raises:
        LinkExpired: The link no longer works.
        TransferBroken: No connection, or it broke, or nothing came for longer than the client's settings allow.
    """
    try:
        # The pieces are stored as they come: a compressed transfer would defeat the size limits.
        async with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code in EXPIRED_STATUSES:
                raise LinkExpired(f"its address answered with HTTP {response.status_code}")
            if response.status_code != 200:
                raise TransferBroken(f"its address answered with HTTP {response.status_code}")
            total = _announced_length(response)
            async with aclosing(_read_body(response, total)) as pieces:
                yield Transfer(total, _check_length(pieces, total))
    except CONNECTION_ERRORS:
        raise TransferBroken from None


async def fetch_picture(http: httpx2.AsyncClient, url: str, most: int) -> bytes:
    """What lies at an address, so many bytes at most.

    Raises:
        TransferBroken: It did not come, or is more than that.
    """
    # What would be unpacked on its way could be of any size.
    headers = {"Accept": "image/jpeg, image/png, image/gif, image/webp", "Accept-Encoding": "identity"}
    came = bytearray()
    try:
        async with http.stream("GET", url, headers=headers) as response:
            if response.status_code != 200:
                raise TransferBroken(f"its host answered with HTTP {response.status_code}")
            announced = _announced_length(response) or 0
            async with aclosing(response.aiter_raw()) as pieces:
                while max(announced, len(came)) <= most:
                    piece = await anext(pieces, None)
                    if piece is None:
                        return bytes(came)
                    came += piece
    except CONNECTION_ERRORS:
        raise TransferBroken("its host broke off the connection") from None
    raise TransferBroken(f"it has more than {most / 1024**2:.2g} MB")


async def _read_body(response: httpx2.Response, total: int | None) -> AsyncGenerator[bytes]:
    """Yields what came with the head, then the rest, straight from the connection where nothing frames it.

    On the long way through the HTTP client every byte is copied three times, which takes longer than receiving it.
    """
    # Asked for no size of its own, the client gives the first piece as it came: all it has read, so it holds no more.
    async with aclosing(response.aiter_raw()) as long_way:
        first = await anext(long_way, b"")
        yield first
        connection = response.extensions.get("network_stream")
        framed = "transfer-encoding" in response.headers or not response.http_version.startswith("HTTP/1")
        if total is None or connection is None or framed:
            async for piece in long_way:
                yield piece
            return
        left, seconds = total - len(first), response.request.extensions.get("timeout", {}).get("read")
        while left > 0 and (piece := await connection.read(min(READ_BYTES, left), seconds)):
            left -= len(piece)
            yield piece


async def _check_length(pieces: AsyncIterator[bytes], total: int | None) -> AsyncIterator[bytes]:
    """Yields the pieces of a transfer, which has to be as long as announced."""
    done = 0
    async for piece in pieces:
        yield piece
        done += len(piece)
    if total is not None and done != total:
        raise TransferBroken


def _announced_length(response: httpx2.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None
