"""Fetching a package from the address Flipsnack gives for it, which lives one minute."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from httpcore2 import AsyncNetworkStream

GONE = frozenset({401, 403, 404, 410})
AT_ONCE = 256 * 1024
"""Bytes that are asked for in one go: the work is for each reading, not for each byte. Of TLS come 16 KB at most."""


class LinkExpired(Exception):  # noqa: N818  # it tells what happened to the link
    """The link is too old, or was never good."""


class TransferBroken(Exception):  # noqa: N818  # it tells what happened to the transfer
    """The connection ended before the package was whole, or something else came; says what, where it is known."""


@dataclass(frozen=True)
class Transfer:
    """A package on its way."""

    total: int | None
    pieces: AsyncIterator[bytes]


@asynccontextmanager
async def fetched(http: httpx2.AsyncClient, url: str) -> AsyncIterator[Transfer]:
    """Open the transfer of a package.

    Raises:
        LinkExpired: The link no longer works.
        TransferBroken: No connection, or it broke.
    """
    try:
        # The pieces are stored as they come: a compressed transfer would defeat the size limits.
        async with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code in GONE:
                raise LinkExpired
            if response.status_code != 200:
                raise TransferBroken(f"its address answered with HTTP {response.status_code}")
            async with aclosing(body(response)) as pieces:
                yield Transfer(length(response), pieces)
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError):  # a damaged record of TLS comes as it is
        raise TransferBroken from None


async def body(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """The body as it is received: what came with the head, then the rest straight from the connection.

    On the long way through the HTTP client every byte is copied three times, which takes longer than receiving it.
    """
    # Asked for no size of its own, the client gives the first piece as it came: all it has read, so it holds no more.
    async with aclosing(response.aiter_raw()) as long_way:
        first = await anext(long_way, b"")
        yield first
        total, connection = length(response), response.extensions.get("network_stream")
        if total is None or connection is None or not is_plain(response):
            async for piece in long_way:
                yield piece
            return
        async with aclosing(straight(connection, total - len(first), read_timeout(response))) as rest:
            async for piece in rest:
                yield piece


def is_plain(response: httpx2.Response) -> bool:
    """Whether what follows the head is the body, byte for byte."""
    return response.http_version.startswith("HTTP/1") and "transfer-encoding" not in response.headers


async def straight(connection: AsyncNetworkStream, left: int, seconds: float | None) -> AsyncGenerator[bytes]:
    """What is left of a body.

    Raises:
        TransferBroken: The connection broke or ended early, or nothing came for so many seconds.
    """
    import httpcore2  # noqa: PLC0415  # imported already by whoever made the connection

    try:
        while left > 0 and (piece := await connection.read(min(AT_ONCE, left), seconds)):
            left -= len(piece)
            yield piece
    except (httpcore2.NetworkError, httpcore2.TimeoutException):
        raise TransferBroken from None
    if left > 0:
        raise TransferBroken


def read_timeout(response: httpx2.Response) -> float | None:
    """The seconds that the client's settings allow between two pieces."""
    seconds: float | None = response.request.extensions.get("timeout", {}).get("read")
    return seconds


def length(response: httpx2.Response) -> int | None:
    """The announced size, where it is one."""
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None
