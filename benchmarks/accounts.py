"""Random calls about three accounts in one server, which is killed again and again: what crossed from one to another.

python benchmarks/accounts.py [--calls N] [--seed N]   exits 1 when anything did.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.survival.crossing import crossed


def main(calls: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        outcome = anyio.run(crossed, calls, seed, Path(folder))
    print(outcome)
    print(*outcome.broken[:50], sep="\n")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Try to make something cross between accounts.")
    parser.add_argument("--calls", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="N")  # noqa: S311 - no secret
    options = parser.parse_args()
    sys.exit(main(options.calls, options.seed))
