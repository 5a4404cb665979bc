"""The API as a plain async library, without MCP: the five most read collections of an account.

    python examples/plain_library.py

Asks the imitation that `flipsnack-mcp sandbox` serves; with `Access(key, secret)` it would be Flipsnack itself.
"""

from __future__ import annotations

import json
import subprocess
import sys

import anyio

from flipsnack_mcp.api.actions.collections import CollectionSummary, ListCollections
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer


async def most_read(access: Access, count: int) -> list[tuple[int, str]]:
    """Views and titles, most views first. The pacer keeps the 5 calls a second and 60 a minute Flipsnack allows."""
    async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
        published = await flipsnack.send(ListCollections(status="public", limit=10))

        async def views(row: CollectionSummary) -> int:
            stats = await flipsnack.send(GetCollectionStats(collection_hash=row.collection_hash))
            return stats.views or 0

        rows = [(await views(row), row.title) for row in published.collections]
    return sorted(rows, reverse=True)[:count]


def main() -> None:
    command = [sys.executable, "-m", "flipsnack_mcp", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout
        where = json.loads(sandbox.stdout.readline())
        access = Access(where["api_key"], where["api_secret"], where["api_url"], where["upload_url"])
        try:
            for views, title in anyio.run(most_read, access, 5):
                print(f"{views:7} {title}")
        except FlipsnackError as error:
            print(error)
        finally:
            sandbox.terminate()


if __name__ == "__main__":
    main()
