"""`flipsnack-mcp move [FILE]`: all that a state file holds goes to the Redis server that FLIPSNACK_STATE names.

What is moved is named, where to stands in the setting: an address with a password has no place on a command line, and the
servers that go on there have the same setting.
"""

from collections import Counter
from pathlib import Path

import anyio

from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.connecting import open_memory
from flipsnack_mcp.files.in_sight import is_closed, is_file
from flipsnack_mcp.redis_address import is_redis
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.moving import move_to_redis
from flipsnack_mcp.store.opening import address_in, default_file, given_file
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.history import every_trail

NAMED_KINDS = {"history": "entries of the history", "upload": "uploads", "plan": "plans", "report": "reports"}
"""What a person may look for afterwards; the rest is counted together."""


def move(settings: Settings, file: str | None) -> int:
    """Move a state file, the usual one where none is named."""
    if settings.problems:
        return fail(" ".join(settings.problems))
    if not is_redis(settings.state):
        return fail("FLIPSNACK_STATE names no Redis server: set it to redis://HOST:PORT/DATABASE, where all is to go.")
    try:
        path = given_file(file.removeprefix("sqlite:")) if file else default_file()  # as FLIPSNACK_STATE named it
        if not is_file(path) and not is_closed(path):
            return fail(f"There is no state file {path}: name the one that is to be moved.")
        return anyio.run(moved_and_looked_at, settings, path)
    except (StoreUnusable, ValueError) as error:
        return fail(str(error))


async def moved_and_looked_at(settings: Settings, path: Path) -> int:
    """Move it, and see that the history is whole there."""
    address = address_in(settings.state)
    found = await move_to_redis(path, address)
    async with open_memory(settings) as store:
        wrong = [one.wrong for one in await every_trail(store) if one.wrong]
    say(f"Moved to Redis at {address.shown}: {how_much_moved(found)}.")
    say(f"The file {path} was left as it was, and no server goes on with it: give all of them this FLIPSNACK_STATE.")
    return fail(f"The history is not whole: {wrong[0]}. See `{as_typed('history --verify')}`.") if wrong else 0


def how_much_moved(found: Counter[str]) -> str:
    """How much of what there was."""
    named = [f"{found[kind]} {what}" for kind, what in NAMED_KINDS.items()]
    return f"{', '.join(named)}, and {sum(found.values()) - sum(found[kind] for kind in NAMED_KINDS)} other records"
