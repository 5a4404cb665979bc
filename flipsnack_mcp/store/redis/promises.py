"""What a Redis server has to be told so that it keeps what is promised about journals, and what of that it was not."""

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.redis.failures import redis_failure, redis_unusable
from flipsnack_mcp.store.redis.link import RedisLink

NEEDED = {
    "appendonly": ("yes", "it forgets what came since its last snapshot when it ends"),
    "appendfsync": ("always", "what it has just taken can be lost with its machine"),
    "maxmemory-policy": ("noeviction", "it throws records away when its memory is full"),
}
"""What each has to be, and what happens otherwise."""
CONFIGURATION_UNSEEN = "It does not tell how it is configured: see yourself that it has " + ", ".join(
    f"{name} {value}" for name, (value, _) in NEEDED.items()
)


async def broken_promises(state: str) -> tuple[str, ...]:
    """What the configuration of the server that `state` names does not keep, in sentences; nothing where all is well.

    Raises:
        StoreUnusable: It cannot be asked.
        ValueError: It is no address of a Redis server.
    """
    link = RedisLink(redis_address(state))
    try:
        return objections(await redis_configuration(link))
    finally:
        await link.close()


async def redis_configuration(link: RedisLink) -> dict[str, str] | None:
    """What it says of its configuration; None where it does not say it, as with most that are rented."""
    failures = link.failures
    from redis.exceptions import ResponseError  # noqa: PLC0415 - only when something is stored

    try:
        found = [await link.client.config_get(name) for name in NEEDED]
    except ResponseError:
        return None
    except failures as error:
        raise redis_unusable(redis_failure(error), link.address.shown) from error
    return {sent_text(name): sent_text(value) for one in found for name, value in one.items()}


def sent_text(value: object) -> str:
    """What a server sends, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def objections(told: dict[str, str] | None) -> tuple[str, ...]:
    """What is not as it has to be."""
    if told is None:
        return (f"{CONFIGURATION_UNSEEN}.",)
    return tuple(
        f"{name} is {told.get(name, 'not known')}: {otherwise}. Set {name} {value}."
        for name, (value, otherwise) in NEEDED.items()
        if told.get(name) != value
    )
