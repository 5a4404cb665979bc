"""How long list_leads takes over 5,000 leads, and how much it says: at most 0.2 s and 1,500 tokens.

The time is the shortest of several calls: what else a machine is busy with is none of the tool's.

python benchmarks/leads_listed.py     takes twenty seconds; on a file and on a real Redis, both in memory.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import anyio
from mcp import Client

sys.path.insert(0, str(Path(__file__).parents[1]))

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.opening import open_store
from flipsnack_mcp.workflows.leads.keeping import DAY_OF_LEADS, keep
from tests.redis_server import running_redis
from tests.server.bench import tokens
from tests.server.test_leads import a_large_form

COUNT, TIMES, MOST_SECONDS, MOST_TOKENS = 5000, 9, 0.2, 1500
CALLS: tuple[dict[str, Any], ...] = (
    {},
    {"collection_hash": "flip00003"},
    {"query": "catalogue"},
    {"query": "anna4711@mail.example.com"},
    {"reveal": True},
    {"offset": 4000},
)


async def fill(settings: Settings) -> None:
    """Leads of ninety days, as they would have come."""
    store, now = open_store(settings.state), time.time()
    for number in range(COUNT):
        await keep(
            store,
            settings.account,
            a_large_form(number, ("usual", "questions", "messages")[number % 3]),
            now - (number * 90 * DAY_OF_LEADS) / COUNT,
            90,
        )
    await store.close()


async def measured(settings: Settings) -> list[str]:
    """A line for each call; what is over its limit is marked."""
    lines = list[str]()
    async with Client(build_server(settings, connect, store=open_store(settings.state))) as client:
        for given in CALLS:
            took = [await timed(client, given) for _ in range(TIMES)]
            text, data = await told(client, given)
            sizes = [tokens(one) for one in (text, json.dumps(data, ensure_ascii=False, separators=(",", ":")))]
            fits = min(took) <= MOST_SECONDS and max(sizes) <= MOST_TOKENS
            said = f"{data['total']:5} leads  {min(took):.3f} s (median {median(took):.3f})  {sizes[0]} and {sizes[1]} tokens"
            lines.append(f"{'  ' if fits else '! '}{given!s:42} {said}")
    return lines


async def timed(client: Client, given: dict[str, Any]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    await client.call_tool("list_leads", given)
    return time.perf_counter() - began


async def told(client: Client, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Text and data of an answer."""
    result = await client.call_tool("list_leads", given)
    return "".join(one.text for one in result.content if one.type == "text"), result.structured_content or {}


async def main() -> int:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, running_redis(Path(folder)) as redis:
        lines = list[str]()
        for state in (f"sqlite:{folder}/state.sqlite", redis.url):
            settings = Settings(sandbox=True, leads=True, state=state)
            await fill(settings)
            lines += [f"on {state.partition(':')[0]}:", *await measured(settings)]
    print("\n".join(lines))
    return int(any(line.startswith("!") for line in lines))


if __name__ == "__main__":
    sys.exit(anyio.run(main))
