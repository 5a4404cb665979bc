"""What a doctor finds where uploads, confirmations and the history are kept: in a state file, or on Redis."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from flipsnack_mcp.api import names_with_room, quoted
from flipsnack_mcp.commands.connecting import NO_APPROVAL, approves_nothing, kept_at, open_memory
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.folders import is_on_share, may_be_written, nearest_there
from flipsnack_mcp.files.in_sight import is_closed, is_file
from flipsnack_mcp.redis_address import is_redis
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.labels import labels_in
from flipsnack_mcp.store.opening import address_in, state_file
from flipsnack_mcp.store.permissions import is_open_to_others
from flipsnack_mcp.store.records import Records, StoreUnusable, inaccessible
from flipsnack_mcp.workflows.history import every_trail

STATE_ON_SHARE = (
    "{} lies on another machine, where two programs that write at once are not kept apart: let FLIPSNACK_STATE name a file "
    "on a disk of this one, or Redis"
)
TRIAL = "trial"
"""The kind of a record that is gone when it was written."""
NOT_SEEN_HERE = (
    "what an assistant's own configuration sets cannot be seen here: to look at its key, let `{}` name that file, or set "
    "the same FLIPSNACK_ variables as stand there"
)


async def state(settings: Settings) -> list[Finding]:
    """Find out whether others may read what is remembered, and whether it is kept as it has to be."""
    if settings.problems:
        return []
    if is_redis(settings.state):
        return await state_on_redis(settings)
    if approves_nothing(settings):
        return [Finding("state", ok=False, said=NO_APPROVAL)]
    file = state_file(kept_at(settings))
    if file and is_on_share(file):
        return [Finding("state", ok=False, said=STATE_ON_SHARE.format(file), cause="share")]
    if is_kept_in(file):
        return await state_in_file(settings, file)
    return [*state_to_be_made(file)] if file else []


def is_kept_in(file: Path | None) -> TypeGuard[Path]:
    """Tell whether something is kept in a file; one in a folder that is closed is said to be so by whoever opens it."""
    return file is not None and (is_file(file) or is_closed(file))


async def state_in_file(settings: Settings, file: Path) -> list[Finding]:
    """Find out the same of a file that is there."""
    was_open = is_open_to_others(file)
    try:
        async with open_memory(settings) as store:
            await store.transact(write_once)  # any use of it closes it
    except StoreUnusable as error:
        return [Finding("state", ok=False, said=str(error))]
    if not was_open:
        return []
    now = "and cannot be closed to them: put it elsewhere" if is_open_to_others(file) else "and was closed just now"
    return [Finding("state", ok=True, said=f"{file} was open to other users of this machine, {now}")]


def state_to_be_made(file: Path) -> Iterator[Finding]:
    """Find out whether a file that is not there yet can be made, and makes none."""
    nearest = nearest_there(file.parent)
    if os.path.lexists(file):
        yield Finding("state", ok=False, said=str(inaccessible(file, "it is no file, or a link to none")))
    elif not may_be_written(nearest):
        yield Finding("state", ok=False, said=str(inaccessible(file, f"nothing can be made in {nearest}")))


def write_once(records: Records) -> None:
    """Leave nothing, by writing: what can only be read is opened like any other file."""
    records.put(TRIAL, "doctor", {})
    records.delete(TRIAL, "doctor")


async def state_on_redis(settings: Settings) -> list[Finding]:
    """Find out whether the server can be used, and keeps what is promised."""
    from flipsnack_mcp.store.redis.promises import broken_promises  # noqa: PLC0415  # few have one

    where = f"Redis at {address_in(settings.state).shown}"
    try:
        broken = await broken_promises(settings.state)  # first: whether it is there at all is known soonest so
        async with open_memory(settings) as store:
            await store.transact(write_once)
    except StoreUnusable as error:
        return [Finding("state", ok=False, said=str(error))]
    return [Finding("state", ok=False, said=f"{where}: {one}") for one in broken] or [
        Finding("state", ok=True, said=f"{where} keeps what is promised")
    ]


def is_there(settings: Settings) -> bool:
    """Tell whether anything can have been kept already: looking makes no file."""
    state = kept_at(settings)
    return is_redis(state) or is_kept_in(state_file(state))


async def changes_by(settings: Settings) -> list[Finding]:
    """Count the changes that each caller had made."""
    try:
        async with open_memory(settings) as store:
            trails = await every_trail(store)
    except StoreUnusable:
        return []  # another look says so
    made = Counter(one.caller for trail in trails for one in trail.events if one.caller and one.decision != "allowed")
    told = [f"{quoted(name, 80)} ({count})" for name, count in made.most_common()]
    return [Finding("callers", ok=True, said=f"in the history: {names_with_room(told, 1000)}")] if told else []


async def used_before(settings: Settings, *, seen: bool) -> list[Finding]:
    """Name the accounts that the state file knows, in a terminal without a key: an assistant may have its own."""
    if not settings.missing:
        return []
    # Where configurations of assistants were found, they are looked at by themselves.
    elsewhere = (
        [] if seen else [Finding("assistants", ok=True, said=NOT_SEEN_HERE.format(as_typed("doctor --config FILE")))]
    )
    if settings.problems:
        return elsewhere
    if is_redis(settings.state):
        return [*elsewhere, *await known_to(f"Redis at {address_in(settings.state).shown}", settings)]
    file = state_file(kept_at(settings))
    return [*elsewhere, *(await known_to(str(file), settings) if is_kept_in(file) else [])]


async def known_to(kept: str, settings: Settings) -> list[Finding]:
    """Name the accounts that servers used with what is kept there."""
    try:
        async with open_memory(settings) as store:
            known = await store.transact(labels_in)
    except StoreUnusable:
        return []  # told already
    names = ", ".join(sorted(known.values()))
    approving = f"`{as_typed('history')}` and `{as_typed('approve')}` work for them without a key"
    return [Finding("state", ok=True, said=f"servers on {kept} used: {names}; {approving}")] if known else []
