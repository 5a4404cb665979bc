"""A store on a real Redis server for tests on a virtual clock, whose time stands still while that server answers."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, cast

from typing_extensions import override

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.redis_store import RedisStore
from tests.redis_server import RedisServer
from tests.virtual_clock import VirtualLoop


class WaitedFor(RedisLink):
    """Only what goes to the server and back takes no time: pauses between two questions are as everywhere."""

    @override
    async def _evaluated(self, script: str, key: str, asked: dict[str, Any]) -> Any:
        with cast("VirtualLoop", asyncio.get_running_loop()).standing_still():
            return await super()._evaluated(script, key, asked)


def store_on(server: RedisServer, clock: Callable[[], float], prefix: str = "") -> RedisStore:
    """As one process opens it: one that nobody else has used yet, or that of a prefix."""
    address = redis_address(f"{server.url}&prefix={prefix or new_prefix()}")
    store = RedisStore(address, lambda: round(clock(), 6))  # as finely as a server's clock shows it
    store.link = WaitedFor(address)
    return store


def new_prefix() -> str:
    return f"t{secrets.token_hex(6)}"
