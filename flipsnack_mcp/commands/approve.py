"""`flipsnack-mcp approve [CODE]`: a person's yes, given where no model can give it."""

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from flipsnack_mcp.api import one_line, quoted
from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.connecting import remember
from flipsnack_mcp.server.consent.codes import Consents, Ticket
from flipsnack_mcp.server.consent.form import confirms
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import StoreUnusable

FoundT = TypeVar("FoundT")


def approve(settings: Settings, code: str | None) -> int:
    """List what waits, or show one and ask."""
    try:
        waiting = anyio.run(with_consents, settings, Consents.waiting)
        if waiting is None:
            return fail("Nothing can be approved here: FLIPSNACK_STATE is memory:, which no other process can read.")
        found = dict(waiting)
        if code is None:
            return list_waiting(found)
        name = code.strip().upper()
        if name not in found:
            return fail(
                f"Nothing waits under the code {quoted(name, 40)}: it was used, approved before, or is older than ten minutes."
            )
        return ask_person(settings, name, found[name])
    except StoreUnusable as error:
        return fail(str(error))


async def with_consents(settings: Settings, work: Callable[[Consents], Awaitable[FoundT]]) -> FoundT | None:
    """Ask the store; the answer is None where no other process can read it."""
    store = remember(settings)
    try:
        return await work(Consents(store, settings.account)) if store.shared else None
    finally:
        await store.close()


def list_waiting(waiting: dict[str, Ticket]) -> int:
    """Print what waits for a person."""
    for name, ticket in waiting.items():
        say(one_line(f"{name}  {ticket.text}"))
    say("Approve one with: flipsnack-mcp approve CODE" if waiting else "Nothing waits for an approval.")
    return 0


def ask_person(settings: Settings, name: str, ticket: Ticket) -> int:
    """Show what waits, and let the person type the title. No event loop runs meanwhile: it would swallow Ctrl-C."""
    if not sys.stdin.isatty():
        return fail("Approving needs a person at a terminal; this is none.")
    say(one_line(ticket.text))
    try:
        typed = input(f"To approve it, type {quoted(ticket.expected)}: ")
    except (EOFError, KeyboardInterrupt, OSError):
        return fail("\nNothing was approved.")
    if not confirms(typed, ticket):
        return fail("That is something else. Nothing was approved.")
    if not anyio.run(with_consents, settings, lambda consents: consents.approve(name)):
        return fail("It was used or has expired meanwhile. Nothing was approved.")
    say("Approved. The assistant can now make the call with this code.")
    return 0
