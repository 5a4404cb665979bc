"""Flipsnack, imitated for several accounts in one process over real HTTP: the sink at which a team's servers are judged.

python -m benchmarks.team_scene.imitations JSON   prints where each account is, one JSON object, and serves until killed.

Every title of an account begins with its name, so an answer that speaks of another account is seen by its text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import anyio
import httpx2

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.serving import serve

ROOT = Path(__file__).parents[2]
ACCOUNTS = ("germany", "france", "iberia", "nordics")


@dataclass(frozen=True)
class Wanted:
    """What the imitations are to be like."""

    accounts: tuple[str, ...] = ACCOUNTS
    collections: int = 170
    calls_per_minute: int = 600
    conversion_seconds: float = 5.0
    uploads_left: int = 500

    @property
    def pace(self) -> Pace:
        """Their limits: a twelfth of a minute's calls in a second, as Flipsnack has it."""
        a_second = self.calls_per_minute // 12
        return Pace(
            self.conversion_seconds,
            calls_per_second=a_second,
            calls_per_minute=self.calls_per_minute,
            uploads_left=self.uploads_left,
        )

    def sandbox(self, name: str) -> Sandbox:
        """The imitation of one account."""
        made = Sandbox(
            api_key=f"KEY-{name.upper()}-7SG7832",
            api_secret=f"SECRET-{name.upper()}-456-7890",
            account="empty",
            pace=self.pace,
        )
        for number in range(self.collections):
            made.account.add(title=f"{name} offers {number:03}", status="public", pages=8)
        return made


@dataclass(frozen=True)
class Account:
    """One account: its name, where it is asked, and what opens it."""

    name: str
    api_url: str
    upload_url: str
    api_key: str
    api_secret: str

    @property
    def table(self) -> str:
        """Its lines in the accounts file."""
        told = {
            "key": self.api_key,
            "secret": self.api_secret,
            "api_url": self.api_url,
            "upload_url": self.upload_url,
        }
        return f"[accounts.{self.name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in told.items())

    def requests(self) -> list[dict[str, Any]]:
        """What has arrived there, the newest last."""
        where = self.api_url.removesuffix("v1/")
        return list(httpx2.get(f"{where}_sandbox/requests", timeout=60, trust_env=False).json()["requests"])


@contextmanager
def imitated(wanted: Wanted) -> Iterator[dict[str, Account]]:
    """A process that serves them, until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.team_scene.imitations", json.dumps(asdict(wanted))]
    with Popen(command, cwd=ROOT, stdout=PIPE, text=True) as process:
        assert process.stdout
        try:
            told = json.loads(process.stdout.readline())
            yield {name: Account(name, **where) for name, where in told.items()}
        finally:
            process.kill()


async def main(wanted: Wanted) -> None:
    """Serve all of them, and say where once each is there."""
    told = dict[str, dict[str, str]]()

    def ready(name: str, where: dict[str, str]) -> None:
        told[name] = where
        if len(told) == len(wanted.accounts):
            print(json.dumps(told), flush=True)

    async with anyio.create_task_group() as group:
        for name in wanted.accounts:
            group.start_soon(serve, wanted.sandbox(name), "127.0.0.1", 0, partial(ready, name))


if __name__ == "__main__":
    anyio.run(main, Wanted(**json.loads(sys.argv[1])))
