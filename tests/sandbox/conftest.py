"""A sandbox without limits of calls, a clock to move, and a caller."""

from collections.abc import AsyncIterator

import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.sandbox.calling import Caller, calling
from tests.virtual_clock import StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def pace() -> Pace:
    return Pace(calls_per_second=0, calls_per_minute=0)


@pytest.fixture
def sandbox(clock: StandingClock, pace: Pace) -> Sandbox:
    return Sandbox(clock=clock, pace=pace)


@pytest.fixture
async def caller(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with calling(sandbox) as called:
        yield called
