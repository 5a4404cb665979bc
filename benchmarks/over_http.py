"""What a call over HTTP costs beside a bare one-tool server of the SDK's on the same uvicorn, and what many clients cost.

python benchmarks/over_http.py [--rounds N] [--clients N]   exits 1 when a limit is broken. Takes two minutes.

One at a time, in turn: the bare request to the imitation, a call of our server as a team has it (tokens, limits, a state
file), a call of a bare server that asks nobody, and of one that signs and sends the same request. Then twenty at once, by
what the process computed for each; and so many clients of the SDK's, of both revisions, by what the process holds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.calls import DAYS, Line, computing
from benchmarks.pace import Figure
from benchmarks.player import sandbox
from evaluations.assistant import without_settings
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from tests.commands.processes import nobody_answers_at
from tests.team.over_http import modern

ROOT = Path(__file__).parents[1]
BARE = """
import json, os, sys
import httpx2, uvicorn
from mcp.server import MCPServer
from flipsnack_mcp.api import wire
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
server = MCPServer("bare", log_level="WARNING")
http = httpx2.AsyncClient()
@server.tool()
def one(n: int) -> int:
    return n
@server.tool()
async def asks(collection_hash: str, start_date: str, end_date: str) -> dict:
    asked = GetCollectionStats(collection_hash=collection_hash, start_date=start_date, end_date=end_date)
    values = wire.encode(asked, os.environ["KEY"], os.environ["SECRET"])
    return (await http.get(os.environ["URL"], params=values)).json()
uvicorn.run(server.streamable_http_app(), port=int(sys.argv[1]), log_level="info", access_log=False, ws="none")
"""
OURS, BARE_SERVER, BARE_ASKS, REQUEST = (
    "flipsnack-mcp",
    "a bare server",
    "a bare server that asks",
    "the request itself",
)
AT_ONCE, EACH, ROUNDS = 20, 6, 6
MORE_THAN_BARE, MORE_THAN_REQUEST, TIMES_BARE = 2.0, 5.0, 1.5
MOST_MIB = 400


@dataclass(frozen=True)
class Party:
    """A server, and the call that is made of it."""

    pid: int
    address: str
    headers: Mapping[str, str]
    tool: str
    arguments: Mapping[str, Any]

    @property
    def message(self) -> tuple[dict[str, str], bytes]:
        headers, body = modern("tools/call", name=self.tool, arguments=self.arguments)
        return {**headers, **self.headers}, json.dumps(body).encode()


@contextmanager
def process(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[int]:
    """A server of its own, once it answers."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=quiet, stderr=quiet) as server:
        try:
            for _ in range(300):
                try:
                    httpx2.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            yield server.pid
        finally:
            server.kill()


def free_port() -> int:
    with nobody_answers_at() as port:
        return port


def parties(stack: ExitStack, where: Mapping[str, str], wanted: Mapping[str, Any], folder: Path) -> dict[str, Party]:
    """All servers, each in a process of its own."""
    usual = without_settings()
    usual |= {"FLIPSNACK_CALLS_PER_MINUTE": "1000", "FLIPSNACK_CALLS_PER_SECOND": "1000"}
    usual |= {"PYTHONPATH": str(ROOT), "KEY": where["api_key"], "SECRET": where["api_secret"], "URL": where["api_url"]}
    own = {f"FLIPSNACK_{one.upper()}": value for one, value in where.items()}
    own |= {"FLIPSNACK_STATE": f"sqlite:{folder}/state.sqlite", "FLIPSNACK_TOKENS": str(folder / "tokens")}
    token = subprocess.run(
        [sys.executable, "-m", "flipsnack_mcp", "token", "add", "benchmark", "--may", "read,write,delete"],
        cwd=ROOT, env=usual | own, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    port, bare = free_port(), free_port()
    serve = ["-m", "flipsnack_mcp", "serve", "--http", f"127.0.0.1:{port}", "--caller-calls-per-second", "1000"]
    ours = stack.enter_context(process([*serve, "--caller-calls", "250"], usual | own, port))
    other = stack.enter_context(process(["-c", BARE, str(bare)], usual, bare))
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        OURS: Party(ours, f"http://127.0.0.1:{port}/mcp", bearer, "get_collection_stats", wanted),
        BARE_SERVER: Party(other, f"http://127.0.0.1:{bare}/mcp", {}, "one", {"n": 1}),
        BARE_ASKS: Party(other, f"http://127.0.0.1:{bare}/mcp", {}, "asks", wanted),
    }


def called(party: Party, http: httpx2.Client) -> float:
    """Milliseconds of one call."""
    headers, body = party.message
    began = time.perf_counter()
    answer = http.post(party.address, content=body, headers=headers)
    took = time.perf_counter() - began
    assert not answer.json()["result"].get("isError"), answer.text
    return 1000 * took


def alone(every: Mapping[str, Party], line: Line, question: GetCollectionStats, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each, one after the other and in turn."""
    took: dict[str, list[float]] = {REQUEST: [], **{name: [] for name in every}}
    with httpx2.Client() as http:
        for party in every.values():
            called(party, http)
        for number in range(rounds):
            took[REQUEST].append(line.ask(question)[0])
            for name in [*every][:: (-1) ** number]:
                took[name].append(called(every[name], http))
                time.sleep(0.02)
    return took


async def together(party: Party) -> float:
    """Milliseconds that a server computed for each of many calls, of which so many are always under way."""
    headers, body = party.message
    async with httpx2.AsyncClient(timeout=60) as http:
        before = computing(party.pid)

        async def one_after_another() -> None:
            for _ in range(EACH):
                answer = await http.post(party.address, content=body, headers=headers)
                assert answer.status_code == 200, answer.text

        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(one_after_another)
        return (computing(party.pid) - before) / (AT_ONCE * EACH)


async def crowd(party: Party, clients: int) -> float:
    """MiB that a server holds while so many clients of both revisions are connected, each after its list and a call."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx2.AsyncClient(headers=dict(party.headers), timeout=60, limits=httpx2.Limits(max_connections=None))
        )

        async def connect(number: int) -> Client:
            mode: Any = "auto" if number % 2 else "legacy"
            client = Client(streamable_http_client(party.address, http_client=http), mode=mode)
            return await stack.enter_async_context(client)

        every = [await connect(number) for number in range(clients)]
        async with anyio.create_task_group() as group:
            for client in every:
                group.start_soon(client.list_tools)
        async with anyio.create_task_group() as group:
            for client in every:
                group.start_soon(client.call_tool, party.tool, dict(party.arguments))
        return resident(party.pid)


def resident(pid: int) -> float:
    """MiB that a process held at the most since it began."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    with ExitStack() as stack:
        where = stack.enter_context(sandbox(0))  # nobody is to wait for the budget
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        line = Line(where, stack.enter_context(httpx2.Client()))
        _, listed = line.ask(ListCollections(status="public"))
        wanted = {"collection_hash": listed["collections"][0]["collectionHash"], **DAYS}
        every = parties(stack, where, wanted, folder)
        took = alone(every, line, GetCollectionStats.model_validate(wanted), given.rounds)
        rounds = [{name: anyio.run(together, party) for name, party in every.items()} for _ in range(ROUNDS)]
        computed = {name: fmean(one[name] for one in rounds[1:]) for name in every}  # the first warms up
        held = anyio.run(crowd, every[OURS], given.clients)
    for name, series in took.items():
        print(f"  {name:44} median {median(series):6.2f} ms   computed {computed.get(name, 0):6.2f} ms")
    floor = max(median(took[REQUEST]) + MORE_THAN_REQUEST, median(took[BARE_SERVER]) + MORE_THAN_BARE)
    figures = [
        Figure("a call, one at a time", median(took[OURS]), floor, unit=" ms"),
        Figure("computed for each of 20, times the bare one's", computed[OURS] / computed[BARE_SERVER], TIMES_BARE),
        Figure("the same beside one that asks", computed[OURS] / computed[BARE_ASKS], TIMES_BARE),
        Figure(f"held before {given.clients} clients", held, MOST_MIB, unit=" MiB"),
    ]
    for figure in figures:
        print(figure)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
