"""A team's whole set-up from real processes: imitated accounts, Redis, replicas, nginx with TLS, and people with tokens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from benchmarks.team_scene.balancer import Balancer, balancing
from benchmarks.team_scene.imitations import ROOT, Account, Wanted, imitated
from benchmarks.team_scene.replicas import Replica, Replicas, own_environment, replicated
from tests.redis_server import RedisServer, running_redis

EVERYTHING = "read,write,delete"
PROGRAM = (sys.executable, "-m", "flipsnack_mcp")


@dataclass
class Team:
    """What stands."""

    folder: Path
    accounts: Mapping[str, Account]
    redis: RedisServer
    replicas: Replicas
    balancer: Balancer
    environment: Mapping[str, str]
    """The settings that all replicas have."""
    numbers: Iterator[int] = field(default_factory=count)

    def operate(self, *command: str) -> str:
        """Run one of our commands as the operator does; what it prints."""
        environment = {**own_environment(), **self.environment}
        done = subprocess.run(
            [*PROGRAM, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def token(self, accounts: str, may: str = EVERYTHING) -> str:
        """A new person's token."""
        return self.operate("token", "add", f"person-{next(self.numbers)}", "--account", accounts, "--may", may).strip()

    @asynccontextmanager
    async def client(
        self, token: str, mode: str = "auto", replica: Replica | None = None, **options: Any
    ) -> AsyncIterator[tuple[Client, list[str]]]:
        """A client of the SDK's through the balancer, or of one replica; and which replicas have answered it."""
        answered = list[str]()

        async def seen(response: httpx2.Response) -> None:
            answered.append(response.headers.get("X-Replica", ""))

        headers = {"Authorization": f"Bearer {token}"}
        if replica:
            headers["Host"] = self.balancer.url.removeprefix("https://")
        async with httpx2.AsyncClient(
            headers=headers,
            verify=self.balancer.trusting(),
            trust_env=False,
            timeout=httpx2.Timeout(30, read=120),
            event_hooks={"response": [seen]},
        ) as http:
            url = f"{(replica or self.balancer).url}/mcp"
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode, read_timeout_seconds=120, **options) as client:
                yield client, answered


@contextmanager
def team(folder: Path, wanted: Wanted, kind: str = "round-robin", replicas: int = 3, **more: str) -> Iterator[Team]:
    """Everything, until the end of the block."""
    with ExitStack() as standing:
        accounts = standing.enter_context(imitated(wanted))
        (folder / "redis").mkdir()
        redis = standing.enter_context(running_redis(folder / "redis"))
        balancer = Balancer(folder / "nginx", kind)
        environment = {**settings(folder, wanted, accounts, balancer, redis.url), **more}
        made = Team(folder, accounts, redis, Replicas(folder, environment), balancer, environment)
        # A replica that can let nobody in is not ready.
        made.token("germany", "read")
        standing.enter_context(replicated(made.replicas, replicas))
        standing.enter_context(balancing(balancer, made.replicas.ports))
        yield made


def settings(
    folder: Path, wanted: Wanted, accounts: Mapping[str, Account], balancer: Balancer, state: str
) -> dict[str, str]:
    """What each replica is told."""
    file, tokens = folder / "accounts.toml", folder / "tokens.json"
    file.write_text("\n".join(one.table for one in accounts.values()), encoding="utf-8")
    file.chmod(0o600)
    return {
        "FLIPSNACK_ACCOUNTS": str(file),
        "FLIPSNACK_TOKENS": str(tokens),
        "FLIPSNACK_STATE": state,
        "FLIPSNACK_PUBLIC_URL": balancer.url,
        "FLIPSNACK_STICKY": "1" if balancer.kind == "sticky" else "0",
        "FLIPSNACK_CALLS_PER_MINUTE": str(wanted.calls_per_minute),
        "FLIPSNACK_CALLS_PER_SECOND": str(wanted.pace.calls_per_second),
    }
