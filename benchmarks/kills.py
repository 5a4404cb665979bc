"""Servers killed with SIGKILL at random moments of uploads and downloads, and what their successors find.

python benchmarks/kills.py [--rounds N] [--seed N]   exits 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.survival.killing import killed


def main(rounds: int, seed: int) -> int:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = anyio.run(killed, rounds, seed, Path(folder))
    print(report)
    print(
        "\n".join(report.broken) or "nothing half visible, nothing sent twice, every entry resolved, every store whole"
    )
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if report.broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill servers in the middle of their work.")
    parser.add_argument("--rounds", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="N")  # noqa: S311 - no secret
    options = parser.parse_args()
    sys.exit(main(options.rounds, options.seed))
