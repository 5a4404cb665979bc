"""Several whole servers on one key, against the sandbox at its limits: refusals, use, shares, and what a person waits.

python benchmarks/servers.py   exits 1 when a limit is broken. Takes ten minutes.

Real servers over stdio run reports over an open period without end, as assistants would; `pace.py` shows the same of the
budget alone, with a receiver of its own. All figures are taken at the sandbox.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from statistics import median, quantiles
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure
from evaluations.assistant import without_settings
from evaluations.staging import served
from flipsnack_mcp.sandbox import Sandbox

SINCE, UNTIL = 60.0, 180.0
ALLOWED = 60 * (UNTIL - SINCE) / 60
EACH = 40
"""Collections of one server's reports; each has its own, so that arrivals tell whose they are."""


@dataclass
class Scene:
    """A sandbox that answers, the servers before it, and when they began."""

    sandbox: Sandbox
    folder: Path
    where: dict[str, str]
    began: float = field(default_factory=time.time)

    def hashes(self, count: int) -> list[str]:
        """So many new collections."""
        made = [self.sandbox.account.add(title=f"Offers {n}", status="public", pages=4) for n in range(count)]
        return [one.hash for one in made]

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[Client, int]]:
        """A server and its process."""
        environment = {
            **without_settings(),
            **{f"FLIPSNACK_{name.upper()}": value for name, value in self.where.items()},
            "FLIPSNACK_STATE": f"sqlite:{self.folder / 'state.sqlite'}",
        }
        before = set(children())
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
        async with Client(parameters, read_timeout_seconds=120) as client:
            (pid,) = set(children()) - before
            yield client, pid

    def refused(self) -> int:
        """Answers 31 and 32."""
        return sum(one.code in {31, 32} for one in self.sandbox.requests)

    def counted(self, since: float, until: float) -> list[str]:
        """The collections that were asked about between two moments, "" for a look at the list."""
        return [
            one.params.get("collectionHash", "")
            for one in self.sandbox.requests
            if since <= one.at - self.began < until
        ]


def children() -> list[int]:
    """The processes that this one started."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """A sandbox over real HTTP, with Flipsnack's own limits."""
    sandbox = Sandbox(account="empty")
    async with served(sandbox) as where:
        yield Scene(sandbox, folder, where)


async def report(client: Client, hashes: list[str]) -> dict[str, Any]:
    """One report over a period that is not over, to its end."""
    today = datetime.now(UTC).date()
    asked = {
        "collections": hashes,
        "start_date": str(today - timedelta(days=29)),
        "end_date": str(today),
        "wait_seconds": 45,
    }
    while True:
        result = await client.call_tool("report_stats", asked)
        assert not result.is_error, result.content
        found = dict(result.structured_content or {})
        if found["state"] == "complete":
            return found
        asked = {"report_id": found["report_id"], "wait_seconds": 45}


async def endless(client: Client, hashes: list[str]) -> None:
    with suppress(Exception):  # it is killed, or the measuring is over
        while True:
            await report(client, hashes)


async def together(playing: Scene, count: int, *, kill_at: float = 0.0) -> Iterator[Figure]:
    """So many servers with endless reports; the last one may be killed half-way."""
    owners: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(anyio.create_task_group())
        pids: list[int] = []
        for number in range(count):
            client, pid = await stack.enter_async_context(playing.server())
            hashes = playing.hashes(EACH)
            owners |= dict.fromkeys(hashes, number)
            pids.append(pid)
            group.start_soon(endless, client, hashes)
        playing.began = time.time()
        if kill_at:
            await anyio.sleep(kill_at)
            os.kill(pids[-1], SIGKILL)
        await anyio.sleep(playing.began + UNTIL - time.time())
        group.cancel_scope.cancel()
    counted = playing.counted(SINCE, UNTIL)
    by = Counter(owners[one] for one in counted if one)
    living = range(count - bool(kill_at))
    return iter(
        [
            Figure("answers 31 and 32", playing.refused(), 0),
            Figure("use of the allowance", 100 * len(counted) / ALLOWED, 97, at_least=True, unit=" %"),
            Figure(
                "least share of the living",
                100 * min(by[one] for one in living) / max(1, len(counted)),
                12 if kill_at else 28,
                at_least=True,
                unit=" %",
            ),
        ]
    )


async def lanes(playing: Scene) -> Iterator[Figure]:
    """A report over 200 collections, and a person's question every 5 s, at the same server and at another by turns."""
    batch, questions, asked = playing.hashes(200), playing.hashes(60), dict[str, float]()
    async with playing.server() as (one, _), playing.server() as (other, _), anyio.create_task_group() as group:

        async def person() -> None:
            for number, hash_ in enumerate(questions):
                await anyio.sleep(5)
                asked[hash_] = time.time()
                client = (one, other)[number % 2]
                await client.call_tool("get_collection", {"collection_hash": hash_, "wait_seconds": 0})

        group.start_soon(person)
        before, began = len(playing.sandbox.requests), time.time()
        await report(one, batch)
        took = time.time() - began
        group.cancel_scope.cancel()
    arrived = {
        one.params["collectionHash"]: one.at
        for one in playing.sandbox.requests
        if one.action == "collection.getCollection"
    }
    waits = [arrived[hash_] - at for hash_, at in asked.items() if hash_ in arrived]
    made = len(playing.sandbox.requests) - before
    return iter(
        [
            Figure("answers 31 and 32", playing.refused(), 0),
            Figure("questions", len(waits), 30, at_least=True),
            Figure("a person waits, median", median(waits), 0.1, unit=" s"),
            Figure("a person waits, 95th percentile", quantiles(waits, n=20, method="inclusive")[-1], 1.5, unit=" s"),
            Figure("the report, for each call made", took / made, 1.05, unit=" s"),
        ]
    )


async def main() -> int:
    kept = True
    parts = {
        "three servers with endless reports": lambda playing: together(playing, 3),
        "six servers with endless reports, one killed half-way": lambda playing: together(playing, 6, kill_at=120),
        str(lanes.__doc__): lanes,
    }
    for name, part in parts.items():
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            async with scene(Path(folder)) as playing:
                for figure in await part(playing):
                    print(figure, flush=True)
                    kept = kept and figure.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
