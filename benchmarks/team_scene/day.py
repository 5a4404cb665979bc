"""A day of a team: what happens to its replicas and to Redis while everybody works, and what came of it all."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from benchmarks.team_scene.handing_over import Work, answered, begun_on, followed
from benchmarks.team_scene.imitations import ACCOUNTS
from benchmarks.team_scene.judging import Events, Sink, broken, figures, unrecorded
from benchmarks.team_scene.load import MODES, Assistant, Diary
from benchmarks.team_scene.replicas import Replica
from benchmarks.team_scene.scene import Team

SHARED, OWN = 60, 4
"""Collections that everybody of an account looks at, and that one of them changes."""
TOKENS_EACH = 2
REPORTERS_EACH = 6
"""Each report asks one thing after the other, so it takes several to use up a raised budget."""
LEAST_USE = 0.95


@dataclass(frozen=True)
class Plan:
    """What happens when, in seconds from the beginning."""

    name: str
    until: float
    pace: float
    """Seconds from one thing that a person wants to the next."""
    script: tuple[tuple[float, str], ...]
    people: int = 50
    full_minutes: tuple[float, float] | None = None
    """While all are well: whole minutes, since what was used in one second may be used again a minute later."""
    conversion_seconds: float = 20.0


USUAL = ("kill", "drain", "add", "stop redis", "start redis")
LONG = Plan("long", 340.0, 7.0, tuple(zip((150, 175, 190, 230, 250), USUAL, strict=True)), full_minutes=(85.0, 145.0))
SHORT = Plan("short", 54.0, 5.0, tuple(zip((10, 16, 18, 30, 38), USUAL, strict=True)))
KILLS = Plan(
    "kills",
    620.0,
    10.0,
    tuple(
        sorted(
            [(10 + 6 * at, "kill and restart") for at in range(100)]
            + [(13 + 30 * at, "kill redis") for at in range(20)]
        )
    ),
    people=20,
    conversion_seconds=5.0,
)


@dataclass
class Day:
    """All that is going on."""

    team: Team
    plan: Plan
    chance: random.Random
    tokens: dict[str, list[str]]
    hashes: dict[str, list[str]]
    diary: Diary = field(default_factory=Diary)
    began: float = field(default_factory=time.time)
    kills: list[float] = field(default_factory=list[float])
    works: list[Work] = field(default_factory=list[Work])
    wrong: list[str] = field(default_factory=list[str])

    async def happen(self, what: str) -> None:
        """One line of the script."""
        match what:
            case "kill":
                await self.end(self.team.replicas.living[0], killed=True)
            case "drain":
                await self.end(self.team.replicas.living[0], killed=False)
            case "add":
                await self.add()
            case "kill and restart":
                await self.kill_and_restart()
            case "kill redis":
                await anyio.to_thread.run_sync(self.team.redis.kill)
                await anyio.to_thread.run_sync(self.team.redis.start)
            case "stop redis":
                await anyio.to_thread.run_sync(self.team.redis.stop)
            case "start redis":
                await anyio.to_thread.run_sync(self.team.redis.start)

    async def end(self, replica: Replica, *, killed: bool) -> None:
        """End one that has work of its own, which another has to finish."""
        account = ACCOUNTS[len(self.works) % len(ACCOUNTS)]
        own = self.hashes[account][SHARED : SHARED + 40]
        # The last ones of an account are nobody's own.
        target = self.hashes[account].pop()
        self.diary.agreed.add(f"{account} {target}")
        token = self.tokens[account][0]
        work = await begun_on(self.team, token, replica, account, own, target, self.diary)
        self.works.append(work)
        if killed:
            self.kills.append(self.diary.now)
            replica.kill()
        else:
            replica.drain()
        self.wrong += await answered(self.team, token, work, self.diary)

    async def see_drained(self) -> None:
        """Whoever was asked to end has done so, and well."""
        for replica in self.team.replicas.every:
            if replica.ends and (status := await anyio.to_thread.run_sync(replica.ended)):
                self.wrong.append(f"the drained replica ended with {status}: {replica.said()[-500:]}")

    async def kill_and_restart(self) -> None:
        """As a supervisor does it: another process at the same port."""
        replica = self.chance.choice(self.team.replicas.living)
        await self.end(replica, killed=True)
        successor = self.team.replicas.begin(replica.port)
        await anyio.to_thread.run_sync(self.team.replicas.wait_for, successor)

    async def add(self) -> None:
        replica = self.team.replicas.begin()
        await anyio.to_thread.run_sync(self.team.replicas.wait_for, replica)
        await anyio.to_thread.run_sync(self.team.balancer.change, self.team.replicas.ports)

    async def play(self) -> None:
        """Carry out the script."""
        for at, what in self.plan.script:
            await anyio.sleep(max(0.0, at - self.diary.now))
            await self.happen(what)

    async def sink(self) -> Sink:
        requests = {name: await anyio.to_thread.run_sync(one.requests) for name, one in self.team.accounts.items()}
        return Sink(requests, self.began)


async def lived(team: Team, plan: Plan, chance: random.Random) -> tuple[dict[str, Any], list[str]]:
    """The whole day: its figures, and every promise that was broken."""
    tokens = {name: [await anyio.to_thread.run_sync(team.token, name) for _ in range(TOKENS_EACH)] for name in ACCOUNTS}
    hashes = {name: await listed(team, tokens[name][0], name) for name in ACCOUNTS}
    day = Day(team, plan, chance, tokens, hashes)
    people = [arrive(day, number) for number in range(plan.people + REPORTERS_EACH * len(ACCOUNTS))]
    async with anyio.create_task_group() as group:
        for one in people[: plan.people]:
            group.start_soon(one.attend, plan.until, partial(one.lead, plan.pace))
        for number, one in enumerate(people[plan.people :]):
            part = slice(number // len(ACCOUNTS), SHARED, REPORTERS_EACH)
            group.start_soon(one.attend, plan.until, partial(one.report, one.shared[part]))
        group.start_soon(day.play)
    await day.see_drained()
    for work in day.works:
        day.wrong += await followed(team, tokens[work.account][0], work, day.diary, certain=plan is not KILLS)
    return await judged(day)


async def judged(day: Day) -> tuple[dict[str, Any], list[str]]:
    """What the sink says of it."""
    sink = await day.sink()
    found = figures(day.diary)
    wrong = [*day.wrong, *broken(day.diary, sink, Events(day.kills))]
    if minutes := day.plan.full_minutes:
        use = {name: round(sink.use(name, *minutes, 600), 4) for name in ACCOUNTS}
        found["use"] = use
        wrong += [f"only {part:.1%} of the calls of {name} were used" for name, part in use.items() if part < LEAST_USE]
    await anyio.to_thread.run_sync(partial(day.team.operate, "history", "--verify"))
    trail = await anyio.to_thread.run_sync(partial(day.team.operate, "history", "--json"))
    wrong += unrecorded(day.diary, trail, "".join(one.said() for one in day.team.replicas.every))
    found["asked"] = {name: len(every) for name, every in sink.requests.items()}
    found["broken"] = len(wrong)
    return found, wrong


async def listed(team: Team, token: str, account: str) -> list[str]:
    """The hashes of all collections of an account, asked for as anybody would."""
    found, offset = list[str](), 0
    async with team.client(token) as (client, _):
        while offset is not None:
            asked = {"account": account, "limit": 100, "offset": offset, "order_by": "name", "order": "asc"}
            result = await client.call_tool("list_collections", asked)
            assert result.structured_content, result.content
            assert not result.is_error, result.content
            found += [one["collection_hash"] for one in result.structured_content["collections"]]
            offset = result.structured_content.get("next_offset")
    return found


def arrive(day: Day, number: int) -> Assistant:
    """One more person with an assistant."""
    account, place = ACCOUNTS[number % len(ACCOUNTS)], number // len(ACCOUNTS)
    every = day.hashes[account]
    own = every[SHARED + place * OWN : SHARED + (place + 1) * OWN]
    return Assistant(
        day.team,
        day.tokens[account][place % TOKENS_EACH],
        day.diary,
        account,
        f"{account}{number}",
        list(MODES)[place % len(MODES)],
        every[:SHARED],
        own,
        random.Random(day.chance.random()),  # noqa: S311 - no secret
    )
