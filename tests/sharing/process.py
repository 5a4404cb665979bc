"""A process that asks Flipsnack as the server does: `python -m tests.sharing.process PLAN`. Says "ready", begins at a line.

The plan is JSON; see `Plan`. Every question of a person is told on stdout, with the time, before it is asked.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import anyio

from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.budget import BudgetRules, Lane
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.counting.apart import BudgetApart, BudgetOfReplicas
from flipsnack_mcp.api.counting.ledger import blank, fits
from flipsnack_mcp.api.counting.settled_calls import BudgetStore
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.redis_address import is_redis
from flipsnack_mcp.store.opening import open_shared_document, open_store
from flipsnack_mcp.store.redis.redis_document import RedisDocument
from flipsnack_mcp.store.shared_document import SharedDocument

BACKGROUND = Terms(lane=Lane.BACKGROUND)


@dataclass(frozen=True)
class Plan:
    """What one process does."""

    name: str
    url: str
    document: str
    scale: float
    loops: int = 0
    """Endless batches, each of one call after another."""
    batch: int = 0
    """Calls that all wait from the start."""
    person_every: float = 0.0
    """Seconds between a person's questions."""
    person_after: float = 0.0

    def rules(self) -> BudgetRules:
        limits = tuple((n, window * self.scale) for n, window in BudgetRules().limits)
        # `grace` and `slack` stay: a machine's lateness does not shrink.
        return BudgetRules(limits=limits, margin=0.05 * self.scale, nap=self.scale)


async def run(plan: Plan) -> None:
    pacer = Pacer(budget_of(plan), plan.rules())
    async with Flipsnack(Access("KEY", "SECRET", plan.url), pacer) as flipsnack, anyio.create_task_group() as group:
        if is_redis(plan.document):
            group.start_soon(open_store(plan.document).attend)
        for _ in range(plan.loops):
            group.start_soon(loop, flipsnack, plan.name)
        for _ in range(plan.batch):
            group.start_soon(one, flipsnack, plan.name)
        if plan.person_every:
            group.start_soon(person, flipsnack, plan)


def budget_of(plan: Plan) -> BudgetStore:
    """What counts the calls of all processes."""
    if not is_redis(plan.document):
        return SharedDocument(Path(plan.document), blank(), fits)
    document = open_shared_document(plan.document, "budget", blank(), fits, BudgetApart(plan.rules()))
    assert isinstance(document, RedisDocument)
    return BudgetOfReplicas(document)


async def loop(flipsnack: Flipsnack, name: str) -> None:
    while True:
        await one(flipsnack, name)


async def one(flipsnack: Flipsnack, name: str) -> None:
    await flipsnack.send(GetCollectionStats(collection_hash=name), terms=BACKGROUND)


async def person(flipsnack: Flipsnack, plan: Plan) -> None:
    await anyio.sleep(plan.person_after)
    while True:
        say(str(time.monotonic()))
        await flipsnack.send(GetCollection(collection_hash=plan.name))
        await anyio.sleep(plan.person_every)


def say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    plan = Plan(**json.loads(sys.argv[1]))
    if is_redis(plan.document):
        import redis.asyncio  # noqa: F401 - takes as long as ten calls, and is no part of them
    say("ready")
    sys.stdin.readline()
    anyio.run(run, plan)
