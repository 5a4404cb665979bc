"""The real event loop, where a folder names no other."""

import pytest
from hypothesis import HealthCheck, settings


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
