"""What is of Redis alone: works run again, answers lost on the way, the server's time, few round trips, names of its own."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.redis_address import RedisAddress, redis_address
from flipsnack_mcp.store.clock import LONGEST_REST
from flipsnack_mcp.store.records import Body, OutcomeUnknown, Records, StoreUnusable
from flipsnack_mcp.store.redis import link
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.redis.scripts import RECORDS, REMEMBERED_FOR
from tests.redis_server import RedisServer, running_redis
from tests.store.line_to_redis import LineToRedis, line_to
from tests.store.works import count, increment, putting
from tests.virtual_clock import DAY_IN_SECONDS, Machine, StandingClock


@pytest.fixture
def address(on_redis: str) -> RedisAddress:
    return redis_address(on_redis)


@pytest.fixture
async def one(address: RedisAddress) -> AsyncIterator[RedisStore]:
    store = RedisStore(address)
    yield store
    await store.close()


@pytest.fixture
async def other(address: RedisAddress) -> AsyncIterator[RedisStore]:
    store = RedisStore(address)
    yield store
    await store.close()


@pytest.fixture
async def line(redis_server: RedisServer, on_redis: str) -> AsyncIterator[LineToRedis]:
    async with line_to(redis_server, on_redis.rpartition("=")[2]) as line:
        yield line


@pytest.fixture
async def over_line(line: LineToRedis) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_address(line.url))
    yield store
    await store.close()


def is_commit(request: bytes) -> bool:
    return b'"commit"' in request


def once(which: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """The first of these alone."""
    met = list[bytes]()

    def first(request: bytes) -> bool:
        met.extend([request] if which(request) else [])
        return which(request) and len(met) == 1

    return first


# --- works that are run again
async def test_two_stores_count_exactly_whoever_is_faster(one: RedisStore, other: RedisStore) -> None:
    async def add(store: RedisStore) -> None:
        for _ in range(40):
            await store.transact(increment)

    async with anyio.create_task_group() as group:
        group.start_soon(add, one)
        group.start_soon(add, other)
    assert await one.transact(count) == 80


READS: dict[str, Callable[[Records], object]] = {
    "one record": count,
    "a kind": lambda records: len(records.all("counter")),
    "one that is not there": lambda records: int(records.get("counter", "one") is not None),
    "several": lambda records: sum(body is not None for body in records.several("counter", ["one", "two"])),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_work_is_run_again_where_something_it_read_is_another_by_then(
    one: RedisStore, other: RedisStore, read: Callable[[Records], object]
) -> None:
    seen: list[object] = []

    def work(records: Records) -> None:
        seen.append(read(records))
        records.put("seen", "last", {"n": seen[-1]})

    with_another_first(one, lambda: other.transact(increment))
    await one.transact(work)
    assert seen == [0, 1]
    assert await other.transact(lambda records: records.get("seen", "last")) == {"n": 1}


async def test_what_was_only_read_along_makes_nobody_begin_again(one: RedisStore, other: RedisStore) -> None:
    await one.transact(increment)
    runs: list[Body | None] = []

    def work(records: Records) -> None:
        runs.append(records.get("upload", "mine"))
        records.put("upload", "mine", {})

    with_another_first(one, lambda: other.transact(increment))
    await one.transact(work)
    assert runs == [None]


def with_another_first(store: RedisStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Let somebody else be faster, once, between what is read and the commit."""
    commit, done = store._commit, list[int]()

    async def late(*given: Any) -> Any:
        if not done:
            done.append(1)
            await meanwhile()
        return await commit(*given)

    store._commit = late  # type: ignore[method-assign, assignment]


async def test_a_work_that_asks_for_something_else_each_time_is_a_mistake_and_ends(
    one: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flipsnack_mcp.store.redis.redis_store.MOST_RUNS", 20)
    names = iter(range(1000))
    with pytest.raises(RuntimeError, match="something else each time"):
        await one.transact(lambda records: records.get("upload", str(next(names))))


async def test_a_cancelled_transaction_is_written_whole_or_not_at_all_and_its_commit_is_heard_of(
    over_line: RedisStore, line: LineToRedis, one: RedisStore
) -> None:
    outcome: list[int] = []

    with anyio.CancelScope() as scope:

        def cancelled(request: bytes) -> bool:
            if is_commit(request):
                scope.cancel()
            return False

        line.lose_request = cancelled
        outcome.append(await over_line.transact(increment))
    assert (outcome, await one.transact(count)) == ([1], 1)


# --- answers that are lost
async def test_a_commit_whose_answer_was_lost_is_made_once(
    over_line: RedisStore, line: LineToRedis, one: RedisStore
) -> None:
    line.lose_answer = once(is_commit)
    assert await over_line.transact(increment) == 1
    assert await one.transact(count) == 1


async def test_a_commit_that_never_arrived_is_sent_again(
    over_line: RedisStore, line: LineToRedis, one: RedisStore
) -> None:
    line.lose_request = once(is_commit)
    assert await over_line.transact(increment) == 1
    assert await one.transact(count) == 1


@pytest.mark.usefixtures("no_pauses")
async def test_on_a_line_that_loses_much_each_change_is_made_once(
    redis_server: RedisServer, on_redis: str, one: RedisStore
) -> None:
    chance, told, unknown = random.Random(0), list[int](), list[int]()  # noqa: S311 - no secret

    def lost(request: bytes) -> bool:
        return b"EVAL" in request and chance.random() < 0.15

    async def add(store: RedisStore) -> None:
        for _ in range(30):
            try:
                told.append(await store.transact(increment))
            except OutcomeUnknown:
                unknown.append(1)
            except StoreUnusable:
                continue
        await store.close()

    async with line_to(redis_server, on_redis.rpartition("=")[2]) as line, anyio.create_task_group() as group:
        line.lose_request = line.lose_answer = lost
        for _ in range(3):
            group.start_soon(add, RedisStore(redis_address(line.url)))
    assert len(set(told)) == len(told) > 60
    assert len(told) <= await one.transact(count) <= len(told) + len(unknown)


async def test_a_commit_that_comes_a_second_time_much_later_changes_nothing(
    over_line: RedisStore, line: LineToRedis, one: RedisStore, redis_server: RedisServer
) -> None:
    """As from a connection that was cut while its request lay in the server's buffer."""
    await over_line.transact(lambda records: records.put("upload", "a", {"n": 1}))
    late = next(request for request in line.asked if is_commit(request))
    await one.transact(lambda records: records.put("upload", "a", {"n": 2}))
    async with await anyio.connect_unix(str(redis_server.socket_path)) as far:
        await far.send(late)
        assert b"written" in await far.receive()  # it was, then
    assert await one.transact(lambda records: records.get("upload", "a")) == {"n": 2}


async def test_a_commit_that_was_refused_stays_so_though_all_looks_as_it_was_before(one: RedisStore) -> None:
    """What was absent, came and went again: only its token tells that the commit is an old one."""

    async def sent(token: str, *, again: bool = False) -> bytes:
        now = await one.transact(lambda records: records.wall)
        changes = [("counter", "one", "{}", "")]
        commit = {"token": token, "read": now, "gets": [("counter", "one", "")], "kinds": [], "changes": changes}
        asked = {"gets": [], "kinds": [], "commit": {**commit, **({"again": True} if again else {})}}
        return bytes((await one.link.run(RECORDS, "clock", asked))[0])

    await one.transact(increment)
    assert await sent("held up", again=True) == b"conflict"
    await one.transact(lambda records: records.delete("counter", "one"))
    assert await sent("held up") == b"conflict"
    assert await sent("new") == b"written"


async def test_a_commit_on_what_was_read_long_ago_is_refused(one: RedisStore) -> None:
    now = await one.transact(lambda records: records.wall)
    for read, status in ((now - REMEMBERED_FOR - 30, b"conflict"), (now + 3600, b"conflict"), (now, b"written")):
        commit = {"token": f"read at {read}", "read": read, "gets": [], "kinds": [], "changes": []}
        assert (await one.link.run(RECORDS, "clock", {"gets": [], "kinds": [], "commit": commit}))[0] == status


async def test_where_nobody_says_what_came_of_a_commit_that_is_said(
    over_line: RedisStore, line: LineToRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "TO_COMMIT", 0.1)
    line.lose_answer = is_commit
    with pytest.raises(OutcomeUnknown, match="not known whether it kept the last thing"):
        await over_line.transact(increment)


# --- its time
async def test_the_time_is_the_servers_and_no_hosts(one: RedisStore, redis_server: RedisServer) -> None:
    before, micro = (int(part) for part in redis_server.cli("TIME").split(b"\r\n")[2::2])
    now, wall = await one.transact(lambda records: (records.now, records.wall))
    assert 0 <= wall - (before + micro / 1e6) < 60
    assert now == wall


async def test_the_time_never_goes_back_and_forward_by_a_long_rest_at_most(address: RedisAddress) -> None:
    machine = Machine()
    store = RedisStore(address, machine)

    async def seen() -> tuple[float, float]:
        await store.transact(putting("sign"))
        return await store.transact(lambda records: (records.now, records.wall))

    first, _ = await seen()
    machine.set_clock(-40)
    now, wall = await seen()
    assert 0 <= now - first < 30  # the seconds that the test takes itself
    assert wall < first - 39 * DAY_IN_SECONDS
    machine.run(100)
    assert 100 <= (await seen())[0] - first < 130
    machine.set_clock(400)
    assert 100 + LONGEST_REST <= (await seen())[0] - first < 130 + LONGEST_REST
    await store.close()


async def test_a_clock_that_was_set_wrong_for_one_write_sweeps_nothing_that_is_young(address: RedisAddress) -> None:
    machine = Machine()
    store = RedisStore(address, machine)
    await store.transact(putting("journal", keep=7 * 24 * 3600.0))
    machine.set_clock(300)
    await store.transact(putting("another"))
    machine.set_clock(-300)
    assert len(await store.transact(lambda records: records.all("upload"))) == 2
    await store.close()


async def test_what_is_over_is_swept_by_whoever_writes(
    address: RedisAddress, clock: StandingClock, redis_server: RedisServer
) -> None:
    store = RedisStore(address, clock)
    for number in range(30):
        await store.transact(putting(str(number), keep=10.0))
    clock.now += 11
    await store.transact(putting("new"))
    assert redis_server.cli("HLEN", f"{address.prefix}:{{state}}:records:upload") == b":1\r\n"
    assert redis_server.cli("ZCARD", f"{address.prefix}:{{state}}:order:upload") == b":1\r\n"
    assert redis_server.cli("ZCARD", f"{address.prefix}:{{state}}:ends") == b":0\r\n"
    await store.close()


# --- round trips
async def test_a_transaction_takes_few_round_trips(over_line: RedisStore, line: LineToRedis) -> None:
    async def trips(work: Callable[[Records], object]) -> int:
        before = line.scripts
        await over_line.transact(work)
        return line.scripts - before

    await over_line.transact(increment)
    assert await trips(increment) == 2
    assert await trips(count) == 1
    names = [str(number) for number in range(100)]
    assert await trips(lambda records: records.several("upload", names)) == 1
    assert await trips(lambda records: records.all("upload")) == 1
    assert await trips(lambda records: (records.all("upload"), [records.get("upload", name) for name in names])) == 1


# --- names
async def test_two_prefixes_know_nothing_of_each_other(on_redis: str, one: RedisStore) -> None:
    another = RedisStore(redis_address(f"{on_redis}x"))
    await one.transact(increment)
    assert await another.transact(count) == 0
    await another.close()


async def test_all_names_begin_with_the_prefix_and_lie_together(
    one: RedisStore, address: RedisAddress, redis_server: RedisServer
) -> None:
    await one.transact(putting("a", keep=5))
    names = [line for line in redis_server.cli("KEYS", f"*{address.prefix}*").split(b"\r\n") if b":" in line]
    assert len(names) >= 5
    assert all(name.startswith(f"{address.prefix}:{{state}}:".encode()) for name in names)


async def test_on_a_server_of_a_cluster_all_lies_together(quick_folder: Path) -> None:
    with running_redis(quick_folder, "--appendonly", "no", "--cluster-enabled", "yes") as server:
        server.cli("CLUSTER", "ADDSLOTS", *map(str, range(16384)))
        store = RedisStore(redis_address(server.url))
        await until_it_is_whole(store)
        await store.transact(putting("a", keep=5))
        assert await store.transact(lambda records: (count(records), len(records.all("upload")))) == (1, 1)
        await store.close()


async def until_it_is_whole(store: RedisStore) -> None:
    """A cluster takes a moment to see that it has all of its slots."""
    with anyio.fail_after(60):
        while True:
            with suppress(StoreUnusable):
                await store.transact(increment)
                return


async def test_a_user_who_may_touch_nothing_but_what_begins_with_the_prefix_is_enough(quick_folder: Path) -> None:
    with running_redis(quick_folder, "--appendonly", "no") as server:
        rights = ("resetchannels", "&flipsnack:*", "~flipsnack:*", "+@all", "-@admin", "-@dangerous")
        server.cli("ACL", "SETUSER", "bounded", "on", "nopass", *rights)
        store = RedisStore(redis_address(f"{server.url}&username=bounded&password=any"))
        assert await store.transact(increment) == 1
        assert await store.transact(lambda records: len(records.all("counter"))) == 1
        await store.close()


@pytest.mark.parametrize("value", ["nonsense", "a\nb\nc", "a\n\n{", "a\n\n[1"])
async def test_what_another_program_wrote_there_is_refused_in_words_and_left(
    one: RedisStore, address: RedisAddress, redis_server: RedisServer, value: str
) -> None:
    await one.transact(increment)
    redis_server.cli("HSET", f"{address.prefix}:{{state}}:records:counter", "one", value)
    with pytest.raises(StoreUnusable, match="was altered by another program"):
        await one.transact(increment)
    assert value.encode() in redis_server.cli("HGET", f"{address.prefix}:{{state}}:records:counter", "one")


async def test_a_key_of_another_kind_in_its_place_leaves_nothing_half_written(
    one: RedisStore, address: RedisAddress, redis_server: RedisServer
) -> None:
    redis_server.cli("SET", f"{address.prefix}:{{state}}:order:pair", "of another program")

    def work(records: Records) -> None:
        increment(records)
        records.put("pair", "left", {})

    with pytest.raises(StoreUnusable, match="holds something of another program"):
        await one.transact(work)
    assert await one.transact(count) == 0


async def test_bodies_are_the_same_json_as_in_a_file(
    one: RedisStore, address: RedisAddress, redis_server: RedisServer
) -> None:
    body = {"title": "Käse \ud83d", "n": 1.5}
    await one.transact(lambda records: records.put("upload", "a", body))
    stored = redis_server.cli("HGET", f"{address.prefix}:{{state}}:records:upload", "a")
    assert json.dumps(body, separators=(",", ":")).encode() in stored
