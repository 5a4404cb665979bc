"""The menu: which tools these settings offer, read from the file that `packaging/write_docs.py` makes of all tools.

A client waits for its lists at every start, so they are told without importing what the tools do. The file is part of
the package, and a test compares it with `server/tools/table.py`.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mcp.types import Tool

from flipsnack_mcp.api import Effect
from flipsnack_mcp.server.accounts import taking_account
from flipsnack_mcp.settings import Settings

OVER_ALL = frozenset({"report_stats"})
"""Tools that take several accounts at once."""
MENU_FILE = Path(__file__).with_name("menu.json")


@cache
def entries() -> tuple[tuple[Tool, str, Effect], ...]:
    """All tools as MCP lists them, in the order of the menu, each with its toolset and what it needs to be allowed."""
    written = json.loads(MENU_FILE.read_bytes())
    return tuple((Tool.model_validate(one["tool"]), one["toolset"], Effect(one["needs"])) for one in written)


def menu(settings: Settings) -> dict[str, Tool]:
    """The tools these settings offer, for any of their accounts; where those are several, each takes the account.

    What is not here can be neither seen nor called.
    """
    offered = [(tool, needs) for tool, toolset, needs in entries() if any_offers(settings.every, toolset, needs)]
    if len(settings.every) == 1:
        return {tool.name: tool for tool, _ in offered}
    return {tool.name: several(tool, needs) for tool, needs in offered}


def any_offers(accounts: Sequence[Settings], toolset: str, needs: Effect) -> bool:
    """Whether for any of them the toolset is on, and read-only mode leaves it."""
    return any(toolset in one.toolsets and (needs is Effect.READS or not one.read_only) for one in accounts)


def several(tool: Tool, needs: Effect) -> Tool:
    """A tool that takes the account; it has to be named where something may be changed."""
    reads = needs is Effect.READS or bool(tool.annotations and tool.annotations.read_only_hint)
    return taking_account(tool, writes=not reads, all_at_once=tool.name in OVER_ALL)
