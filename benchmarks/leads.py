"""Leads by twenty senders while servers are killed and Redis is away: what was taken is there, each once.

python benchmarks/leads.py [--short] [--seed N] [--keep FOLDER]   prints a line of JSON for each store; exits 1 with what is broken.

The sandbox sends 10,000 leads, each up to six times, through nginx: to one server on a file, which is killed, and to three on
Redis, which are killed while Redis itself is away for 20 s. Judged by what stands in the store. The long form takes some
minutes, the short one half a minute.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import anyio
import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.team_scene.imitations import Wanted
from benchmarks.team_scene.scene import Team, team
from benchmarks.team_scene.typed import run_as_typed
from flipsnack_mcp.sandbox import Hook, NoAnswer, Pace, Sandbox
from flipsnack_mcp.sandbox.webhook.webhook import Attempt, Delivery, Webhook
from flipsnack_mcp.settings import read_settings
from flipsnack_mcp.store.opening import open_store
from flipsnack_mcp.workflows.leads.keeping import Counted, counted, kept
from flipsnack_mcp.workflows.leads.lead import Lead

ACCOUNT = "germany"
KINDS = ("contact", "order", "contact", "survey")
NOT_KEPT = frozenset({"survey"})
"""Types that nobody knows: they are counted."""
SENDERS, COPIES = 20, 6
EMAIL = re.compile(r"reader-(\d+)@example\.com")
ADDRESS = re.compile(r"https?://\S+/hooks/\S+")
EXPECTED = frozenset({0, 200, 202, 204, 502, 503, 504})
"""No answer, taken, and what a balancer or a server says while it cannot take any."""


@dataclass(frozen=True)
class Plan:
    """How much is sent, and what happens meanwhile."""

    name: str
    leads: int
    kills: int
    away: float
    retry: float
    """Seconds until the first of five retries, each of which comes twice as late as the one before."""


LONG, SHORT = Plan("long", 10_000, 10, 20.0, 1.0), Plan("short", 100, 1, 2.0, 0.5)


@dataclass
class Scene:
    """Servers that take leads, and who sends them."""

    team: Team
    webhook: Webhook
    chance: random.Random
    on_redis: bool
    deliveries: list[Delivery] = field(default_factory=list[Delivery])

    @property
    def attempts(self) -> list[Attempt]:
        return [attempt for one in self.deliveries for attempt in one.attempts]

    def kill(self) -> None:
        """Kill a server without a chance to do anything, and start another in its place."""
        one = self.chance.choice(self.team.replicas.living)
        one.kill()
        self.team.replicas.wait_for(self.team.replicas.begin(one.port))

    def lose_redis(self, seconds: float) -> None:
        """Redis is gone for a while, and comes back with what it had written down."""
        self.team.redis.kill()
        time.sleep(seconds)
        self.team.redis.start()


@asynccontextmanager
async def sending(standing: Team, address: str, retry: float) -> AsyncIterator[Webhook]:
    """The sandbox's webhook, at that address."""
    endless = httpx2.Limits(max_connections=None)
    verify = standing.balancer.trusting()
    async with httpx2.AsyncClient(timeout=None, limits=endless, verify=verify, trust_env=False) as http:

        async def post(url: str, body: bytes) -> int:
            try:
                return (await http.post(url, content=body, headers={"Content-Type": "application/json"})).status_code
            except httpx2.TransportError as error:
                raise NoAnswer(type(error).__name__) from None

        webhook = Sandbox(hook=Hook(address, post), pace=Pace(retry_seconds=retry)).webhook
        assert webhook
        yield webhook


async def lived(scene: Scene, plan: Plan) -> None:
    """Send all of it, while things happen at even distances."""
    made = scene.webhook.submit(plan.leads, KINDS, COPIES)
    # Of one half all copies are under way at once, of the other they lie apart, with a kill between them.
    scene.deliveries = sorted(
        made, key=lambda one: one.number if one.number % 2 else scene.chance.uniform(1, plan.leads)
    )
    happens = [((turn + 0.5) / plan.kills, scene.kill) for turn in range(plan.kills)]
    if scene.on_redis:
        happens.insert(len(happens) // 2, (0.5, partial(scene.lose_redis, plan.away)))
    async with anyio.create_task_group() as group:
        group.start_soon(disturbed, scene, happens)
        await scene.webhook.send(scene.deliveries, SENDERS)
        group.cancel_scope.cancel()


async def disturbed(scene: Scene, happens: Sequence[tuple[float, Any]]) -> None:
    """One thing after the other, each when so much of all has arrived."""
    for share, happen in happens:
        while sum(one.outcome != "waiting" for one in scene.deliveries) < share * len(scene.deliveries):  # noqa: ASYNC110 - no delivery tells of its end
            await anyio.sleep(0.1)
        await anyio.to_thread.run_sync(happen)


async def in_the_store(environment: Mapping[str, str]) -> tuple[list[Lead], Counted]:
    """What stands there of the account in the end."""
    settings = read_settings(dict(environment), {})
    (account,) = (one.account for one in settings.every if one.name == ACCOUNT)
    store = open_store(environment["FLIPSNACK_STATE"])
    ever = {"since": 0.0, "until": time.time() + 3600}
    try:
        return await kept(store, account, **ever), await counted(store, account, **ever)
    finally:
        await store.close()


def broken(scene: Scene, leads: Sequence[Lead], counts: Counted) -> Iterator[str]:
    """What does not hold, in sentences."""
    by_number = {one.number: one.body for one in scene.deliveries}
    taken = {one.number for one in scene.deliveries if one.outcome == "delivered"}
    there = Counter(reader_of(one.fields.values()) for one in leads)
    wanted = {number for number in taken if by_number[number]["type"] not in NOT_KEPT}
    if missing := wanted - there.keys():
        yield f"{len(missing)} leads were answered 2xx and are missing: {sorted(missing)[:9]}"
    if doubled := [number for number, times in there.items() if times > 1]:
        yield f"{len(doubled)} leads are there more than once: {sorted(doubled)[:9]}"
    if strange := there.keys() - {number for number, one in by_number.items() if one["type"] not in NOT_KEPT}:
        yield f"{len(strange)} leads are there that nobody sent, or that are to be counted only: {sorted(strange)[:9]}"
    changed = [one for one in leads if not whole(one, by_number.get(reader_of(one.fields.values()), {}))]
    if changed:
        yield f"{len(changed)} leads are not as they were sent, such as {changed[0]}"
    sent = {number for number, one in by_number.items() if one["type"] in NOT_KEPT}
    if not len(leads) + len(taken & sent) <= sum(counts.values()) <= len(leads) + len(sent):
        yield f"{sum(counts.values())} are counted: {len(leads)} are there, and {len(sent)} were to be counted only"
    if lost := by_number.keys() - taken:
        yield f"{len(lost)} leads were never taken, though each was tried six times: {sorted(lost)[:9]}"
    if odd := {one.answer for one in scene.attempts} - EXPECTED:
        yield f"there were answers {sorted(odd)}"


def reader_of(texts: Any) -> int:
    """Who wrote it."""
    return next((int(found[1]) for one in texts if (found := EMAIL.fullmatch(one))), 0)


def whole(lead: Lead, body: Mapping[str, Any]) -> bool:
    """Whether every value that was sent stands in the lead, whatever the paths are called."""
    return Counter(map(str, values_in(body.get("data")))) == Counter(lead.fields.values())


def values_in(value: Any) -> Iterator[Any]:
    """The ends of a tree."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inside is None:
        yield value
        return
    for one in inside:
        yield from values_in(one)


def told_in(logs: str, secret: str) -> dict[str, bool]:
    """What may stand in no log, of the servers and of nginx, and whether it does."""
    return {"nothing at all": not logs, "the hook's path": secret in logs, "a lead": bool(EMAIL.search(logs))}


def figures(scene: Scene, took: float) -> dict[str, Any]:
    """What an operator wants to know."""
    answered = [one.seconds for one in scene.attempts if one.arrived]
    return {
        "requests": len(scene.attempts),
        "answers": dict(Counter(one.answer or one.error for one in scene.attempts)),
        "taken in s": round(took, 1),
        "2xx a second": round(len(answered) / took),
        "median ms": round(1000 * median(answered)),
        "99 % ms": round(1000 * quantiles(answered, n=100, method="inclusive")[-1]),
        "worst ms": round(1000 * max(answered)),
        "a 503 ms, worst": round(1000 * max((one.seconds for one in scene.attempts if one.answer == 503), default=0)),
    }


async def judged(standing: Team, plan: Plan, chance: random.Random, *, on_redis: bool) -> tuple[Any, list[str]]:
    """One store, from the first lead to the last look."""
    (address,) = ADDRESS.findall(standing.operate("hooks", "add", ACCOUNT))
    async with sending(standing, address, plan.retry) as webhook:
        scene = Scene(standing, webhook, chance, on_redis)
        began = time.monotonic()
        await lived(scene, plan)
        took = time.monotonic() - began
    leads, counts = await in_the_store(standing.environment)
    logs = "".join(one.read_text(encoding="utf-8", errors="replace") for one in standing.folder.rglob("*.log"))
    said = [f"a log holds {one}" for one, found in told_in(logs, address.rpartition("/")[2]).items() if found]
    return figures(scene, took), [*broken(scene, leads, counts), *said]


def main(plan: Plan, seed: int, folder: Path) -> int:
    wrong, chance = list[str](), random.Random(seed)  # noqa: S311 - no secret
    for name, replicas in {"file": 1, "redis": 3}.items():
        own = folder / name
        own.mkdir()
        more = {} if name == "redis" else {"FLIPSNACK_STATE": f"sqlite:{own}/state.sqlite"}
        wanted = Wanted(accounts=(ACCOUNT,), collections=6)
        with team(own, wanted, replicas=replicas, FLIPSNACK_LEADS="1", **more) as standing:
            found, said = anyio.run(partial(judged, standing, plan, chance, on_redis=name == "redis"))
        print(json.dumps({"plan": plan.name, "seed": seed, "store": name, **found}), flush=True)
        wrong += [f"{name}: {one}" for one in said]
    print("\n".join(wrong) or "each lead that was taken is there once, and none is missing", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    run_as_typed("Leads, while servers are killed and Redis is away.", LONG, {"--short": SHORT}, main)
