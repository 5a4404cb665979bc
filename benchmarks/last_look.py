"""Whatever is destroyed is as it was seen: a colleague's change at a random moment, a tight budget, a slow store, refusals.

python benchmarks/last_look.py [--tries N] [--seed N]   exits 1 when anything is destroyed that was changed more than two
seconds before its request left. On a virtual clock; 600 tries take about a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from tests.server.bench import CODE, KEY, SECRET, Assistant, LoopClock, Person, Said, Witness, types_what_is_asked
from tests.server.meddling import AS_LONG_AS, GET, JOBS, REFUSALS, TITLE, Colleague, Left, MeddledBench, SlowStore
from tests.virtual_clock import VirtualLoop

AGAIN = 12
"""Calls that a patient assistant makes until it is answered otherwise than with a later turn."""
WHY = ("It changed", "two seconds went by", "turn comes", "could not be reached", "refused with code", "This needs")
"""Of what refusals speak."""


@dataclass
class Outcome:
    """What the tries came to."""

    ends: Counter[str] = field(default_factory=Counter[str])
    changed: int = 0
    oldest: float = 0.0
    broken: list[str] = field(default_factory=list[str])


async def one_try(chance: random.Random, folder: Path, outcome: Outcome) -> None:
    """One job from its preview to its end, with everything else left to chance."""
    clock, job = LoopClock(), chance.choice(list(JOBS))
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0))
    limits = chance.choice(
        [((1000, 1.0),), ((5, 60.0),), ((6, 20.0),), ((5, 1.0), (20, 60.0)), ((2, 1.0),), ((1, 1.0),)]
    )
    bench = MeddledBench(sandbox, clock, Witness(), chance.choice(["auto", "legacy"]), folder, limits=limits)
    target = bench.collection(TITLE)
    bench.colleague = Colleague(target, chance.choice(["title", "status"]), 0.0)
    store = SlowStore(clock)
    asyncio.get_running_loop().call_later(chance.uniform(0.0, 45.0), bench.colleague.make_it)
    trouble(chance, bench, store, job)
    person = Person(types_what_is_asked, chance.uniform(0.6, 40.0)) if chance.random() < 0.4 else None
    async with bench.assistant(person, bench.server(store)) as assistant:
        said, shown = await finished(assistant, job, bench, chance)
    note(bench, job, said, person.forms[-1] if person and person.forms else shown, outcome)


def trouble(chance: random.Random, bench: MeddledBench, store: SlowStore, job: str) -> None:
    """What can lie between a look and the act."""
    if chance.random() < 0.4:
        store.seconds = chance.choice([0.05, 0.3, 0.9, 1.9, 4.0])
    if chance.random() < 0.3:
        bench.sandbox.add_fault(Fault(chance.choice(list(REFUSALS)), JOBS[job][1], times=chance.randint(1, 3)))
    if chance.random() < 0.2:
        bench.unplugged = chance.randint(1, 3)
    if chance.random() < 0.4:
        slow = Fault("slow", GET, 0, seconds=chance.uniform(0.1, 3.0), phase=chance.choice(["before", "after"]))
        bench.sandbox.add_fault(slow)


async def finished(assistant: Assistant, job: str, bench: MeddledBench, chance: random.Random) -> tuple[Said, str]:
    """Ask for it as an assistant does: again once its turn comes, and with the code once the person agreed."""
    tool, given = JOBS[job][0], bench.arguments(job)
    if job == "plan":
        made = await patient(assistant, tool, {"collections": [bench.colleague.target.hash], "status": "editable"})
        if "plan_id" not in made.data:
            return made, ""
        given = {"plan_id": made.data["plan_id"], "wait_seconds": 45}
    first = said = await patient(assistant, tool, given)
    if code := CODE.search(said.text):
        await anyio.sleep(chance.uniform(0.0, 60.0))
        said = await patient(assistant, tool, {**given, "confirmation": code[1]})
    return said, first.text


async def patient(assistant: Assistant, tool: str, given: dict[str, Any]) -> Said:
    """The answer, once a turn has come."""
    for _ in range(AGAIN - 1):
        said = await assistant.call(tool, given)
        if "turn comes" not in said.text and said.data.get("state") != "running":
            return said
        await anyio.sleep(10)
    return await assistant.call(tool, given)


def note(bench: MeddledBench, job: str, said: Said, shown: str, outcome: Outcome) -> None:
    """How it ended, and whether that was right."""
    colleague, arrived = bench.colleague, bench.sandbox.carried_out(JOBS[job][1])
    outcome.ends[f"{job}: {'done' if arrived else next((why for why in WHY if why in said.text), 'left alone')}"] += 1
    outcome.changed += colleague.changed_at is not None
    where = f"{job}, {bench.mode}, {bench.limits}"
    for one in colleague.left:
        age = one.at - colleague.changed_at if colleague.changed_at is not None else 0.0
        unseen = (one.title, one.status) != one.looked_like or not was_shown(one, shown)
        outcome.oldest = max(outcome.oldest, age if unseen else 0.0)
        if unseen and age > AS_LONG_AS:
            outcome.broken.append(f"{where}: left {age:.1f} s after a change that nobody had seen")
    if arrived and said.is_error and "Nothing was changed." in said.text:
        outcome.broken.append(f"{where}: done, and said not to be: {said.text[:120]}")


def was_shown(act: Left, shown: str) -> bool:
    """Whether the question that the person answered last was about the target as it was at the act."""
    return f'"{act.title}"' in shown and any(f"{before}{act.status}" in shown for before in ("status ", ", "))


def main(tries: int, seed: int) -> int:
    began, outcome, chance = time.perf_counter(), Outcome(), random.Random(seed)  # noqa: S311 - no secret
    backend = {"loop_factory": VirtualLoop}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(tries):
            anyio.run(one_try, chance, Path(folder), outcome, backend_options=backend)
    print(*(f"  {end:36} {count:5}" for end, count in sorted(outcome.ends.items())), sep="\n")
    print(f"{tries} tries (seed {seed}), {outcome.changed} with the change made before their end")
    print(
        f"acts on what was changed more than two seconds before: {len(outcome.broken)}; the oldest: {outcome.oldest:.2f} s"
    )
    print(*outcome.broken[:20], sep="\n")
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Change what is about to be destroyed.")
    parser.add_argument("--tries", type=int, default=600, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="N")  # noqa: S311 - no secret
    options = parser.parse_args()
    sys.exit(main(options.tries, options.seed))
