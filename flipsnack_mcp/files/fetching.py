"""Fetching a package from the address Flipsnack gives for it, which lives one minute."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    try:
        # The pieces are stored as they come: a compressed transfer would defeat the size limits.
        async with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code in GONE:
                raise LinkExpired
            if response.status_code != 200:
                raise TransferBroken
            yield Transfer(length(response), response.aiter_raw(256 * 1024))
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise TransferBroken from None


def length(response: httpx2.Response) -> int | None:
    """The announced size, where it is one."""
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None
