"""From a state file to Redis: all records at once, with their order, what is left of their time, and the store's own time.

The file is given up first and the records arrive in one step after it: whatever fails in between, no two servers ever go on
from two places. It can be repeated until they have arrived.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio

from flipsnack_mcp.redis_address import RedisAddress
from flipsnack_mcp.store.clock import Clock, moment
from flipsnack_mcp.store.records import BusyError, OutcomeUnknown, StoreUnusable, T, held, no_sqlite
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.scripts import ARRIVAL, RECORDS

PATIENCE_WITH_OTHERS = 20.0


async def move_to_redis(path: Path, address: RedisAddress, clock: Clock = moment) -> Counter[str]:
    """Carry all records of a file over; how many of each kind there were.

    Raises:
        StoreUnusable: One of both cannot be used, or something is there already. The file goes on being used.
        OutcomeUnknown: The server did not say whether they arrived. It has to be repeated.
    """
    try:
        from flipsnack_mcp.store.database import Database  # noqa: PLC0415 - sqlite3 only when something is stored
    except ImportError as error:
        raise no_sqlite() from error
    with closing(Database(path, "NORMAL")) as file:
        left = await in_turn(path, partial(file.leave, address.shown, secrets.token_hex(8), clock))
        rows = [(one.kind, one.name, one.body, "" if one.expires is None else repr(one.expires)) for one in left.rows]
        try:
            await arrive(address, {"token": left.token, "now": left.now, "rows": rows})
        except OutcomeUnknown:
            raise
        except StoreUnusable:
            await in_turn(path, file.stay)
            raise
    return Counter(one.kind for one in left.rows)


async def in_turn(path: Path, step: Callable[[], T]) -> T:
    """Take a step with the file, once no other process is in the midst of one."""
    latest = anyio.current_time() + PATIENCE_WITH_OTHERS
    while True:
        try:
            return step()
        except BusyError:
            if anyio.current_time() > latest:
                raise held(path, PATIENCE_WITH_OTHERS) from None
        await anyio.sleep(0.01)


async def arrive(address: RedisAddress, commit: dict[str, object]) -> None:
    """Put them all there, or nothing."""
    link = RedisLink(address)
    try:
        await link.run(RECORDS, "clock", {"gets": [], "kinds": []})  # what cannot be reached can have taken nothing
        status, _ = await link.run(ARRIVAL, "clock", {"commit": commit})
    finally:
        await link.close()
    if status == b"taken":
        raise StoreUnusable(
            f"Redis at {address.shown} holds records of flipsnack-mcp already.",
            "Name another database there, or another prefix (?prefix=NAME). Nothing was moved.",
        )
