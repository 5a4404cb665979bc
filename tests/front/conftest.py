"""Virtual time: a conversation waits only until everybody else waits too."""

import pytest

from tests.virtual_clock import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualLoop}
