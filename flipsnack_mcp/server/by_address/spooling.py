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
async def spool_of(settings: Settings) -> "AsyncGenerator[Spool | None]":
    """What documents and packages come through, where nobody's disk can be read; empty before and after."""
    if not settings.team:
        yield None
        return
    from flipsnack_mcp.files.spool import Spool  # noqa: PLC0415  # only a team has one

    async with anyio.create_task_group() as keeping:
        spool = Spool(settings.spool_dir, settings.spool_megabytes * MEGABYTE, keeping)
        await spool.tidy()
        try:
            yield spool
        finally:
            keeping.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await spool.close()
