"""How a benchmark of a team is called: which plan, from which seed, and where logs and stores are left."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

PlanT = TypeVar("PlanT")


def run_as_typed(
    description: str, usual: PlanT, others: Mapping[str, PlanT], main: Callable[[PlanT, int, Path], int]
) -> None:
    """Run the plan that was chosen; the exit status is what it came to."""
    parser = argparse.ArgumentParser(description=description)
    for option, plan in others.items():
        parser.add_argument(option, dest="plan", action="store_const", const=plan)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="N")  # noqa: S311 - no secret
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where logs and stores are left")
    options = parser.parse_args()
    plan = usual if options.plan is None else options.plan
    if options.keep:
        options.keep.mkdir(parents=True)
        sys.exit(main(plan, options.seed, options.keep.absolute()))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(plan, options.seed, Path(made)))
