"""Real processes on one budget, with Flipsnack's windows at a fifth; `benchmarks/pace.py` has them in full."""

from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.sharing.scene import scene

FIFTH = 0.2
# The rules allow 98.3 %, which `tests/api/test_pace.py` proves. Here a late call costs five times as much as at full
# length, and beside a busy loop on every core many are late: 92 % were seen.
USE = 0.8


@pytest.mark.parametrize(("number", "killed", "least"), [(3, "", 0.25), (6, "6", 0.12)], ids=["three", "one is killed"])
def test_endless_batches_share_one_allowance(tmp_path: Path, number: int, killed: str, least: float) -> None:
    names = [str(one + 1) for one in range(number)]
    with scene(tmp_path, FIFTH) as playing:
        for name in names:
            playing.prepare(name, loops=4)
        seen = playing.play(since=5, until=65, kill=killed, kill_at=35)
    assert seen.refused == 0
    assert seen.use >= USE
    assert seen.least_share([name for name in names if name != killed]) >= least


def test_a_person_does_not_wait_for_a_batch_of_the_same_or_of_another_process(tmp_path: Path) -> None:
    with scene(tmp_path, FIFTH) as playing:
        playing.prepare("same", batch=200, person_every=10 * FIFTH, person_after=5 * FIFTH)
        playing.prepare("other", person_every=10 * FIFTH, person_after=10 * FIFTH)
        seen = playing.play(since=5, until=65)
    assert seen.refused == 0
    assert len(seen.waits) >= 10
    assert median(seen.waits) < 0.5
    assert quantiles(seen.waits, n=20, method="inclusive")[-1] < 3
