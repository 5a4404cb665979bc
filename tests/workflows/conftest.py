"""Virtual time, a sandbox without limits, and an context on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from tests.api.asking import asking, unlimited
from tests.on_redis import store_on
from tests.server.bench import LoopClock
from tests.virtual_clock import VirtualLoop
from tests.workflows.running import LongWork


@pytest.fixture
def tmp_path(quick_folder: Path) -> Path:
    """State files are all it holds, as a rule."""
    return quick_folder


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


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
    store: Store = MemoryStore(clock)
    if kept_in == "redis":
        store = store_on(request.getfixturevalue("redis_server"), clock)
    yield LongWork(sandbox, clock, store, tmp_path)
    await store.close()
