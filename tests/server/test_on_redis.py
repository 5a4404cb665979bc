"""A server whose store and budget are on a real Redis server, which is killed under it and started again."""

import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.counting import apart
from flipsnack_mcp.api.counting.apart import BudgetApart, BudgetOfReplicas
from flipsnack_mcp.api.counting.ledger import blank, fits
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.redis import link, presence
from flipsnack_mcp.store.redis.redis_document import RedisDocument
from flipsnack_mcp.store.redis.redis_store import RedisStore
from tests.redis_server import RedisServer, running_redis
from tests.server.bench import KEY, SECRET, Bench, Tapped

UPDATE = "collection.update"


@pytest.fixture
def anyio_backend() -> str:
    """A socket needs a real loop."""
    return "asyncio"


@pytest.fixture
def server(quick_folder: Path, patient_with_redis: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:  # noqa: ARG001
    """Replicas on it grow up within a moment, and a busy machine makes nobody late."""
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(link, "TO_COMMIT", 0.05)
    monkeypatch.setattr(apart, "STILL_ARRIVING", 0.1)
    for name, seconds in (("REPLICA_BEAT", 0.05), ("GROWN_UP", 0.1), ("LATEST_NEWS", 60.0), ("LIVES_FOR", 60.0)):
        monkeypatch.setattr(presence, name, seconds)
    with running_redis(quick_folder) as server:
        yield server


@pytest.mark.parametrize("mode", ["auto"])
async def test_it_reads_on_refuses_changes_and_recovers_by_itself(bench: Bench, server: RedisServer) -> None:
    address, here = redis_address(server.url), presence.presence_on(redis_address(server.url).url)
    rules = BudgetRules()

    def connect(_: Settings) -> Flipsnack:
        document = RedisDocument(address, "budget-1", blank(), fits, BudgetApart(rules), here)
        pacer = Pacer(BudgetOfReplicas(document), rules)
        return Flipsnack(Access(KEY, SECRET), pacer, lambda: Tapped(bench.sandbox, bench.witness))

    summer = bench.collection("Summer catalogue 2026").hash
    served = build_server(bench.settings, connect, bench.clock, RedisStore(address))
    async with bench.assistant(server=served) as assistant:
        assert not (await assistant.call("list_collections")).is_error
        first = await assistant.call("update_collection", collection_hash=summer, title="First")
        assert not first.is_error
        with anyio.fail_after(60):
            while here._signed - here._since < presence.GROWN_UP:
                await checkpoint()
        server.kill()
        read = await assistant.call("get_collection_stats", collection_hash=summer)
        refused = await assistant.call("update_collection", collection_hash=summer, title="Second")
        assert not read.is_error, read.text
        assert refused.is_error
        assert "Redis at" in refused.text
        assert "Nothing was changed." in refused.text
        assert [one["title"] for one in map(dict, (one.params for one in bench.sandbox.carried_out(UPDATE)))] == [
            "First"
        ]
        await anyio.to_thread.run_sync(server.start)
        with anyio.fail_after(60):
            while (await assistant.call("update_collection", collection_hash=summer, title="Third")).is_error:
                pass
    assert [dict(one.params)["title"] for one in bench.sandbox.carried_out(UPDATE)] == ["First", "Third"]


async def test_without_the_client_it_lists_its_tools_and_a_call_says_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("redis", "redis.asyncio", "redis.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    served = build_server(
        bench.settings, bench.connect, bench.clock, RedisStore(redis_address("redis://127.0.0.1:1/0"))
    )
    async with bench.assistant(server=served) as assistant:
        assert (await assistant.client.list_tools()).tools
        refused = await assistant.call("update_collection", collection_hash=bench.collection().hash, title="New")
    assert "Install this package with its extra `redis`" in refused.text
    assert bench.sandbox.carried_out(UPDATE) == []
