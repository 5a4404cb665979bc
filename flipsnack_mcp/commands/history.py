"""`flipsnack-mcp history`: what was changed through this server, by whose yes, and how it was before."""

import json
from datetime import UTC, datetime

import anyio

from flipsnack_mcp.api import cleaned, one_line
from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.connecting import remember
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.history import Event, History

LONGEST_SAVED = 4000
"""Characters of what was saved, for a person; `--json` has all of it."""


def history(settings: Settings, *, as_json: bool, verify: bool) -> int:
    """Print the trail, or say whether it is whole."""
    try:
        return anyio.run(_history, settings, as_json, verify)
    except StoreUnusable as error:
        return fail(str(error))


async def _history(settings: Settings, as_json: bool, verify: bool) -> int:  # noqa: FBT001  # anyio.run takes no names
    store = remember(settings)
    try:
        trail = History(store, settings.account)
        events = await trail.events()
        if not verify:
            saved = [one.model_dump(mode="json") for one in events]
            say(json.dumps(saved, indent=2) if as_json else trail_text(events))
            return 0
        wrong = await trail.verified()
        facts = {"ok": not wrong, "entries": len(events), "wrong": wrong}
        say(json.dumps(facts) if as_json else verification_text(events, wrong))
        return 1 if wrong else 0
    finally:
        await store.close()


def trail_text(events: list[Event]) -> str:
    """Write the history for a person, oldest first."""
    return "\n".join(event_text(one) for one in events) or "Nothing has been changed through this server."


def event_text(event: Event) -> str:
    """Write one entry on one line, and the saved metadata on one below it. Ids in it can be anybody's text."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="seconds")
    how = f", confirmed by {event.confirmed}" if event.confirmed else ""
    said = f": {event.said}" if event.said else ""
    saved = cleaned(json.dumps(event.before, ensure_ascii=False), LONGEST_SAVED)
    before = f"\n      before: {saved}" if event.before else ""
    return one_line(f"{event.number:5}  {at}  {event.tool} {event.target}  {event.decision}{how}{said}") + before


def verification_text(events: list[Event], wrong: str) -> str:
    """Say in words whether the chain is whole."""
    return f"The trail is NOT whole: {wrong}." if wrong else f"The trail is whole: {len(events)} entries."
