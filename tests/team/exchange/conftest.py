"""A sandbox that answers at once, and replicas before it, on the real event loop."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.server.bench import KEY, SECRET, Bench, LoopClock, Witness
from tests.server.conftest import clock, tmp_path
from tests.team.authentication.conftest import patience
from tests.team.exchange.replicas import Replica, Team

__all__ = ["clock", "patience", "tmp_path"]


@pytest.fixture
def sandbox(clock: LoopClock) -> Sandbox:
    pace = Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=0, package_seconds=0)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)


@pytest.fixture
def bench(sandbox: Sandbox, clock: LoopClock, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    """No log may have an address in it."""
    witness = Witness()
    bench = Bench(sandbox, clock, witness, "auto", tmp_path)
    with caplog.at_level(logging.DEBUG):
        yield bench
    ours = [one for one in caplog.get_records("call") if not one.name.startswith(("httpx2", "httpcore2"))]
    told = "\n".join(one.getMessage() for one in ours)
    assert "/uploads/" not in told
    assert "/files/" not in told
    assert not witness.leaks()


@pytest.fixture
async def team(bench: Bench) -> AsyncIterator[Team]:
    async with AsyncExitStack() as ending:
        yield Team(bench, ending)


@pytest.fixture
async def replica(team: Team) -> Replica:
    return await team.replica()
