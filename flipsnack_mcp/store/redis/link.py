"""The way to a Redis server: one client, scripts asked until they are answered or patience ends, failures in words."""

import hashlib
import json
import random
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio

from flipsnack_mcp.redis_address import RedisAddress
from flipsnack_mcp.store.redis.failures import no_redis_client, redis_failure, redis_unusable

if TYPE_CHECKING:
    from redis.asyncio import Redis

TO_CONNECT, TO_STEP = 1.5, 1.5
"""Seconds for one step. A server that needs longer is as good as none for whoever waits for a tool."""
QUESTIONS_AT_ONCE = 16
"""Questions under way, each on a connection of its own."""
LOOK_AGAIN = 1.0
"""Seconds in which a failure that may pass is tried again."""
TO_COMMIT = 4.0
"""The same for a commit, of which somebody wants to know whether it was made."""


class RedisLink:
    """Asks one server. The client is made at the first question, in the event loop that asks it."""

    def __init__(self, address: RedisAddress) -> None:
        self.address = address
        self._redis: Redis | None = None
        self._seen = 0.0
        self._places = anyio.Semaphore(QUESTIONS_AT_ONCE)

    @property
    def names(self) -> str:
        """With what all keys and channels begin. What is in braces keeps them on one server of a cluster."""
        return f"{self.address.prefix}:{{state}}:"

    async def run(self, script: str, key: str, asked: dict[str, Any]) -> list[Any]:
        """Let the server carry out a script, whose answer begins with what came of it and the store's time.

        Raises:
            StoreUnusable: It cannot.
        """
        latest = anyio.current_time() + (TO_COMMIT if "commit" in asked else LOOK_AGAIN)
        again = lost = False
        while True:
            try:
                async with self._places:
                    answer: list[Any] = await self._evaluated(script, key, {**asked, "seen": self._seen})
            except self.failures as error:
                failure = redis_failure(error)
                lost = lost or failure.silent
                # Once more in any case: this process may have been the slow one.
                if not failure.passes or (again and anyio.current_time() >= latest):
                    raise redis_unusable(failure, self.address.shown, unknown=lost and "commit" in asked) from error
            else:
                self._seen = float(answer[1])
                return answer
            again = True
            if "commit" in asked:
                asked = {**asked, "commit": {**asked["commit"], "again": True}}
            await anyio.sleep(random.uniform(0.02, 0.1))  # noqa: S311 - keeps processes out of step, no secret

    @property
    def client(self) -> "Redis":
        """The client, for what needs no script.

        Raises:
            StoreUnusable: The extra is not installed.
        """
        if self._redis is None:
            try:
                from redis.asyncio import Redis  # noqa: PLC0415 - only when something is stored
                from redis.asyncio.retry import Retry  # noqa: PLC0415
                from redis.backoff import NoBackoff  # noqa: PLC0415
            except ImportError as error:
                raise no_redis_client() from error
            # Trying again is ours: it has to know what may have been done already.
            self._redis = Redis.from_url(
                self.address.url,
                protocol=2,
                socket_connect_timeout=TO_CONNECT,
                socket_timeout=TO_STEP,
                retry=Retry(NoBackoff(), 0),
            )
        return self._redis

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What the client raises where the server cannot be used."""
        self.client  # noqa: B018 - says so where the extra is missing
        from redis.exceptions import RedisError  # noqa: PLC0415

        return RedisError, OSError

    async def close(self) -> None:
        """Let go of the connections."""
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()

    async def _evaluated(self, script: str, key: str, asked: dict[str, Any]) -> Any:
        client = self.client
        from redis.exceptions import NoScriptError  # noqa: PLC0415

        # Not in ASCII: a name that no text can have is refused here, as by SQLite.
        arguments = 1, f"{self.names}{key}", json.dumps(asked, ensure_ascii=False)
        try:
            return await client.evalsha(digest_of_script(script), *arguments)
        except NoScriptError:
            return await client.eval(script, *arguments)


@cache
def digest_of_script(script: str) -> str:
    """By what a server knows a script that it has seen."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
