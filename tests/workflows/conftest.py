"""Virtual time, a sandbox without limits, and an errand on it."""

from collections.abc import AsyncIterator

import anyio
import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.workflows.errand import Errand
from tests.api.asking import asking, unlimited
from tests.virtual_clock import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def sandbox() -> Sandbox:
    return unlimited()


@pytest.fixture
async def errand(sandbox: Sandbox) -> AsyncIterator[Errand]:
    """One call of a person, with the 45 seconds it has."""
    async with asking(sandbox.app) as flipsnack:
        yield Errand(flipsnack, anyio.current_time() + 45)
