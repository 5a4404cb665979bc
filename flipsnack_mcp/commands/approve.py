"""`flipsnack-mcp approve [CODE]`: a person's yes, given where no model can give it."""

from __future__ import annotations

import sys

import anyio

from flipsnack_mcp.commands.connecting import remember
from flipsnack_mcp.server.confirmation import comparable
from flipsnack_mcp.server.consent import Consents, Ticket
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.unusable import StoreUnusable


def approve(settings: Settings, code: str | None) -> int:
    """List what waits, or show one and ask."""
    try:
        return anyio.run(_approve, settings, code)
    except StoreUnusable as error:
        say(str(error))
        return 1


async def _approve(settings: Settings, code: str | None) -> int:
    store = remember(settings)
    try:
        if not store.shared:
            say("Nothing can be approved here: FLIPSNACK_STATE is memory:, which no other process can read.")
            return 1
        consents = Consents(store, settings.account)
        waiting = dict(await consents.waiting())
        if code is None:
            return listed(waiting)
        name = code.strip().upper()
        if name not in waiting:
            say(f"Nothing waits under the code {name}: it was used, approved before, or is older than ten minutes.")
            return 1
        return await asked(consents, name, waiting[name])
    finally:
        await store.close()


def listed(waiting: dict[str, Ticket]) -> int:
    """What waits for a person."""
    for name, ticket in waiting.items():
        say(f"{name}  {ticket.text}")
    say("Approve one with: flipsnack-mcp approve CODE" if waiting else "Nothing waits for an approval.")
    return 0


async def asked(consents: Consents, name: str, ticket: Ticket) -> int:
    """Show one, and let the person type the title."""
    if not sys.stdin.isatty():
        say("Approving needs a person at a terminal; this is none.")
        return 1
    say(ticket.text)
    typed = await anyio.to_thread.run_sync(input, f'To approve it, type "{ticket.expected}": ')
    if comparable(typed) != comparable(ticket.expected):
        say("That is something else. Nothing was approved.")
        return 1
    if not await consents.approve(name):
        say("It was used or has expired meanwhile. Nothing was approved.")
        return 1
    say("Approved. The assistant can now make the call with this code.")
    return 0


def say(text: str) -> None:
    """One line for the person."""
    print(text, flush=True)  # noqa: T201  # this command's output
