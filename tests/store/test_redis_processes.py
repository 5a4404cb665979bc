"""Several real processes on one Redis server: counting, killed while they write; and the server killed under them."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.redis.redis_store import RedisStore
from tests.redis_server import RedisServer, running_redis
from tests.store import worker
from tests.store.worker import workers
from tests.store.works import count, pair


@pytest.fixture
async def store(on_redis: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_address(on_redis))
    yield store
    await store.close()


async def test_eight_processes_count_exactly(on_redis: str, store: RedisStore) -> None:
    with workers(8, worker.count, on_redis) as counting:
        for one in counting:
            one.go()
        assert [one.ended() for one in counting] == [0] * 8
    assert await store.transact(count) == 8 * 100


async def test_twelve_processes_killed_while_writing_leave_nothing_half_written(
    on_redis: str, store: RedisStore
) -> None:
    for _ in range(3):
        await worker.killed_while_writing(on_redis, store)


@pytest.mark.usefixtures("patient_with_redis")
async def test_ten_kills_of_the_server_lose_nothing_that_was_said_to_be_kept(quick_folder: Path) -> None:
    """With the configuration that is asked for."""
    kept = 0
    with running_redis(quick_folder) as server, workers(1, worker.told_pairs, server.url) as (writing,):
        store = RedisStore(redis_address(server.url))
        writing.go()
        for _ in range(10):
            for _ in range(random.randint(1, 20)):  # noqa: S311 - no secret
                writing.hears("kept")
                kept += 1
            await anyio.to_thread.run_sync(restarted, server)
            left, right = await store.transact(pair)
            assert left == right
            assert left
            assert left["n"] >= kept
        await store.close()


def restarted(server: RedisServer) -> None:
    server.kill()
    server.start()
