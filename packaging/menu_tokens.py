"""Counts what the menu costs a model, and fails above the budget: `python packaging/menu_tokens.py`. Needs bpe-openai."""

from __future__ import annotations

import json
import sys

import anyio
import bpe_openai
from mcp import Client

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import read_settings

MENU_BUDGET, LIST_BUDGET = 1400, 3200
MENU = ("name", "title", "description", "inputSchema")
TOKENS = bpe_openai.get_encoding("o200k_base")


async def main() -> int:
    async with Client(build_server(read_settings({}), connect)) as client:
        listed = await client.list_tools()
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
    menu = [{name: tool[name] for name in MENU} for tool in tools]
    for tool, entry in zip(tools, menu, strict=True):
        print(f"{tool['name']:26} menu {cost(entry):4}  full {cost(tool):4}")
    print(
        f"{len(tools)} tools: menu {cost(menu)} of {MENU_BUDGET}, tools/list {cost(tools)} of {LIST_BUDGET} tokens (o200k)"
    )
    return 0 if cost(menu) < MENU_BUDGET and cost(tools) < LIST_BUDGET else 1


def cost(value: object) -> int:
    """Tokens of a value as compact JSON."""
    return len(TOKENS.encode(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


if __name__ == "__main__":
    sys.exit(anyio.run(main))
