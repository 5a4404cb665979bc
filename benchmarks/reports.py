"""A report over three accounts of 60 collections beside one over a single account of 60: as long, within a tenth.

python benchmarks/reports.py   exits 1 when it is not. Takes four minutes.

One real server over stdio with an accounts file, before three sandboxes over real HTTP at Flipsnack's own limits. Both
reports are over a period that is not over, so each asks about every collection.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure
from evaluations.assistant import without_settings
from evaluations.staging import served
from flipsnack_mcp.sandbox import Sandbox

NAMES, EACH = ("de", "fr", "uk"), 60
NEW_MINUTE = 65.0
"""Seconds after which no call counts any more."""


@asynccontextmanager
async def sandboxes() -> AsyncIterator[dict[str, tuple[Sandbox, dict[str, str]]]]:
    """One for each account, and where it is."""
    made = dict[str, tuple[Sandbox, dict[str, str]]]()
    async with AsyncExitStack() as standing:
        for name in NAMES:
            sandbox = Sandbox(api_key=f"KEY-{name.upper()}-1234567", api_secret=f"secret-of-{name}-1234567")
            sandbox.account.collections.clear()
            for n in range(EACH):
                sandbox.account.add(title=f"Offers {n} of {name}")
            made[name] = sandbox, await standing.enter_async_context(served(sandbox))
        yield made


def accounts_file(made: dict[str, tuple[Sandbox, dict[str, str]]]) -> str:
    """The accounts in the order of their names."""
    keys = {"key": "api_key", "secret": "api_secret", "api_url": "api_url", "upload_url": "upload_url"}
    tables = (
        "\n".join([f"[accounts.{name}]", *(f'{key} = "{made[name][1][told]}"' for key, told in keys.items())])
        for name in NAMES
    )
    return "\n\n".join(tables)


async def timed(client: Client, account: str) -> tuple[float, dict[str, Any]]:
    """How long a report takes, and what it comes to."""
    today, began = datetime.now(UTC).date(), time.monotonic()
    period = {"start_date": str(today - timedelta(days=29)), "end_date": str(today)}
    asked: dict[str, Any] = {**period, "account": account, "wait_seconds": 45}
    while True:
        result = await client.call_tool("report_stats", asked)
        assert not result.is_error, result.content
        found = dict(result.structured_content or {})
        if found["state"] == "complete":
            return time.monotonic() - began, found
        asked = {"report_id": found["report_id"], "account": account, "wait_seconds": 45}


async def measured(folder: Path) -> Iterator[Figure]:
    """Both reports, one after the other."""
    async with sandboxes() as made:
        (folder / "accounts.toml").write_text(accounts_file(made))
        (folder / "accounts.toml").chmod(0o600)
        environment = {
            **without_settings(),
            "FLIPSNACK_ACCOUNTS": str(folder / "accounts.toml"),
            "FLIPSNACK_STATE": f"sqlite:{folder / 'state.sqlite'}",
        }
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
        async with Client(parameters, read_timeout_seconds=120) as client:
            one, _ = await timed(client, NAMES[0])
            await anyio.sleep(NEW_MINUTE)
            three, found = await timed(client, "*")
        refused = sum(answer.code in {31, 32} for sandbox, _ in made.values() for answer in sandbox.requests)
    return iter(
        [
            Figure("a report over one account", one, 1.05 * (EACH + 1), unit=" s"),
            Figure("a report over three accounts", three, 1.1 * one, unit=" s"),
            Figure("collections counted in three", found["totals"]["collections"], 3 * EACH, at_least=True),
            Figure("answers 31 and 32", refused, 0),
        ]
    )


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        figures = [*await measured(Path(folder))]
    print("\n".join(map(str, figures)))
    return 0 if all(one.kept for one in figures) else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
