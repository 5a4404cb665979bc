"""Real processes on one budget, with Flipsnack's windows at a fifth; `benchmarks/pace.py` has them in full."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from statistics import median, quantiles
from threading import Barrier

import pytest

from tests.redis_server import RedisServer
from tests.sharing.scene import Scene, Seen, scene

FIFTH = 0.2
# The rules allow 98.3 %, which `tests/api/test_pace.py` proves. Here a late call costs five times as much as at full
# length, and beside a busy loop on every core many are late: 92 % were seen.
USE = 0.8


def endless(number: int, killed: str = "") -> Callable[[Scene], Seen]:
    """So many processes with endless batches, one of which may be killed half-way."""

    def play(playing: Scene) -> Seen:
        for one in range(number):
            playing.prepare(str(one + 1), loops=4)
        return playing.play(since=5, until=65, kill=killed, kill_at=35)

    return play


def person(playing: Scene) -> Seen:
    """Somebody asks now and again beside a batch of the same process, and somebody of another one."""
    playing.prepare("same", batch=200, person_every=10 * FIFTH, person_after=5 * FIFTH)
    playing.prepare("other", person_every=10 * FIFTH, person_after=10 * FIFTH)
    return playing.play(since=5, until=65)


SCENES = {
    "three": endless(3),
    "three on Redis": endless(3),
    "one is killed": endless(6, killed="6"),
    "a person": person,
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> dict[str, Seen]:
    """All of them at the same time: each has a budget and a receiver of its own, and mostly waits."""
    together = Barrier(len(SCENES))
    folders = [tmp_path_factory.mktemp("budget") for _ in SCENES]  # not made for several threads at once

    def played(name: str, folder: Path) -> Seen:
        try:
            document = redis_server.url if "Redis" in name else ""
            with scene(folder, FIFTH, together, document) as playing:
                return SCENES[name](playing)
        except BaseException:
            together.abort()  # or the others would wait for it, and hide what went wrong
            raise

    with ThreadPoolExecutor(len(SCENES)) as at_once:
        playing = {at_once.submit(played, name, folder): name for name, folder in zip(SCENES, folders, strict=True)}
        return {playing[one]: one.result() for one in as_completed(playing)}


@pytest.mark.parametrize(
    ("name", "names", "least"),
    [("three", "123", 0.25), ("three on Redis", "123", 0.25), ("one is killed", "12345", 0.12)],
    ids=["three", "on Redis", "killed"],
)
def test_endless_batches_share_one_allowance(seen: dict[str, Seen], name: str, names: str, least: float) -> None:
    assert seen[name].refused == 0
    assert seen[name].use >= USE
    assert seen[name].least_share([*names]) >= least


def test_a_person_does_not_wait_for_a_batch_of_the_same_or_of_another_process(seen: dict[str, Seen]) -> None:
    waits = seen["a person"].waits
    assert seen["a person"].refused == 0
    assert len(waits) >= 10
    assert median(waits) < 0.5
    assert quantiles(waits, n=20, method="inclusive")[-1] < 3
