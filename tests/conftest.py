"""The real event loop, where a folder names no other."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
