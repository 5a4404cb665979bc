"""The menu: which tools these settings offer, read from the file that `packaging/write_docs.py` makes of all tools.

A client waits for its lists at every start, so they are told without importing what the tools do. The file is part of
the package, and a test compares it with `server/tools/table.py`.
"""

import json
from functools import cache
from pathlib import Path

from mcp.types import Tool

from flipsnack_mcp.api import Effect
from flipsnack_mcp.settings import Settings

MENU_FILE = Path(__file__).with_name("menu.json")


@cache
def entries() -> tuple[tuple[Tool, str, Effect], ...]:
    """All tools as MCP lists them, in the order of the menu, each with its toolset and what it needs to be allowed."""
    written = json.loads(MENU_FILE.read_bytes())
    return tuple((Tool.model_validate(one["tool"]), one["toolset"], Effect(one["needs"])) for one in written)


def menu(settings: Settings) -> dict[str, Tool]:
    """The tools these settings offer: their toolset is on, and read-only mode leaves them.

    What is not here can be neither seen nor called.
    """
    return {
        tool.name: tool
        for tool, toolset, needs in entries()
        if toolset in settings.toolsets and (needs is Effect.READS or not settings.read_only)
    }
