"""`flipsnack-mcp approve [CODE]`: a person's yes, given where no model can give it."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio

from flipsnack_mcp import systems
from flipsnack_mcp.api import one_line, quoted
from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.connecting import NO_OTHER_PROCESS, labels_known, open_memory
from flipsnack_mcp.server.consent.codes import Consents, Ticket, waiting_in
from flipsnack_mcp.server.consent.form import confirms, hash_counts_too
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.labels import told_apart
from flipsnack_mcp.store.records import Records, Store, StoreUnusable

FoundT = TypeVar("FoundT")


@dataclass(frozen=True)
class ToApprove:
    """What a code stands for, and what its account is called."""

    ticket: Ticket
    called: str


def approve(settings: Settings, code: str | None) -> int:
    """List what waits, or show one and ask; whatever account it is about, for the code says that."""
    try:
        waiting = anyio.run(with_store, settings, partial(what_waits, settings))
        if waiting is None:
            return fail(f"Nothing can be approved here: {NO_OTHER_PROCESS}.")
        if code is None:
            return list_waiting(waiting)
        name = code.strip().upper()
        if name not in waiting:
            return fail(
                f"Nothing waits under the code {quoted(name, 40)}: it was used, approved before, or is older than ten minutes."
            )
        return ask_person(settings, name, waiting[name])
    except StoreUnusable as error:
        return fail(str(error))


async def with_store(settings: Settings, work: Callable[[Store], Awaitable[FoundT]]) -> FoundT | None:
    """Ask the store; the answer is None where no other process can read it."""
    async with open_memory(settings) as store:
        return await work(store) if store.shared else None


async def what_waits(settings: Settings, store: Store) -> dict[str, ToApprove]:
    """What a person can approve, of all accounts, by its code."""

    def work(records: Records) -> dict[str, ToApprove]:
        tickets, labels = waiting_in(records), labels_known(settings, records)
        called = told_apart({*labels, *(one.account for one in tickets.values())}, labels)
        return {name: ToApprove(one, called[one.account]) for name, one in tickets.items()}

    return await store.transact(work)


def list_waiting(waiting: Mapping[str, ToApprove]) -> int:
    """Print what waits for a person."""
    for name, one in waiting.items():
        say(one_line(f"{name}  {one.called}  {asked_by(one.ticket)}{one.ticket.text}"))
    say(f"Approve one with: {as_typed('approve CODE')}" if waiting else "Nothing waits for an approval.")
    return 0


def asked_by(ticket: Ticket) -> str:
    """Say whose assistant was given the code, where callers are told apart."""
    return f"Asked for by {quoted(ticket.caller, 80)}. " if ticket.caller else ""


def ask_person(settings: Settings, name: str, waiting: ToApprove) -> int:
    """Show what waits, and let the person type the title. No event loop runs meanwhile: it would swallow Ctrl-C."""
    if not sys.stdin.isatty():
        return fail(f"Approving needs a person at a terminal; this is none.{systems.HERE.no_terminal}")
    ticket = waiting.ticket
    say(one_line(f"Account: {waiting.called}"))
    if who := asked_by(ticket):
        say(who)
    say(ticket.text)  # with its lines: of several each stands on one
    try:
        typed = input(f"{hash_counts_too(ticket)}To approve it, type {quoted(ticket.expected)}: ")
    except (EOFError, KeyboardInterrupt, OSError):
        return fail("\nNothing was approved.")
    if not confirms(typed, ticket):
        return fail("That is something else. Nothing was approved.")
    if not anyio.run(with_store, settings, lambda store: Consents(store, ticket.account).approve(name)):
        return fail("It was used or has expired meanwhile. Nothing was approved.")
    say("Approved. The assistant can now make the call with this code.")
    return 0
