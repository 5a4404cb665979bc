"""Fetching a package from the address Flipsnack gives for it, which lives one minute."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx2

GONE = frozenset({401, 403, 404, 410})


class LinkExpired(Exception):  # noqa: N818  # it tells what happened to the link
    """The link is too old, or was never good."""


class TransferBroken(Exception):  # noqa: N818  # it tells what happened to the transfer
    """The connection ended before the package was whole."""


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
    read_more_at_once()
    try:
        # The pieces are stored as they come: a compressed transfer would defeat the size limits.
        async with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code in GONE:
                raise LinkExpired
            if response.status_code != 200:
                raise TransferBroken
            # Without a size they come as they are received: with one, the client would copy them all once more.
            yield Transfer(length(response), response.aiter_raw())
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise TransferBroken from None


def read_more_at_once() -> None:
    """Let the HTTP client take from the socket what is there: the work is for each reading, not for each byte."""
    with suppress(ImportError, AttributeError):
        import httpcore2  # noqa: PLC0415  # as late as httpx2 itself imports it: it takes its time

        # Not a documented setting: a version without it reads 64 KB at a time again, which costs only time.
        httpcore2.AsyncHTTP11Connection.READ_NUM_BYTES = 256 * 1024


def length(response: httpx2.Response) -> int | None:
    """The announced size, where it is one."""
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None
