"""Virtual time, a sandbox without limits, and an context on it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from tests.api.asking import asking, unlimited
from tests.on_redis import store_on
from tests.server.bench import LoopClock
from tests.server.conftest import clock, tmp_path
from tests.virtual_clock import on_virtual_time
from tests.workflows.running import LongWork

__all__ = ["clock", "tmp_path"]

anyio_backend = on_virtual_time


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock)


@pytest.fixture
async def context(sandbox: Sandbox) -> AsyncIterator[CallContext]:
    """One call of a person, with the 45 seconds it has."""
    async with asking(sandbox.app) as flipsnack:
        yield CallContext(flipsnack, anyio.current_time() + 45)


@pytest.fixture
def kept_in() -> str:
    """Where long work is kept; what must hold on Redis too is tried in both."""
    return "memory"


@pytest.fixture
async def work(
    sandbox: Sandbox, clock: LoopClock, tmp_path: Path, kept_in: str, request: pytest.FixtureRequest
) -> AsyncIterator[LongWork]:
    """Long work on that sandbox, whose account no process knows yet."""
    server = request.getfixturevalue("redis_server") if kept_in == "redis" else None
    another = partial(store_on, server, clock) if server else partial(MemoryStore, clock)
    first = another()
    work = LongWork(sandbox, clock, first, tmp_path, another=another)
    yield work
    for store in (first, *work.opened):
        await store.close()
