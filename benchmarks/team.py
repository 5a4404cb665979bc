"""A team's replicas behind a balancer while they are killed, drained and added, and Redis is away: judged at the sink.

python benchmarks/team.py [--short | --kills] [--seed N] [--keep FOLDER]   prints one line of JSON; exits 1 with what is broken.

Fifty clients of both revisions work in four accounts at 600 calls a minute, while reports use up what is left. The long
form takes seven minutes; the short one, for the gate, a minute and a half, in which no budget's minute is full; that of
kills, 100 of replicas and 20 of Redis, twelve minutes.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.team_scene.day import KILLS, LONG, SHORT, Plan, lived
from benchmarks.team_scene.imitations import Wanted
from benchmarks.team_scene.scene import team
from benchmarks.team_scene.typed import run_as_typed


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
    plans = {"--short": SHORT, "--kills": KILLS}
    run_as_typed("A team's replicas, killed, drained and added.", LONG, plans, main)
