"""Whose account a call is about, where a server has several: the one it names, that of a pasted link, or the first.

A player's link carries the number of its account, which the embed code of any collection tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from flipsnack_mcp.api import FlipsnackError, account_in_link, hash_from, opened
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.actions.publishing import GetEmbedCode
from flipsnack_mcp.server.accounts import (
    ARGUMENT,
    EVERY_ONE,
    WhichAccountError,
    check_account_named,
    check_owner,
    existing_account,
    not_offered,
)
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.menu import over_all
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.workflows.context import CallContext

NONE_NAMED = "the first, none was named"
LINKED = "the link is of this one"
LINK_ARGUMENTS = ("collection_hash", "collections", "exclude")
TIME_TO_LEARN = 15.0
"""Seconds for asking each account for its number: two calls, once in the life of a server."""


@dataclass(frozen=True)
class Whose:
    """The account that a call is about, or all of them; and why, where it was not named."""

    apps: tuple[App, ...]
    why: str = ""
    linked: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The collections that players' links name, where all accounts are meant: by what the store knows theirs by."""

    @property
    def heading(self) -> Heading:
        """What stands over the answer."""
        if len(self.apps) == 1:
            return self.apps[0].heading(self.why)
        return Heading(self.apps[0].redactor, all(one.settings.sandbox for one in self.apps))


async def whose_call(apps: Mapping[str, App], tool: str, arguments: Mapping[str, Any], *, writes: bool) -> Whose:
    """The account that a call of this tool is about; `apps` has them in their order.

    Raises:
        WhichAccountError: It cannot be told, or it is not the one that was named, or has no such tool.
    """
    named, every = str(arguments.get(ARGUMENT) or "").strip(), [one.settings for one in apps.values()]
    if named == EVERY_ONE and tool in over_all():
        return Whose(tuple(apps.values()), linked=await collections_by_owner(arguments, [*apps.values()]))
    chosen = existing_account(every, named) if named else None
    owner = await owner_of_links(linked_accounts(arguments), [*apps.values()])
    if chosen is None:
        check_account_named(every, owner, writes=writes)
    elif owner and writes:
        check_owner(chosen, owner)
    found = apps[(owner or chosen or every[0]).account]
    if tool not in found.offered:
        raise not_offered(tool, found.settings, [one.settings for one in apps.values() if tool in one.offered])
    return Whose((found,), LINKED if owner and owner != chosen else "" if chosen else NONE_NAMED)


def linked_accounts(arguments: Mapping[str, Any]) -> frozenset[str]:
    """The accounts whose numbers stand in the links of a call."""
    return frozenset(filter(None, (account_in_link(one) for one in possible_links(arguments))))


def possible_links(arguments: Mapping[str, Any]) -> Iterable[str]:
    """Whatever may be a link, one by one."""
    for name in LINK_ARGUMENTS:
        value = arguments.get(name)
        read = opened(value) if isinstance(value, str) else value
        yield from (one for one in (read if isinstance(read, list) else [value]) if isinstance(one, str))


async def owner_of_links(numbers: frozenset[str], apps: Sequence[App]) -> Settings | None:
    """The one account that these links are of; None where they are of no account that is known.

    Raises:
        WhichAccountError: They are of several.
    """
    if not numbers:
        return None
    await learn_numbers(apps)
    owners = [app.settings for app in apps if app.number in numbers]
    if len({one.number for one in apps if one.number in numbers}) > 1:
        names = ", ".join(one.name for one in owners)
        raise WhichAccountError(f"These links are of several accounts: {names}.", "Make a call for each of them.")
    return owners[0] if len(owners) == 1 else None


async def collections_by_owner(arguments: Mapping[str, Any], apps: Sequence[App]) -> dict[str, tuple[str, ...]]:
    """The collections that players' links name, each with the one account that it can be of."""
    numbers = {one: number for one in possible_links(arguments) if (number := account_in_link(one))}
    if numbers:
        await learn_numbers(apps)
    found = dict[str, tuple[str, ...]]()
    for link, number in numbers.items():
        owners = [app.settings.account for app in apps if app.number == number]
        if len(owners) == 1:
            found[owners[0]] = (*found.get(owners[0], ()), hash_from(link))
    return found


async def learn_numbers(apps: Sequence[App]) -> None:
    """Ask each account for its number."""
    async with anyio.create_task_group() as asking:
        for app in apps:
            asking.start_soon(learn_number, app)


async def learn_number(app: App) -> None:
    """Ask an account for the number in its own links, unless it is known; one that cannot be asked keeps its secret."""
    if app.number or app.settings.missing:
        return
    context = CallContext(app.flipsnack).within(TIME_TO_LEARN)
    try:
        shown = await context.send(ListCollections(status="public", limit=1))
        for row in shown.collections:
            code = await context.send(GetEmbedCode(collection_hash=row.collection_hash))
            app.number = account_in_link(code.embed_code) or ""
    except FlipsnackError:
        return
