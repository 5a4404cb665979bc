"""A clock to turn, and all forms of the store on it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.redis import link
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.virtual_clock import StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
async def file(path: Path, clock: StandingClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, path: Path, clock: StandingClock) -> AsyncIterator[Store]:
    """Each of the three forms: what is promised of one is promised of all."""
    store: Store
    if request.param == "redis":
        store = RedisStore(redis_address(request.getfixturevalue("on_redis")), clock)
    else:
        store = MemoryStore(clock) if request.param == "memory" else SqliteStore(path, clock)
    yield store
    await store.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is asked again at once."""
    monkeypatch.setattr(link, "random", SimpleNamespace(uniform=lambda *_: 0.0))


@pytest.fixture
def soon(no_pauses: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - so it is
    """What may pass is tried once more and not waited for."""
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(link, "TO_COMMIT", 0.0)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be somebody whom permissions stop: root passes them all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)
