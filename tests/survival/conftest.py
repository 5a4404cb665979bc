"""Real processes on a real event loop."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
