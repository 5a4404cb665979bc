"""Whether anything of one account reaches another. `benchmarks/accounts.py` does the same with 2,000 calls."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.survival.crossing import crossed
from tests.survival.kinds import KINDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
SEED = "FLIPSNACK_CROSSING_SEED"


async def test_random_calls_about_three_accounts_touch_and_tell_nothing_of_another_than_the_named_one(
    tmp_path: Path,
) -> None:
    outcome = await crossed(200, int(os.environ.get(SEED) or random.randrange(10**6)), tmp_path)  # noqa: S311 - no secret
    print(outcome)  # noqa: T201 - with the seed, where it fails
    assert outcome.broken == []
    assert len(outcome.scene.stroll.kinds) > len(KINDS) / 2, "the calls were not mixed"
    assert all(shop.changes() for shop in outcome.scene.shops), "nothing was changed"
