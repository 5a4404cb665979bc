"""What a call costs two replicas on one Redis, beside one alone: nobody is to pay for the other's being there.

python benchmarks/two_replicas.py [--rounds N]   exits 1 when the limit is broken. Takes a minute.

Flipsnack is imitated and answers after 200 ms; twenty calls are always under way at the one, and at the two twenty in all, or
twenty at each. What the processes computed is divided by the calls, in turn, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import anyio
import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.calls import DAYS, Line, computing
from benchmarks.over_http import OURS, Party, free_port, process
from benchmarks.pace import Figure
from evaluations.assistant import without_settings
from flipsnack_mcp.api.actions.collections import ListCollections
from tests.redis_server import running_redis

ROOT = Path(__file__).parents[1]
LATE = """
import json
import anyio
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.serving import serve
made = Sandbox(account="large", pace=Pace(calls_per_second=0, calls_per_minute=0))
at_once = made.app
async def late(scope, receive, send):
    await anyio.sleep(0.2)
    await at_once(scope, receive, send)
made.app = late
anyio.run(serve, made, "127.0.0.1", 0, lambda where: print(json.dumps(where), flush=True))
"""
EACH, MOST = 5, 1.1
ALONE = "one replica"
SCENES = {ALONE: (1, 20), "two, twenty in all": (2, 20), "two, twenty at each": (2, 40)}
"""How many replicas there are, and how many calls are always under way."""


@contextmanager
def late_sandbox() -> Iterator[dict[str, str]]:
    with subprocess.Popen([sys.executable, "-c", LATE], cwd=ROOT, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout
        try:
            yield json.loads(sandbox.stdout.readline())
        finally:
            sandbox.kill()


def replicas(stack: ExitStack, where: dict[str, str], store: str, wanted: dict[str, str], count: int) -> list[Party]:
    """So many servers on one store."""
    settings = {f"FLIPSNACK_{name.upper()}": value for name, value in where.items()}
    settings |= {"FLIPSNACK_CALLS_PER_MINUTE": "1000", "FLIPSNACK_CALLS_PER_SECOND": "1000", "FLIPSNACK_STATE": store}
    ports = [free_port() for _ in range(count)]
    serve = ["-m", "flipsnack_mcp", "serve", "--http"]
    pids = [
        stack.enter_context(process([*serve, f"127.0.0.1:{port}"], without_settings() | settings, port))
        for port in ports
    ]
    return [
        Party(pid, f"http://127.0.0.1:{port}/mcp", {}, "get_collection_stats", wanted)
        for pid, port in zip(pids, ports, strict=True)
    ]


async def together(parties: list[Party], at_once: int) -> float:
    """Milliseconds that the servers computed for each of many calls."""
    async with httpx2.AsyncClient(timeout=60) as http:
        before = sum(computing(one.pid) for one in parties)

        async def one_after_another(party: Party) -> None:
            headers, body = party.message
            for _ in range(EACH):
                answer = await http.post(party.address, content=body, headers=headers)
                assert answer.status_code == 200, answer.text
                assert not answer.json()["result"].get("isError"), answer.text

        async with anyio.create_task_group() as group:
            for number in range(at_once):
                group.start_soon(one_after_another, parties[number % len(parties)])
        return (sum(computing(one.pid) for one in parties) - before) / (at_once * EACH)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis, where = stack.enter_context(running_redis(folder)), stack.enter_context(late_sandbox())
        _, listed = Line(where, stack.enter_context(httpx2.Client())).ask(ListCollections(status="public"))
        wanted = {"collection_hash": listed["collections"][0]["collectionHash"], **DAYS}
        every = {
            name: replicas(stack, where, f"{redis.url}&prefix=of{number}", wanted, count)
            for number, (name, (count, _)) in enumerate(SCENES.items())
        }
        rounds = [
            {name: anyio.run(together, parties, SCENES[name][1]) for name, parties in every.items()}
            for _ in range(given.rounds + 1)
        ]
    took = {name: median(one[name] for one in rounds[1:]) for name in SCENES}  # the first warms up
    figures = [Figure(f"{name}, times one", took[name] / took[ALONE], MOST) for name in SCENES if name != ALONE]
    print(f"  {OURS}: {took[ALONE]:.2f} ms a call at {ALONE}")
    for figure in figures:
        print(figure)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
