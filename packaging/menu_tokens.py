"""Counts what the menu costs a model, and fails above the budget: `python packaging/menu_tokens.py`. Needs bpe-openai."""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import bpe_openai
from mcp import Client

from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import read_settings

MENU_BUDGET, LIST_BUDGET = 2000, 4600
CORE, CORE_MENU, CORE_LIST = 11, 1400, 3250
"""For the tools over Flipsnack's own actions, without those over workflows."""
MORE_MENU, MORE_LIST = 150, 450
"""For each further action: what an upload costs."""
MENU = ("name", "title", "description", "inputSchema")
TOKENS = bpe_openai.get_encoding("o200k_base")


async def main() -> int:
    settings = read_settings({})
    async with Client(build_server(settings, connect)) as client:
        listed = await client.list_tools()
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
    for tool in tools:
        print(f"{tool['name']:26} menu {cost(entry(tool)):4}  full {cost(tool):4}")
    own = {action.tool_name for action in ACTIONS}
    core = [tool for tool in tools if tool["name"] in own]
    menu, full = (MORE_MENU * (len(core) - CORE), MORE_LIST * (len(core) - CORE))
    return max(
        judged("all", tools, MENU_BUDGET + menu, LIST_BUDGET + full),
        judged("actions", core, CORE_MENU + menu, CORE_LIST + full),
    )


def judged(what: str, tools: list[dict[str, Any]], menu_budget: int, list_budget: int) -> int:
    """Print what a set of tools costs; 1 where it is too much."""
    menu, full = cost([entry(tool) for tool in tools]), cost(tools)
    print(
        f"{what}, {len(tools)} tools: menu {menu} of {menu_budget}, tools/list {full} of {list_budget} tokens (o200k)"
    )
    return 0 if menu < menu_budget and full < list_budget else 1


def entry(tool: dict[str, Any]) -> dict[str, Any]:
    """What of a tool a model reads."""
    return {name: tool[name] for name in MENU}


def cost(value: object) -> int:
    """Tokens of a value as compact JSON."""
    return len(TOKENS.encode(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


if __name__ == "__main__":
    sys.exit(anyio.run(main))
