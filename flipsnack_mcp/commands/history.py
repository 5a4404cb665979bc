"""`flipsnack-mcp history`: what was changed through this server, by whose yes, and how it was before."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

import anyio

from flipsnack_mcp.commands import NotDone, fail, say
from flipsnack_mcp.commands.connecting import NO_OTHER_PROCESS, labels_known, open_memory
from flipsnack_mcp.commands.trail_table import changes_made, table_of
from flipsnack_mcp.server.callers.accounts import account_named
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.labels import UNNAMED, told_apart
from flipsnack_mcp.store.records import Store, StoreUnusable
from flipsnack_mcp.workflows.history import Event, Trail, every_trail


@dataclass(frozen=True)
class Found:
    """The trails that were asked for, and what their accounts are called."""

    trails: list[Trail]
    labels: Mapping[str, str]
    """By account, where it has one."""
    called: Mapping[str, str]
    """By account, so that a person can tell them apart."""


def history(settings: Settings, *, as_json: bool, verify: bool, account: str | None = None, since: float = 0.0) -> int:
    """Print the trails of all accounts or of one, all or since a moment; or say whether they are whole, as ever."""
    try:
        found = narrowed_to(anyio.run(recalled, settings), account, settings)
    except (StoreUnusable, NotDone) as error:
        return fail(str(error))
    if verify:
        say(json.dumps(verification(found)) if as_json else verification_text(found))
        return 1 if any(one.wrong for one in found.trails) else 0
    say(json.dumps(saved(found, since), indent=2) if as_json else trail_text(found, since))
    return 0


async def recalled(settings: Settings) -> Found:
    """Look into the store.

    Raises:
        NotDone: It is one that no other process can read, so there is nothing to be told of any change.
    """
    async with open_memory(settings) as store:
        if not store.shared:
            raise NotDone(f"No history can be read here: {NO_OTHER_PROCESS}.")
        return await found_in(settings, store)


async def found_in(settings: Settings, store: Store) -> Found:
    """All trails of a store."""
    trails = await every_trail(store)
    labels = await store.transact(lambda records: labels_known(settings, records))
    return Found(trails, labels, told_apart({*labels, *(one.account for one in trails)}, labels))


def narrowed_to(found: Found, account: str | None, settings: Settings) -> Found:
    """What was found of the account that a person named, or all.

    Raises:
        NotDone: None is called so, or several are.
    """
    if account is None:
        return found
    meant = accounts_called(account, found, settings)
    if len(meant) != 1:
        raise NotDone(which_account(meant, found.called))
    return replace(found, trails=[one for one in found.trails if one.account == meant[0]])


def accounts_called(typed: str, found: Found, settings: Settings) -> list[str]:
    """The accounts that a person may mean by a name, a label or what the store knows one by."""
    wanted = typed.strip().casefold()
    known = ((one, (one, found.labels.get(one, UNNAMED), shown)) for one, shown in found.called.items())
    meant = [one for one, names in known if wanted in map(str.casefold, names)]
    of_file = account_named(settings.accounts, typed)
    return meant or ([of_file.account] if of_file else [])


def which_account(meant: Sequence[str], called: Mapping[str, str]) -> str:
    """Say which accounts there are. What was typed is not repeated, it may be a key."""
    names = ", ".join(sorted(called.values()))
    if meant:
        return f"{len(meant)} accounts are called so: name one by what stands in brackets. They are: {names}."
    return f"No account is called so. The accounts are: {names}." if called else "No account was used here so far."


def in_order(found: Found) -> Iterator[tuple[str, Event]]:
    """All entries with their accounts, oldest first; those of one stay in their order, whatever the clock showed."""
    return merge(*([(one.account, event) for event in one.events] for one in found.trails), key=lambda one: one[1].at)


def saved(found: Found, since: float = 0.0) -> list[dict[str, Any]]:
    """Write the history for a program."""
    return [
        {**event.model_dump(mode="json"), "account": account, "label": found.labels.get(account, UNNAMED)}
        for account, event in in_order(found)
        if event.at >= since
    ]


def trail_text(found: Found, since: float = 0.0) -> str:
    """Write the history for a person: one line for each change that was not over before, and what is wrong with it."""
    made = [one for one in changes_made([*in_order(found)]) if one.last.at >= since]
    # What was altered may stand in no line, and a history without it is no reason to say that nothing was changed.
    wrong = [verification_text(found)] if any(one.wrong for one in found.trails) else []
    if not made and not wrong:
        return f"Nothing has been changed through this server{' since then' if since else ''}."
    return "\n".join([*([table_of(made, found.called)] if made else []), *wrong])


def verification(found: Found) -> dict[str, Any]:
    """Say for a program whether the chains are whole; where there are several, also each by itself."""
    every = [
        {"account": one.account, "label": found.labels.get(one.account, UNNAMED), **wholeness(one)}
        for one in found.trails
    ]
    wrong = [f"{found.called[one.account]}: {one.wrong}" for one in found.trails if one.wrong]
    if len(every) < 2:
        return wholeness(*found.trails) if every else {"ok": True, "entries": 0, "wrong": ""}
    entries = sum(len(one.events) for one in found.trails)
    return {"ok": not wrong, "entries": entries, "wrong": "; ".join(wrong), "accounts": every}


def wholeness(trail: Trail) -> dict[str, Any]:
    """Say it of one."""
    return {"ok": not trail.wrong, "entries": len(trail.events), "wrong": trail.wrong}


def verification_text(found: Found) -> str:
    """Say in words whether the chains are whole; of which account, where there are several."""
    lines = list[str]()
    for one in found.trails:
        of = f" of {found.called[one.account]}" if len(found.trails) > 1 else ""
        whole = f"NOT whole: {one.wrong}" if one.wrong else f"whole: {len(one.events)} entries"
        lines.append(f"The trail{of} is {whole}.")
    return "\n".join(lines) or "The trail is whole: 0 entries."
