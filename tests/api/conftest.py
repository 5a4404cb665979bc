"""Virtual time, and a client on a sandbox without limits."""

from collections.abc import AsyncIterator

import pytest

from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.sandbox import Sandbox
from tests.api.asking import asking, unlimited
from tests.virtual_clock import on_virtual_time

anyio_backend = on_virtual_time


@pytest.fixture
async def sandbox() -> Sandbox:
    return unlimited()


@pytest.fixture
async def flipsnack(sandbox: Sandbox) -> AsyncIterator[Flipsnack]:
    async with asking(sandbox.app) as client:
        yield client
