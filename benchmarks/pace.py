"""One request budget for several processes: violations, use, shares, and what a person waits beside a batch.

python benchmarks/pace.py [--fifth]   exits 1 when a limit is broken. Takes 9 minutes, with --fifth (windows at a fifth) two.

Real processes with the server's own client, pacer and shared file against a receiver that keeps both sliding windows
strictly and answers within 0.1 s. All figures are taken at the receiver.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from typing_extensions import override

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sharing.scene import Scene, scene


@dataclass(frozen=True)
class Figure:
    """Something measured, beside its limit."""

    name: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @override
    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        verdict = "ok" if self.kept else "BROKEN"
        return f"  {self.name:44} {self.value:8.3f}{self.unit}   {bound} {self.limit:g}{self.unit}   {verdict}"


def three(playing: Scene) -> Iterator[Figure]:
    """Three processes with endless batches."""
    names = prepare_loops(playing, 3)
    seen = playing.play(since=60, until=180)
    yield Figure("answers 31 and 32", seen.refused, 0)
    yield Figure("use of the allowance", 100 * seen.use, 97 if playing.scale == 1 else 95, at_least=True, unit=" %")
    yield Figure("least share of three", 100 * seen.least_share(names), 28, at_least=True, unit=" %")


def six(playing: Scene) -> Iterator[Figure]:
    """Six processes with endless batches, one of them killed half-way."""
    names = prepare_loops(playing, 6)
    seen = playing.play(since=60, until=180, kill=names[-1], kill_at=120)
    yield Figure("answers 31 and 32", seen.refused, 0)
    yield Figure("use of the allowance", 100 * seen.use, 97 if playing.scale == 1 else 95, at_least=True, unit=" %")
    yield Figure("least share of the living five", 100 * seen.least_share(names[:-1]), 12, at_least=True, unit=" %")


def lanes(playing: Scene) -> Iterator[Figure]:
    """A batch of 200, and a person's question every 5 s, in the batch's process and in another one by turns."""
    every, first = 10 * playing.scale, 2.5 * playing.scale
    playing.prepare("same", batch=200, person_every=every, person_after=first)
    playing.prepare("other", person_every=every, person_after=first + every / 2)
    seen = playing.play(since=0, until=130)
    yield Figure("answers 31 and 32", seen.refused, 0)
    yield Figure("questions", len(seen.waits), 24, at_least=True)
    yield Figure("a person waits, median", median(seen.waits), 0.1, unit=" s")
    yield Figure(
        "a person waits, 95th percentile",
        quantiles(seen.waits, n=20, method="inclusive")[-1],
        1.5 * playing.scale,
        unit=" s",
    )


def prepare_loops(playing: Scene, number: int) -> list[str]:
    names = [f"process{one}" for one in range(1, number + 1)]
    for name in names:
        playing.prepare(name, loops=4)
    return names


def main(scale: float) -> int:
    kept = True
    for part in (three, six, lanes):
        print(part.__doc__, flush=True)
        with tempfile.TemporaryDirectory() as folder, scene(Path(folder), scale) as playing:
            for figure in part(playing):
                print(figure, flush=True)
                kept = kept and figure.kept
    return 0 if kept else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Share one request budget between processes.")
    parser.add_argument("--fifth", action="store_true", help="windows and times at a fifth")
    sys.exit(main(0.2 if parser.parse_args().fifth else 1.0))
