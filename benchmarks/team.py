"""A team's replicas behind a balancer while they are killed, drained and added, and Redis is away: judged at the sink.

python benchmarks/team.py [--short | --kills] [--seed N] [--keep FOLDER]   prints one line of JSON; exits 1 with what is broken.

Fifty clients of both revisions work in four accounts at 600 calls a minute, while reports use up what is left. The long
form takes seven minutes; the short one, for the gate, a minute and a half, in which no budget's minute is full; that of
kills, 100 of replicas and 20 of Redis, twelve minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.team_scene.day import KILLS, LONG, SHORT, Plan, lived
from benchmarks.team_scene.imitations import Wanted
from benchmarks.team_scene.scene import team


def main(plan: Plan, seed: int, folder: Path) -> int:
    with team(folder, Wanted(conversion_seconds=plan.conversion_seconds)) as standing:
        figures, wrong = anyio.run(lived, standing, plan, random.Random(seed))  # noqa: S311 - no secret
    print(json.dumps({"plan": plan.name, "seed": seed, **figures}))
    print(
        "\n".join(wrong) or "every call was answered, nothing was doubled, crossed, unconfirmed or lost",
        file=sys.stderr,
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A team's replicas, killed, drained and added.")
    parser.add_argument("--short", dest="plan", action="store_const", const=SHORT, default=LONG)
    parser.add_argument("--kills", dest="plan", action="store_const", const=KILLS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="N")  # noqa: S311 - no secret
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where logs are left")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True)
        sys.exit(main(options.plan, options.seed, options.keep.absolute()))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(options.plan, options.seed, Path(made)))
