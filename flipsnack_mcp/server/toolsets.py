"""Which toolsets are on, and so which tools are offered: the menu, from the file that `packaging/write_docs.py` makes of all tools.

A client waits for its lists at every start, so they are told without importing what the tools do. The file is part of
the package, and a test compares it with `server/tools/table.py`.
"""

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mcp.types import Tool

from flipsnack_mcp.api import Effect
from flipsnack_mcp.server.by_address.offering import LOCAL_TOOLS, answered_by_addresses, by_addresses
from flipsnack_mcp.server.callers.accounts import taking_account
from flipsnack_mcp.server.callers.caller import EVERY_RIGHT, Right
from flipsnack_mcp.settings import Settings

MENU_FILE = Path(__file__).with_name("menu.json")
LEADS_TOOLSET = "leads"
"""What only a server has that receives them: nobody has to ask for it, and nobody else pays for it."""
NO_REAL_LEADS, REAL_LEADS = "Real leads are not readable by API.", "Real leads: list_leads."
BY_FLIPBOOK: Mapping[str, Any] = {
    "leads": {"description": "Leads and orders, most first", "items": {"type": "object"}, "type": "array"}
}
"""What reports answer there as well."""


class Entry(NamedTuple):
    """A tool as MCP lists it."""

    tool: Tool
    toolset: str
    needs: Effect
    """What has to be allowed."""
    right: Right
    """What whoever calls it has to be allowed, where callers are told apart."""
    acts: bool
    """Whether it acts on what goes on in an account, though read-only mode keeps it."""
    over_accounts: dict[str, Any] | None
    """The schema of its answer over all accounts, where it takes them at once."""


@cache
def entries() -> tuple[Entry, ...]:
    """All tools, in the order of the menu."""
    written = json.loads(MENU_FILE.read_bytes())
    return tuple(
        Entry(
            Tool.model_validate(one["tool"]),
            one["toolset"],
            Effect(one["needs"]),
            Right(one["right"]),
            bool(one.get("acts")),
            one.get("over_accounts"),
        )
        for one in written
    )


@cache
def entries_by_address() -> tuple[Entry, ...]:
    """All tools as people have them who share no disk with the server."""
    return tuple(
        one._replace(
            tool=by_addresses(one.tool),
            over_accounts=one.over_accounts and answered_by_addresses(one.over_accounts),
        )
        for one in entries()
        if one.tool.name not in LOCAL_TOOLS
    )


def over_all() -> list[str]:
    """The tools that take all accounts at once."""
    return [one.tool.name for one in entries() if one.over_accounts]


def menu(settings: Settings, rights: AbstractSet[Right] = EVERY_RIGHT) -> dict[str, Tool]:
    """The tools these settings offer, for any of their accounts; where those are several, each takes the account.

    What is not here can be neither seen nor called.
    """
    every = entries_by_address() if settings.team else entries()
    known = (one for one in every if one.right in rights)
    reading, changing = toolsets_on(settings.every), toolsets_on(one for one in settings.every if not one.read_only)
    offered = [one for one in known if one.toolset in (reading if one.needs is Effect.READS else changing)]
    if any(one.toolset == LEADS_TOOLSET for one in offered):
        offered = [*map(beside_leads, offered)]
    if len(settings.every) == 1:
        return {one.tool.name: one.tool for one in offered}
    return {one.tool.name: as_offered(one) for one in offered}


def lacking(settings: Settings, rights: AbstractSet[Right] = EVERY_RIGHT) -> frozenset[str]:
    """The tools that these settings do not offer: no sentence may send anybody to them."""
    return frozenset(one.tool.name for one in entries()).difference(menu(settings, rights))


@cache
def beyond(rights: frozenset[Right]) -> frozenset[str]:
    """The tools that nobody can call with these rights, whatever the settings offer."""
    return frozenset(one.tool.name for one in entries() if one.right not in rights)


def toolsets_on(accounts: Iterable[Settings]) -> frozenset[str]:
    """Those that any of them has."""
    return frozenset[str]().union(*map(toolsets_of, accounts))


def toolsets_of(account: Settings) -> frozenset[str]:
    """Those that were asked for, and what comes with leads."""
    return account.toolsets | {LEADS_TOOLSET} if account.leads else account.toolsets


def beside_leads(entry: Entry) -> Entry:
    """A tool as it is listed for who may read leads."""
    if entry.over_accounts is None:
        told = (entry.tool.description or "").replace(NO_REAL_LEADS, REAL_LEADS)
        return entry._replace(tool=entry.tool.model_copy(update={"description": told}))
    changed = entry.tool.model_copy(update={"output_schema": with_leads_told(entry.tool.output_schema or {})})
    return entry._replace(tool=changed, over_accounts=with_leads_told(entry.over_accounts))


def with_leads_told(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a report that says what flipbooks brought."""
    return {**schema, "properties": {**schema["properties"], **BY_FLIPBOOK}}


def as_offered(entry: Entry) -> Tool:
    """A tool that takes the account; it has to be named where something may be changed."""
    hints = entry.tool.annotations
    reads = (entry.needs is Effect.READS and not entry.acts) or bool(hints and hints.read_only_hint)
    return taking_account(entry.tool, entry.over_accounts, writes=not reads)
