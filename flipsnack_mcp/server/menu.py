"""The menu: which tools these settings offer, read from the file that `packaging/write_docs.py` makes of all tools.

A client waits for its lists at every start, so they are told without importing what the tools do. The file is part of
the package, and a test compares it with `server/tools/table.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from mcp.types import Tool as Descriptor

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.settings import Settings

MENU_FILE = Path(__file__).with_name("menu.json")


@dataclass(frozen=True)
class MenuEntry:
    """A tool as MCP lists it, and what decides whether it is offered."""

    descriptor: Descriptor
    toolset: str
    needs: Effect

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """One line of the file."""
        return cls(Descriptor.model_validate(written["tool"]), written["toolset"], Effect(written["needs"]))

    def is_offered(self, settings: Settings) -> bool:
        """Whether its toolset is on, and read-only mode leaves it."""
        return self.toolset in settings.toolsets and (self.needs is Effect.READS or not settings.read_only)


@cache
def entries() -> tuple[MenuEntry, ...]:
    """All tools, in the order of the menu."""
    return tuple(MenuEntry.read(one) for one in json.loads(MENU_FILE.read_bytes()))


def menu(settings: Settings) -> dict[str, Descriptor]:
    """The tools these settings offer. What is not here can be neither seen nor called."""
    return {one.descriptor.name: one.descriptor for one in entries() if one.is_offered(settings)}
