"""Counts what the menu costs a model, and fails above the budget: `python packaging/menu_tokens.py`. Needs bpe-openai."""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import bpe_openai
from mcp import Client

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import read_settings

MENU_A_TOOL, MENU_IN_ALL = 160, 3200
LIST_A_TOOL, LIST_IN_ALL = 380, 7600
"""On average over the tools that are offered unless more are asked for."""
MENU = ("name", "title", "description", "inputSchema")
TOKENS = bpe_openai.get_encoding("o200k_base")


async def main() -> int:
    settings = read_settings({})
    async with Client(build_server(settings, connect)) as client:
        listed = await client.list_tools()
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
    for tool in tools:
        print(f"{tool['name']:26} menu {cost(entry(tool)):4}  full {cost(tool):4}")
    menu, full = cost([entry(tool) for tool in tools]), cost(tools)
    menu_budget, list_budget = min(MENU_A_TOOL * len(tools), MENU_IN_ALL), min(LIST_A_TOOL * len(tools), LIST_IN_ALL)
    print(f"{len(tools)} tools: menu {menu} of {menu_budget}, tools/list {full} of {list_budget} tokens (o200k)")
    return 0 if menu < menu_budget and full < list_budget else 1


def entry(tool: dict[str, Any]) -> dict[str, Any]:
    """What of a tool a model reads."""
    return {name: tool[name] for name in MENU}


def cost(value: object) -> int:
    """Tokens of a value as compact JSON."""
    return len(TOKENS.encode(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


if __name__ == "__main__":
    sys.exit(anyio.run(main))
