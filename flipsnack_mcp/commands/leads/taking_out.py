"""`flipsnack-mcp leads`: all leads in one table for whoever may have them, and the end of those of one person."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flipsnack_mcp.api import one_line, quoted
from flipsnack_mcp.commands import NotDone, end_output, fail, fail_beside, say
from flipsnack_mcp.commands.leads.at_the_store import account_typed, names_in, with_leads
from flipsnack_mcp.files.tables import as_csv
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store, StoreUnusable
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.leads.erasing import Erased, erase
from flipsnack_mcp.workflows.leads.keeping import EVER, accounts_with_leads, kept
from flipsnack_mcp.workflows.leads.lead import Lead

HEADS_OF_LEADS = ("account", "received", "submitted", "kind", "flipbook_hash", "flipbook_title")
NOT_REACHED = (
    "Not reached are backups of the store, a state file that was moved to Redis, and what was exported or saved before: see to "
    "those yourself."
)
TO_BE_REPEATED = "Then erase it again: what was erased by now stays so, and may lie in the store's own files until it was done to its end."
Named = tuple[str, Lead]
"""A lead, and what its account is called."""


def leads_export(settings: Settings, account: str | None, since: float, *, as_json: bool) -> int:
    """Print the leads of all accounts or of one, unmasked, oldest first."""
    try:
        found = with_leads(settings, partial(leads_found, settings, account, since))
    except (NotDone, StoreUnusable) as error:
        return fail_beside(str(error))
    if as_json:
        say(json.dumps([as_saved(called, lead) for called, lead in found], indent=2))
    else:
        write_out(table_of_leads(found))
    return 0


async def leads_found(settings: Settings, typed: str | None, since: float, store: Store) -> list[Named]:
    """The leads of all accounts or of one, each with what its account is called."""
    accounts = await accounts_with_leads(store)
    wanted = accounts if typed is None else [account_typed(settings, typed, accounts)]
    called = await names_in(settings, store, wanted)
    every = [(called[one], lead) for one in wanted for lead in await kept(store, one, since=since, until=EVER)]
    return sorted(every, key=lambda one: one[1].received)


def as_saved(called: str, lead: Lead) -> dict[str, Any]:
    """A lead for a program."""
    return {**dict(zip(HEADS_OF_LEADS, cells_of_lead(called, lead), strict=True)), "fields": dict(lead.fields)}


def cells_of_lead(called: str, lead: Lead) -> tuple[str, ...]:
    """What is known of a lead beside its fields."""
    at = datetime.fromtimestamp(lead.received, UTC).isoformat(timespec="seconds")
    return called, at, lead.submitted, lead.kind, lead.flipbook_hash, lead.flipbook_title


def table_of_leads(found: Iterable[Named]) -> bytes:
    """A table with a column for each field that any of them has; nothing in it acts on a terminal or in a spreadsheet."""
    every = [*found]
    names = [*dict.fromkeys(name for _, lead in every for name in lead.fields)]
    rows = [(*cells_of_lead(called, lead), *(lead.fields.get(name, "") for name in names)) for called, lead in every]
    return as_csv([*HEADS_OF_LEADS, *map(one_line, names)], [[*map(one_line, row)] for row in rows])


def write_out(content: bytes) -> None:
    """Print a file as it is, byte for byte.

    Raises:
        SystemExit: Nobody reads it any more, or it cannot be written.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        end_output(error)


def leads_erase(settings: Settings, typed: str | None) -> int:
    """Erase every lead of an e-mail address, of all accounts; asked for where it is not given."""
    try:
        address = typed if typed is not None else input("E-mail address: ")
        erased = with_leads(settings, lambda store: erase(store, address))
    except StoreUnusable as error:
        return fail(f"{error} {TO_BE_REPEATED}")
    except (NotDone, ValueError) as error:
        return fail(str(error))
    except (EOFError, OSError):
        return fail("No address was given. Nothing was erased.")
    for line in words_of_end(erased, address):
        say(line)
    return 0


def words_of_end(erased: Erased, address: str) -> Iterable[str]:
    """Say what was erased, and what was not."""
    what = as_many(erased.leads, "lead")
    files = f" and {as_many(erased.files, 'file')} that waited to be fetched" if erased.files else ""
    shown = quoted(address, 80)
    if erased.leads or erased.files:
        yield f"Erased: {what}{files} with the address {shown}. This cannot be undone."
    else:
        yield f"No lead has the address {shown}, and no file that waits to be fetched. Look whether they used another one."
    yield from erased.remains
    yield NOT_REACHED
