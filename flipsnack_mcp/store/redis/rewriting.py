"""The files of a Redis server written anew, so that what was deleted lies in none of them; or the words for where it may lie still."""

from typing import Any

import anyio

from flipsnack_mcp.store.redis.failures import redis_failure, redis_unusable
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.promises import sent_text

TO_REWRITE = 60.0
"""Seconds for a server to write what it holds."""
LOOK_EVERY = 0.05
LIE_STILL = "What was erased may lie in files of the Redis server still"
NOT_ALLOWED = (
    f"{LIE_STILL}: it did not let them be written anew. Have it run BGREWRITEAOF and, where it keeps snapshots, BGSAVE."
)
NOT_WRITTEN = (
    f"{LIE_STILL}: it did not write them anew in time. Run BGREWRITEAOF and BGSAVE there, and see that both succeed."
)

COPIED = "Other Redis servers keep a copy of that one, and what was erased may lie in their files still: see to those as well."


async def files_written_anew(link: RedisLink) -> tuple[str, ...]:
    """Let it write its files anew, and wait for it; what remains, in sentences."""
    failures = link.failures
    from redis.exceptions import ResponseError  # noqa: PLC0415 - only when something is stored

    try:
        with anyio.move_on_after(TO_REWRITE):
            return await written_anew(link)
    except ResponseError:
        return (NOT_ALLOWED,)
    except failures as error:
        raise redis_unusable(redis_failure(error), link.address.shown) from error
    return (NOT_WRITTEN,)


async def written_anew(link: RedisLink) -> tuple[str, ...]:
    """The same, however long it takes."""
    told = await at_rest(link)
    if told["aof_enabled"]:
        await link.client.bgrewriteaof()
        told = await at_rest(link)
        if sent_text(told["aof_last_bgrewrite_status"]) != "ok":
            return (NOT_WRITTEN,)
    if await keeps_snapshots(link):
        await link.client.bgsave()
        told = await at_rest(link)
        if sent_text(told["rdb_last_bgsave_status"]) != "ok":
            return (NOT_WRITTEN,)
    return (COPIED,) if (await link.client.info("replication"))["connected_slaves"] else ()


async def at_rest(link: RedisLink) -> dict[str, Any]:
    """What the server says of its files once it writes none of them anew."""
    busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
    while True:
        told: dict[str, Any] = await link.client.info("persistence")
        if not any(map(told.get, busy)):
            return told
        await anyio.sleep(LOOK_EVERY)


async def keeps_snapshots(link: RedisLink) -> bool:
    """Whether it writes snapshots; where it does not say so, it does."""
    from redis.exceptions import ResponseError  # noqa: PLC0415 - only when something is stored

    try:
        found = await link.client.config_get("save")
    except ResponseError:
        return True
    return not found or any(map(sent_text, found.values()))
