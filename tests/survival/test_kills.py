"""What is left when a server is killed in the middle of its work. `benchmarks/kills.py` does the same with 100 of them."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.survival.killing import killed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
SEED = "FLIPSNACK_KILLS_SEED"


async def test_a_server_killed_at_any_moment_sends_nothing_twice_and_leaves_nothing_unresolved(tmp_path: Path) -> None:
    report = await killed(20, int(os.environ.get(SEED) or random.randrange(10**6)), tmp_path)  # noqa: S311 - no secret
    print(report)  # noqa: T201 - with the seed, where it fails
    assert report.broken == []
    assert len(report.phases) >= 6, "the moments were not spread"
