"""The spool of a server, as long as it serves."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from flipsnack_mcp.files.limits import MEGABYTE
from flipsnack_mcp.settings import Settings

if TYPE_CHECKING:
    from flipsnack_mcp.files.spool import Spool


@asynccontextmanager
async def spool_of(settings: Settings, background: anyio.abc.TaskGroup) -> "AsyncGenerator[Spool | None]":
    """What documents and packages come through, where nobody's disk can be read; empty before and after."""
    if not settings.team:
        yield None
        return
    from flipsnack_mcp.files.spool import Spool  # noqa: PLC0415  # only a team has one

    spool = Spool(settings.spool_dir, settings.spool_megabytes * MEGABYTE, background)
    await spool.tidy()
    try:
        yield spool
    finally:
        with anyio.CancelScope(shield=True):
            await spool.close()
