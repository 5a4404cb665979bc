"""What this server costs beside what a user would have otherwise: one table of ratios, all made in one run.

python benchmarks/beside.py [--node FOLDER] [--fastmcp PYTHON] [--long]   Takes three minutes, with --long twenty.

FOLDER holds a `node_modules` with `@modelcontextprotocol/sdk`, PYTHON is an interpreter that has `fastmcp`, whose OpenAPI
bridge then gets the same API: what is not given is left out, and said. With --long transfers beside curl and the use of
the request budget are measured as well, by the benchmarks of those names. `RESULTS.md` holds a run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters, types
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import calls
from benchmarks.calls import Line
from benchmarks.startup import BARE, MESSAGES
from evaluations.assistant import without_settings
from evaluations.staging import served
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.server.bench import tokens

ROUNDS = 15
NODE = """
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
const server = new McpServer({ name: "bare", version: "1" });
server.registerTool("one", { description: "one" }, async () => ({ content: [] }));
await server.connect(new StdioServerTransport());
"""
BRIDGE = """
import httpx2
from fastmcp import FastMCP
text = {"type": "string"}
names = ("action", "apiKey", "signature", "collectionHash", "query", "startDate", "endDate")
asked = [{"name": one, "in": "query", "schema": text} for one in names]
get = {"operationId": "call", "parameters": asked, "responses": {"200": {"description": "An envelope"}}}
spec = {"openapi": "3.1.0", "info": {"title": "Flipsnack", "version": "1"}, "paths": {"/v1/": {"get": get}}}
http = httpx2.AsyncClient(base_url="https://api.flipsnack.com")
FastMCP.from_openapi(spec, client=http).run(show_banner=False)
"""


@dataclass(frozen=True)
class Row:
    """Something of ours beside something else, which is 1."""

    name: str
    ours: float
    beside: str
    other: float
    unit: str

    @override
    def __str__(self) -> str:
        ratio = f"{self.ours / self.other:.2f}" if self.other else "-"
        told = f"{self.ours:.1f} {self.unit}", f"{self.other:.1f} {self.unit}"
        return f"| {self.name} | {told[0]} | {self.beside} | {told[1]} | {ratio} |"


def begun(command: list[str], folder: Path) -> tuple[float, float]:
    """From the start of a process to the answer of tools/list, in milliseconds; and what it holds then, in MiB."""
    pipe, began = subprocess.PIPE, time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=os.environ
    ) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in MESSAGES))
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        took = time.perf_counter() - began
        assert answers[-1]["result"]["tools"]
        pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
        server.kill()
    return 1000 * took, pages * 4096 / 2**20


def starts(others: dict[str, tuple[list[str], Path]]) -> Iterator[Row]:
    """Start and idle memory, in turn; the first round warms the caches."""
    own = {"ours": ([sys.executable, "-m", "flipsnack_mcp"], calls.ROOT)}
    every = own | others
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
    for _ in range(ROUNDS + 1):
        for name, what in every.items():
            seen[name].append(begun(*what))
    medians = {name: [median(column) for column in zip(*series[1:], strict=True)] for name, series in seen.items()}
    for name in others:
        yield Row("start to tools/list", medians["ours"][0], name, medians[name][0], "ms")
        yield Row("memory while idle", medians["ours"][1], name, medians[name][1], "MiB")


def added() -> Iterator[Row]:
    """What a call adds."""
    took = {name: median(series) for name, series in calls.measured({calls.OURS: calls.ROOT}, 30).items()}
    told = {"": "time of a call, less Flipsnack's", ", computing": "computed for a call"}
    for kind, name in told.items():
        bare = took[calls.BARE_SERVER + kind]
        yield Row(name, took[calls.OURS + kind], "bare server of the SDK", bare, "ms")


@asynccontextmanager
async def scene(folder: Path, collections: int) -> AsyncIterator[tuple[Client, Line, Sandbox]]:
    """A server before an account of so many collections, which takes any number of calls."""
    sandbox = Sandbox(account="empty", pace=Pace(calls_per_second=0, calls_per_minute=0))
    for number in range(collections):
        sandbox.account.add(title=f"Offers {number}", status="public", pages=16)
    async with served(sandbox) as where:
        environment = {
            **without_settings(),
            **{f"FLIPSNACK_{name.upper()}": value for name, value in where.items()},
            "FLIPSNACK_STATE": f"sqlite:{folder / str(collections) / 'state.sqlite'}",
            "FLIPSNACK_CALLS_PER_SECOND": "1000",
            "FLIPSNACK_CALLS_PER_MINUTE": "1000",
        }
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
        with httpx2.Client() as http:
            async with Client(parameters, read_timeout_seconds=120) as client:
                yield client, Line(where, http), sandbox


async def asked(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[float, int]:
    """Milliseconds and tokens of one call."""
    began = time.perf_counter()
    result = await client.call_tool(tool, arguments)
    took = time.perf_counter() - began
    assert not result.is_error, result.content
    return 1000 * took, sum(tokens(one.text) for one in result.content if isinstance(one, types.TextContent))


async def growth(folder: Path) -> AsyncIterator[Row]:
    """A page, and a search that Flipsnack does not answer, over accounts of all sizes; and many calls at once."""
    first: tuple[float, float] | None = None
    for many in (1, 10, 100, 1000):
        async with scene(folder, many) as (client, _, sandbox):
            await asked(client, "get_user_stats", {})
            page = median([(await asked(client, "list_collections", {"limit": one}))[0] for one in range(13, 21)])
            before = len(sandbox.requests)
            search, _ = await asked(client, "list_collections", {"query": "0 offers"})
            first = first or (page, search)
            yield Row(f"a page, of {many}", page, "the same, of 1", first[0], "ms")
            requests = len(sandbox.requests) - before
            yield Row(f"a search, of {many} ({requests} requests)", search, "the same, of 1", first[1], "ms")
    async with scene(folder, 64) as (client, _, sandbox):
        questions = [{"collection_hash": one} for one in sandbox.account.collections]
        series = [(await asked(client, "get_collection_stats", one))[0] for one in questions[:16]]
        for many in (8, 64):
            began = time.perf_counter()
            async with anyio.create_task_group() as group:
                for one in questions[:many]:
                    group.start_soon(asked, client, "get_collection_stats", one)
            each = 1000 * (time.perf_counter() - began) / many
            yield Row(f"each of {many} calls at once", each, "one alone", median(series), "ms")


async def answers(folder: Path) -> AsyncIterator[Row]:
    """What a model reads, beside the JSON that Flipsnack sends."""
    async with scene(folder, 200) as (client, line, sandbox):
        one = next(iter(sandbox.account.collections))
        pages = GetCollectionStats(collection_hash=one, include_page_stats=True)
        pairs: dict[str, tuple[str, dict[str, Any], Any]] = {
            "20 rows of a list": ("list_collections", {"limit": 20}, ListCollections(limit=20)),
            "statistics by page": ("get_collection_stats", {"collection_hash": one, "include_page_stats": True}, pages),
        }
        for name, (tool, arguments, action) in pairs.items():
            _, cost = await asked(client, tool, arguments)
            _, raw = await anyio.to_thread.run_sync(line.ask, action)
            yield Row(name, cost, "Flipsnack's JSON", tokens(json.dumps(raw, separators=(",", ":"))), "tokens")


async def measured(given: argparse.Namespace) -> None:
    """The whole table, row by row."""
    others = {"bare server of the SDK": ([sys.executable, "-c", BARE], calls.ROOT)}
    if given.node:
        others["one tool on Node's SDK"] = (["node", "--input-type=module", "-e", NODE], given.node)
    if given.fastmcp:
        others["fastmcp's OpenAPI bridge"] = ([str(given.fastmcp), "-c", BRIDGE], calls.ROOT)
    print("| what | here | beside | there | ratio |\n|---|---|---|---|---|", flush=True)
    for part in (starts(others), added()):
        for row in part:
            print(row, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for lasting in (answers(Path(folder)), growth(Path(folder))):
            async for row in lasting:
                print(row, flush=True)
    left_out = [name for name in ("node", "fastmcp") if not getattr(given, name)]
    print(f"\nLeft out, since not given: {', '.join(left_out) or 'nothing'}.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs beside what a user would have otherwise.")
    parser.add_argument("--node", type=Path)
    parser.add_argument("--fastmcp", type=Path)
    parser.add_argument("--long", action="store_true")
    given = parser.parse_args()
    anyio.run(measured, given)
    if given.long:
        for name, options in {"transfers.py": [], "pace.py": ["--fifth"]}.items():
            print(f"\n{name}", flush=True)
            subprocess.run([sys.executable, str(Path(__file__).with_name(name)), *options], check=False)


if __name__ == "__main__":
    main()
