"""What the store costs on Redis beside a file: transactions one after the other, and the round trips of usual calls.

python benchmarks/stores.py     takes half a minute; a server of its own on a socket, its data in memory and its journal on disk.
"""

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import anyio
from mcp import Client

sys.path.insert(0, str(Path(__file__).parents[1]))

from flipsnack_mcp.api import Access, BudgetRules, Flipsnack, Pacer
from flipsnack_mcp.api.counting.apart import BudgetApart, BudgetOfReplicas
from flipsnack_mcp.api.counting.ledger import blank, fits
from flipsnack_mcp.commands.connecting import sandbox_transport
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.opening import open_shared_document, open_store
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.redis_document import RedisDocument
from tests.redis_server import running_redis
from tests.store.works import increment

TIMES = 300
RULES = BudgetRules(limits=((1000, 1.0), (1000, 60.0)))
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("list_collections", {}),
    ("get_collection", {"collection_hash": "lnesld8"}),
    ("get_user_stats", {}),
    ("get_collection_stats", {"collection_hash": "lnesld8"}),
    ("update_collection", {"collection_hash": "lnesld8", "title": "Summer"}),
    ("report_stats", {"collections": ["lnesld8"], "start_date": "2026-08-01", "end_date": "2026-08-31"}),
)


class Trips:
    """Counts what goes to Redis and back."""

    def __init__(self) -> None:
        self.count, original = 0, RedisLink.run

        async def counted(link: RedisLink, *given: Any) -> Any:
            self.count += 1
            return await original(link, *given)

        RedisLink.run = counted  # type: ignore[method-assign, assignment]


async def timed(store: Store, work: Callable[[Records], object]) -> float:
    """Milliseconds of one transaction, the median of many."""
    took = list[float]()
    for _ in range(TIMES):
        began = time.perf_counter()
        await store.transact(work)
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


@asynccontextmanager
async def client_of(state: str) -> AsyncIterator[Client]:
    """A server on such a state, with an imitation of Flipsnack inside."""
    settings = Settings(sandbox=True, state=state)

    def connect(_: Settings) -> Flipsnack:
        document = open_shared_document(state, "budget", blank(), fits, BudgetApart(RULES))
        assert document
        budget = BudgetOfReplicas(document) if isinstance(document, RedisDocument) else document
        key = "SANDBOX-DEMO-KEY"
        return Flipsnack(
            Access(key, "SANDBOX-DEMO-SECRET"), Pacer(budget, RULES), lambda: sandbox_transport(key, "small")
        )

    async with Client(build_server(settings, connect, store=open_store(state))) as client:
        yield client


async def calls_on(state: str, trips: Trips) -> dict[str, tuple[float, int]]:
    """What each call takes, the best of five, and how often it goes to Redis and back."""
    found = dict[str, tuple[float, int]]()
    async with client_of(state) as client:
        for name, given in CALLS:
            seen = list[tuple[float, int]]()
            for round_ in range(5):
                before, began = trips.count, time.perf_counter()
                more = {"title": f"Summer {round_}"} if "title" in given else {}
                await client.call_tool(name, {**given, **more})
                seen.append(((time.perf_counter() - began) * 1000, trips.count - before))
            found[name] = min(seen)[0], min(count for _, count in seen)
    return found


async def main() -> None:
    trips = Trips()
    with tempfile.TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        states = {"file": f"sqlite:{folder}/state.sqlite", "redis": server.url}
        works: dict[str, Callable[[Records], object]] = {
            "reads a record": lambda records: records.get("counter", "one"),
            "reads and writes one": increment,
            "reads a hundred": lambda records: records.several("none", [str(number) for number in range(100)]),
        }
        for name, state in states.items():
            store = open_store(state)
            for what, work in works.items():
                print(f"{name:6} {what:22} {await timed(store, work):7.2f} ms")
            await store.close()
        each = {name: await calls_on(state, trips) for name, state in states.items()}
        for call, _ in CALLS:
            (file, _), (redis, count) = each["file"][call], each["redis"][call]
            print(f"{call:22} file {file:7.1f} ms   redis {redis:7.1f} ms, {count} round trips")


if __name__ == "__main__":
    anyio.run(main)
