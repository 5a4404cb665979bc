"""Whose account a call is about, where a server has several: the one it names, that of a pasted link, or the first.

A player's link carries the number of its account, which the embed code of any collection tells.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from flipsnack_mcp.api import FlipsnackError, account_in_embed_code, account_in_link, hash_from
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.actions.publishing import GetEmbedCode
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.accounts import (
    EVERY_ONE,
    WhichAccountError,
    existing_account,
    name_given,
    none_named,
    not_by_this_link,
    not_offered,
)
from flipsnack_mcp.server.safety.heading import NONE_NAMED, Heading
from flipsnack_mcp.server.tools.arguments import several
from flipsnack_mcp.server.tools.tool import Linked
from flipsnack_mcp.server.toolsets import over_all
from flipsnack_mcp.workflows.context import CallContext

STOPPING = "stop_work"
"""What has an id is found by that alone, and a report over all accounts has one: nothing has to be said for it on the menu."""
LINKED = "the link is of this one"
LINK_ARGUMENTS = ("collection_hash", "flipbook_hash", "collections", "exclude", "query")
PUBLISHED_FIRST = (ListCollections(status="public", limit=1), ListCollections(limit=1))
"""One collection of an account, any will do: whether a draft has an embed code is not documented."""
TIME_TO_LEARN = 8.0
"""Seconds for asking an account for its number: two calls, once in the life of a server."""
UNTIL_ASKED_AGAIN = 300.0
"""Seconds in which nobody waits again for an account that could not tell its number."""


@dataclass(frozen=True)
class Whose:
    """The account that a call is about, or all of them; and why, where it was not named."""

    apps: tuple[App, ...]
    why: str = ""
    linked: Linked = field(default_factory=dict[str, frozenset[tuple[str, str]]])
    """The collections that players' links name, where all accounts are meant."""

    @property
    def heading(self) -> Heading:
        """What stands over the answer."""
        if len(self.apps) == 1:
            return self.apps[0].heading(self.why)
        return heading_of_none(self.apps)


def heading_of_none(apps: Sequence[App]) -> Heading:
    """What stands over an answer that is about none of these accounts more than about another."""
    lacks = frozenset.intersection(*(one.lacks_now for one in apps))
    return Heading(apps[0].redactor, all(one.settings.sandbox for one in apps), lacks=lacks)


async def whose_call(apps: Mapping[str, App], tool: str, arguments: Mapping[str, Any], *, writes: bool) -> Whose:
    """The account that a call of this tool is about; `apps` has them in their order.

    Raises:
        WhichAccountError: It cannot be told, or it is not the one that was named, or has no such tool.
    """
    if name_given(arguments) == EVERY_ONE and tool in (*over_all(), STOPPING):
        return Whose(tuple(apps.values()), linked=await collections_by_owner(arguments, [*apps.values()]))
    whose = await account_meant(apps, arguments, writes=writes)
    (found,) = whose.apps
    if tool not in found.offered:
        raise not_offered(tool, found.settings, [one.settings for one in apps.values() if tool in one.offered])
    return whose


async def account_meant(apps: Mapping[str, App], arguments: Mapping[str, Any], *, writes: bool = False) -> Whose:
    """The one account that is meant by its name, by links, or because it is the first.

    Raises:
        WhichAccountError: It cannot be told, or it is not the one that was named.
    """
    named, every = name_given(arguments), [one.settings for one in apps.values()]
    chosen, numbers = apps[existing_account(every, named).account] if named else None, numbers_in_links(arguments)
    if chosen is None and len(apps) == 1:  # of several that the server has, whoever calls has this one
        chosen = next(iter(apps.values()))
    owner = await owner_of_links(numbers, chosen, [*apps.values()])
    if writes and chosen is None:
        raise none_named(every, owner.settings if owner else None)
    if writes and chosen and not chosen.settings.missing and numbers - {chosen.number.known}:
        raise not_by_this_link(chosen.settings, owner.settings if owner and owner != chosen else None)
    if chosen and chosen.number.known is None:
        owner = None  # it may be of the named one all the same
    found = owner or chosen or next(iter(apps.values()))
    return Whose((found,), LINKED if owner and owner != chosen else "" if chosen else NONE_NAMED)


def numbers_in_links(arguments: Mapping[str, Any]) -> frozenset[str]:
    """By what Flipsnack knows the accounts whose links stand in a call."""
    possible = (one for name in LINK_ARGUMENTS for one in several(arguments.get(name)))
    return frozenset(filter(None, map(account_in_link, possible)))


async def owner_of_links(numbers: frozenset[str], chosen: App | None, apps: Sequence[App]) -> App | None:
    """The account that these links are of; None where they are of none that is known, or of which one cannot be told.

    Raises:
        WhichAccountError: They are of several.
    """
    if not numbers:
        return None
    await learn_numbers([chosen] if chosen else [])
    if chosen and numbers == {chosen.number.known}:
        return chosen
    await learn_numbers(apps)
    owners = [one for one in apps if one.number.known in numbers]
    if len({one.number.known for one in owners}) > 1:
        names = ", ".join(one.settings.name for one in owners)
        raise WhichAccountError(f"These links are of several accounts: {names}.", "Make a call for each of them.")
    return owners[0] if len(owners) == 1 else None


async def collections_by_owner(arguments: Mapping[str, Any], apps: Sequence[App]) -> Linked:
    """The collections that players' links name, each with the one account that it can be of."""
    numbers = numbers_in_links(arguments)
    if numbers:
        await learn_numbers(apps)
    having = Counter(app.number.known for app in apps)
    owners = {one: app.settings.account for app in apps if (one := app.number.known) in numbers and having[one] == 1}
    return {
        name: frozenset(
            (owners[number], hash_from(link))
            for link in several(arguments.get(name))
            if (number := account_in_link(link)) in owners
        )
        for name in LINK_ARGUMENTS
    }


async def learn_numbers(apps: Iterable[App]) -> None:
    """Ask these accounts for the numbers in their own links, all at once, unless they are known."""
    async with anyio.create_task_group() as asking:
        for one in apps:
            asking.start_soon(learn_number, one)


async def learn_number(app: App) -> None:
    """Ask an account for its number. One that could not tell it is not asked again for a while."""
    number = app.number
    async with number.turn:
        if number.known or app.settings.missing or anyio.current_time() < number.not_before:
            return
        try:
            number.known = await number_of(app)
        except FlipsnackError:
            number.known = None
        if number.known is None:
            number.not_before = anyio.current_time() + UNTIL_ASKED_AGAIN


async def number_of(app: App) -> str | None:
    """What the embed code of any of its collections tells; empty where there is none, None where the code tells nothing."""
    context = CallContext(app.flipsnack).within(TIME_TO_LEARN)
    for question in PUBLISHED_FIRST:
        for row in (await app.recent.ask(context, question)).collections:
            code = await context.send(GetEmbedCode(collection_hash=row.collection_hash))
            return account_in_embed_code(code.embed_code) or None
    return ""
