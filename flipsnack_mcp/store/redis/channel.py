"""What servers on one Redis say to each other: heard by whoever listens at that moment, kept by nobody."""

import logging
from collections.abc import Awaitable, Callable

import anyio

from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.redis.link import RedisLink

log = logging.getLogger(__name__)

LISTEN_AGAIN = 2.0
"""Seconds after which it is tried again to listen where that server was gone."""
TURN = 5.0
"""Seconds of silence in one wait for the next word; shorter than any balancer's for a connection without traffic."""


class RedisChannel:
    """One channel of the server that a store is on."""

    def __init__(self, link: RedisLink, name: str) -> None:
        # Keys are of one database, and channels of them all: those of two teams are told apart here.
        of_database = f":{link.address.database}" if link.address.database else ""
        self._link, self._name = link, f"{link.names}channel:{name}{of_database}"

    async def say(self, text: str) -> None:
        """Say something. Where it cannot be said, nobody hears it, and nothing depends on that."""
        try:
            await self._link.client.publish(self._name, text)
        except self._failures as error:
            log.info("other servers were not told of a change: %s", type(error).__name__)

    async def listen(self, heard: Callable[[str], Awaitable[None]]) -> None:
        """Hear what is said until this is cancelled, also after that server was gone for a while."""
        while True:
            try:
                await self._listen(heard)
            except self._failures as error:
                log.info("what other servers change is not heard of: %s", type(error).__name__)
            await anyio.sleep(LISTEN_AGAIN)

    async def _listen(self, heard: Callable[[str], Awaitable[None]]) -> None:
        async with self._link.client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(self._name)
            while True:
                said = await channel.get_message(timeout=TURN)
                if said and isinstance(said["data"], bytes):
                    await heard(said["data"].decode(errors="replace"))

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        try:
            return StoreUnusable, *self._link.failures
        except StoreUnusable:
            return (StoreUnusable,)
