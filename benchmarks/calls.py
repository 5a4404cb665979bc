"""What a call adds to Flipsnack's own time, beside what a call of a bare one-tool server costs.

python benchmarks/calls.py [--rounds N] [OTHER_TREE ...]   exits 1 when it is more than is allowed. Takes a minute.

In turn and back, one a second, as the usual limits allow: the bare request over a connection that is kept, a call of our server
over stdio that makes that one request, and a call of a bare server of the SDK's that asks nobody. The imitation has a
process of its own, so that state file, shared budget and line are real. Other trees of this project (folders that hold
`flipsnack_mcp`) are measured in the same turns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure
from benchmarks.player import sandbox
from benchmarks.startup import BARE, MESSAGES
from evaluations.assistant import without_settings
from flipsnack_mcp.api import Action, wire
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.actions.statistics import GetCollectionStats

ROOT = Path(__file__).parents[1]
OURS, REQUEST, BARE_SERVER = "flipsnack-mcp", "the request itself", "a bare server"
ALLOWED, MORE_THAN_BARE = 3.0, 1.0
"""Milliseconds: over the request itself; or over a bare server's call, where that comes to more."""
PAUSE, TIDYING = 1.05, 0.02
"""Seconds: of a round, for the limits' sake; and after an answer, for what is done behind it."""
DAYS = {"start_date": "2026-01-01", "end_date": "2026-01-31"}

Timed = Callable[[], tuple[float, float]]
"""Makes one call, and says how many milliseconds it took, and how many of them the server computed."""


@contextmanager
def server(
    command: list[str], tree: Path, environment: Mapping[str, str], tool: str, arguments: dict[str, Any]
) -> Iterator[Timed]:
    """A server over stdio, told and read by hand: a client of the SDK's would cost more than what is measured."""
    pipe = subprocess.PIPE
    own = {**environment, "PYTHONPATH": str(tree)}
    with subprocess.Popen(command, cwd=tree, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=own) as process:
        told, heard = process.stdin, process.stdout
        assert told
        assert heard
        told.write(b"".join(json.dumps(one).encode() + b"\n" for one in MESSAGES))
        told.flush()
        for _ in range(2):
            heard.readline()
        call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        message = json.dumps(call | {"id": 3}).encode() + b"\n"

        def timed() -> tuple[float, float]:
            computed, began = computing(process.pid), time.perf_counter()
            told.write(message)
            told.flush()
            answer = heard.readline()
            took = time.perf_counter() - began
            result = json.loads(answer)["result"]
            assert not result.get("isError"), result
            time.sleep(TIDYING)
            return 1000 * took, computing(process.pid) - computed

        yield timed
        told.close()


def computing(pid: int) -> float:
    """Milliseconds that all threads of a process have had a processor for."""
    every = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text(encoding="ascii").split()[0]) for one in every) / 1e6


class Line:
    """The bare requests, over a connection that is kept."""

    def __init__(self, where: Mapping[str, str], http: httpx2.Client) -> None:
        self._where, self._http = where, http

    def ask(self, action: Action[Any]) -> tuple[float, dict[str, Any]]:
        """How many milliseconds it took, and what came back."""
        values = wire.encode(action, self._where["api_key"], self._where["api_secret"])
        began = time.perf_counter()
        answer = self._http.get(self._where["api_url"], params=values)
        took = time.perf_counter() - began
        told = answer.json()
        assert told["code"] == 20, answer.text
        return 1000 * took, told["data"]


def measured(trees: Mapping[str, Path], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each, round by round; ours without the request's own."""
    with ExitStack() as stack:
        where = stack.enter_context(sandbox(1000))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        usual = without_settings()
        line = Line(where, stack.enter_context(httpx2.Client()))
        _, listed = line.ask(ListCollections(status="public"))
        wanted = {"collection_hash": listed["collections"][0]["collectionHash"], **DAYS}
        question = GetCollectionStats.model_validate(wanted)
        bare = [sys.executable, "-c", BARE]
        parties = {BARE_SERVER: stack.enter_context(server(bare, ROOT, usual, "one", {"n": 1}))}
        for name, tree in trees.items():
            own = {f"FLIPSNACK_{one.upper()}": value for one, value in where.items()}
            own |= {"FLIPSNACK_STATE": f"sqlite:{folder}/{len(parties)}/state.sqlite"}
            command = [sys.executable, "-m", "flipsnack_mcp"]
            parties[name] = stack.enter_context(
                server(command, tree.resolve(), usual | own, "get_collection_stats", wanted)
            )
        for party in parties.values():
            party()  # imports, opens, connects
        took: dict[str, list[float]] = {REQUEST: []}
        for number in range(rounds):
            in_turn = [*parties.items()]
            took[REQUEST].append(line.ask(question)[0])
            for name, party in in_turn[:: (-1) ** number]:
                whole, computed = party()
                took.setdefault(name, []).append(whole - (took[REQUEST][-1] if name in trees else 0))
                took.setdefault(f"{name}, computing", []).append(computed)
                time.sleep(PAUSE / len(parties))
    return took


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("others", nargs="*", type=Path)
    given = parser.parse_args()
    took = measured({OURS: ROOT} | {str(one): one for one in given.others}, given.rounds)
    for name, series in took.items():
        print(f"  {name:44} median {median(series):6.2f} ms, a tenth below {quantiles(series, n=10)[0]:6.2f} ms")
    limit = max(ALLOWED, median(took[BARE_SERVER]) + MORE_THAN_BARE)
    figure = Figure("added to the request", median(took[OURS]), limit, unit=" ms")
    print(figure)
    return 0 if figure.kept else 1


if __name__ == "__main__":
    sys.exit(main())
