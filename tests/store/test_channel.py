"""What servers on one Redis say to each other: heard by all who listen, and again once that server is back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.redis import channel
from flipsnack_mcp.store.redis.channel import RedisChannel
from flipsnack_mcp.store.redis.link import RedisLink
from tests.redis_server import running_redis

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LISTEN_AGAIN", 0.01)


@asynccontextmanager
async def on(url: str, name: str = "changes") -> AsyncIterator[RedisChannel]:
    """As one process has it."""
    link = RedisLink(redis_address(url))
    yield RedisChannel(link, name)
    await link.close()


async def heard_by(url: str, words: list[str], where: str = "changes") -> list[str]:
    """What two listeners hear while somebody says these, again and again until both have heard them all."""
    told = list[list[str]]()

    async with anyio.create_task_group() as group:

        async def listen() -> None:
            mine = list[str]()
            told.append(mine)

            async def hear(text: str) -> None:
                mine.append(text)

            async with on(url, where) as one:
                await one.listen(hear)

        for _ in range(2):
            group.start_soon(listen)
        async with on(url) as speaker:
            with anyio.move_on_after(PATIENCE):
                while len(told) < 2 or any(set(one) < set(words) for one in told):
                    for word in words:
                        await speaker.say(word)
                    await anyio.sleep(0.02)
        group.cancel_scope.cancel()
    return [word for word in words if all(word in one for one in told)]


async def test_all_who_listen_hear_what_is_said(on_redis: str) -> None:
    words = ["one", "zwei", "três", "四", "x" * 5000]
    assert await heard_by(on_redis, words) == words


async def test_who_listens_where_redis_is_gone_hears_again_once_it_is_back(tmp_path: Path) -> None:
    told = list[str]()

    async def hear(text: str) -> None:
        told.append(text)

    async def until_heard(speaker: RedisChannel, word: str) -> None:
        with anyio.fail_after(PATIENCE):
            while word not in told:
                await speaker.say(word)
                await anyio.sleep(0.02)

    with running_redis(tmp_path) as server:
        async with on(server.url) as listener, on(server.url) as speaker, anyio.create_task_group() as group:
            group.start_soon(listener.listen, hear)
            await until_heard(speaker, "before")
            server.kill()
            await speaker.say("to nobody")
            server.start()
            await until_heard(speaker, "after")
            group.cancel_scope.cancel()
    assert "to nobody" not in told


async def test_who_has_another_database_of_the_same_server_is_not_heard(quick_folder: Path) -> None:
    """Two teams on one Redis heard what the other changes: its channels are of no database."""
    told = list[str]()

    async def hear(text: str) -> None:
        told.append(text)

    with running_redis(quick_folder) as server:
        other = server.url.replace("db=0", "db=1")
        async with (
            on(other) as listener,
            on(other) as ours,
            on(server.url) as theirs,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.listen, hear)
            with anyio.fail_after(PATIENCE):
                while "of ours" not in told:
                    await ours.say("of ours")
                    await anyio.sleep(0.02)
                await theirs.say("of others")
                while "the last" not in told:
                    await ours.say("the last")
                    await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    assert {*told} == {"of ours", "the last"}
