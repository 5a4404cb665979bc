"""What a call costs two replicas on one Redis, beside one alone: nobody is to pay for the other's being there.

python benchmarks/two_replicas.py [--series N]   exits 1 when a limit is broken. Takes two minutes.

Flipsnack is imitated and answers after 200 ms; ten or twenty calls are always under way at each. What the processes computed is
divided by the calls, in turn, and the median counts. A process that has less to do at once computes more for each call, with and
without another beside it: so like is compared with like, and what twenty calls cost where two share them is said as well.
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
EACH, ROUNDS, MOST = 5, 3, 1.1
AT_EACH = {"ten": 10, "twenty": 20}
SCENES = {(count, many): count * at_each for many, at_each in AT_EACH.items() for count in (1, 2)}
"""How many calls are always under way, by the replicas and what each of them has."""


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


def series() -> list[dict[tuple[int, str], float]]:
    """Rounds of all scenes in turn, on new servers: more would have to wait for the budget's minute."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis, where = stack.enter_context(running_redis(folder)), stack.enter_context(late_sandbox())
        _, listed = Line(where, stack.enter_context(httpx2.Client())).ask(ListCollections(status="public"))
        wanted = {"collection_hash": listed["collections"][0]["collectionHash"], **DAYS}
        every = {
            scene: replicas(stack, where, f"{redis.url}&prefix=of{number}", wanted, scene[0])
            for number, scene in enumerate(SCENES)
        }
        rounds = [
            {scene: anyio.run(together, parties, SCENES[scene]) for scene, parties in every.items()}
            for _ in range(ROUNDS + 1)
        ]
    return rounds[1:]  # the first warms up


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=4)
    rounds = [one for _ in range(parser.parse_args().series) for one in series()]
    took = {scene: median(one[scene] for one in rounds) for scene in SCENES}
    for (count, many), computed in took.items():
        print(f"  {OURS}: {count} with {many} calls at each compute {computed:.2f} ms a call")
    shared = took[2, "ten"] / took[1, "twenty"]
    print(
        f"  twenty calls over two, times those at one: {shared:.2f}, of which {took[1, 'ten'] / took[1, 'twenty']:.2f} for ten at one"
    )
    figures = [Figure(f"two with {many} at each, times one", took[2, many] / took[1, many], MOST) for many in AT_EACH]
    for figure in figures:
        print(figure)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
