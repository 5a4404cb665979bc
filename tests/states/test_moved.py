"""A state file of 0.1.0 moves to Redis: everything is there with its order and what is left of its time, and nobody goes on with both."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from anyio import to_thread

from flipsnack_mcp.redis_address import RedisAddress, redis_address
from flipsnack_mcp.server.consent.codes import waiting_in
from flipsnack_mcp.store.labels import LABEL
from flipsnack_mcp.store.moving import move_to_redis
from flipsnack_mcp.store.records import Body, OutcomeUnknown, Records, StoreUnusable
from flipsnack_mcp.store.redis import link
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import HISTORY_KEPT, every_trail
from tests.commands.processes import Ended
from tests.redis_server import RedisServer
from tests.states.opened import MINUTE, Opened
from tests.store.line_to_redis import line_to
from tests.virtual_clock import StandingClock


@pytest.fixture
def anyio_backend() -> str:
    """A socket needs a real loop."""
    return "asyncio"


@pytest.fixture
def file(state: Opened) -> Path:
    return state.bench.folder / "state.sqlite"


@pytest.fixture
def clock(state: Opened) -> StandingClock:
    return StandingClock(state.made + MINUTE)


@pytest.fixture
def address(on_redis: str) -> RedisAddress:
    return redis_address(on_redis)


@pytest.fixture
async def target(address: RedisAddress) -> AsyncIterator[RedisStore]:
    store = RedisStore(address)
    yield store
    await store.close()


def kinds_of(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return [kind for (kind,) in db.execute("SELECT DISTINCT kind FROM records WHERE kind != 'moved to'")]


async def everything(store: SqliteStore | RedisStore, kinds: list[str]) -> dict[str, list[tuple[str, Body]]]:
    found = await store.transact(lambda records: {kind: records.all(kind) for kind in kinds})
    await store.close()
    return found


async def test_everything_is_there_in_its_order_with_its_time(
    file: Path, clock: StandingClock, address: RedisAddress, target: RedisStore
) -> None:
    shutil.copy(file, file.with_name("as it was.sqlite"))
    before = SqliteStore(file.with_name("as it was.sqlite"), clock)
    counted = await move_to_redis(file, address, clock)
    kinds = kinds_of(file)
    assert await everything(target, kinds) == await everything(before, kinds)
    assert counted.total() == sum(map(len, (await everything(target, kinds)).values())) > 60
    assert {
        "history",
        "history-head",
        "upload",
        "plan",
        "plan-item",
        "report",
        "confirmation-code",
        "deletion",
        "lease",
    } <= set(kinds)
    assert 0 <= await target.transact(lambda records: records.now) - clock.now < 600


async def test_the_whole_chain_of_the_history_holds_and_goes_on(
    file: Path, clock: StandingClock, address: RedisAddress, target: RedisStore, state: Opened
) -> None:
    await move_to_redis(file, address, clock)
    (trail,) = await every_trail(target)
    assert (trail.account, trail.wrong, len(trail.events)) == (state.account, "", 20)


async def test_what_is_left_of_each_time_is_kept(
    file: Path, clock: StandingClock, address: RedisAddress, state: Opened
) -> None:
    """Whatever the clock of the server says: a state file that slept for long has another time than the wall."""
    await move_to_redis(file, address, clock)
    later = StandingClock(clock.now)
    target = RedisStore(address, later)

    def codes(records: Records) -> set[str]:
        return set(waiting_in(records))

    assert await target.transact(codes) == {state.ids["code waiting"]}
    for after, kind, left in ((600.0, "confirmation-code", 0), (HISTORY_KEPT + 60, "history", 0)):
        assert await target.transact(lambda records: records.all(kind))  # noqa: B023 - called at once
        later.now = clock.now + after
        assert len(await target.transact(lambda records: records.all(kind))) == left  # noqa: B023 - called at once
    await target.close()


async def test_no_server_goes_on_with_the_file_and_is_told_where_all_is(
    file: Path, clock: StandingClock, address: RedisAddress
) -> None:
    running = SqliteStore(file, clock)
    await running.transact(lambda records: records.all(LABEL))
    await move_to_redis(file, address, clock)
    for store in (running, SqliteStore(file, clock)):
        with pytest.raises(StoreUnusable, match="was moved to Redis at") as caught:
            await store.transact(lambda records: records.put("upload", "new", {}))
        assert address.shown in str(caught.value)
        await store.close()
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] > 100  # which earlier versions take for a newer one


async def test_where_something_is_already_nothing_is_moved_and_the_file_goes_on(
    file: Path, clock: StandingClock, address: RedisAddress, target: RedisStore
) -> None:
    await target.transact(lambda records: records.put("upload", "of another", {}))
    with pytest.raises(StoreUnusable, match="holds records of flipsnack-mcp already"):
        await move_to_redis(file, address, clock)
    assert await target.transact(lambda records: [name for name, _ in records.all("upload")]) == ["of another"]
    store = SqliteStore(file, clock)
    assert await store.transact(lambda records: records.all("upload"))
    await store.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_move_that_nobody_heard_of_is_repeated_and_moves_once(
    file: Path,
    clock: StandingClock,
    redis_server: RedisServer,
    address: RedisAddress,
    target: RedisStore,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    monkeypatch.setattr(link, "TO_COMMIT", 0.0)
    async with line_to(redis_server, address.prefix) as line:
        setattr(line, f"lose_{lost}", lambda request: b"commit" in request)
        with pytest.raises(OutcomeUnknown):
            await move_to_redis(file, redis_address(line.url), clock)
        with pytest.raises(StoreUnusable, match="was moved to Redis at"):
            await SqliteStore(file, clock).transact(lambda records: records.all("upload"))
        setattr(line, f"lose_{lost}", lambda _: False)
        counted = await move_to_redis(file, redis_address(line.url), clock)
    (trail,) = await every_trail(target)
    assert (len(trail.events), trail.wrong, counted["history"]) == (20, "", 20)


async def test_a_server_that_cannot_be_reached_moves_nothing_and_the_file_goes_on(
    file: Path, clock: StandingClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "TO_COMMIT", 0.0)
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        await move_to_redis(file, redis_address(f"unix://{tmp_path}/none"), clock)
    assert await SqliteStore(file, clock).transact(lambda records: records.all("upload"))


async def test_the_command_moves_the_named_file_and_says_how_much(
    file: Path, on_redis: str, run_here: Callable[..., Ended], target: RedisStore
) -> None:
    async def run(*arguments: str) -> Ended:
        return await to_thread.run_sync(partial(run_here, *arguments, FLIPSNACK_STATE=on_redis))

    moved = await run("move", str(file))
    assert (moved.status, moved.err) == (0, "")
    assert "Moved to Redis at" in moved.out
    assert "no server goes on with it: give all of them this FLIPSNACK_STATE" in moved.out
    again = await run("move", f"sqlite:{file}")  # as the setting named it
    assert again.status == 0, again.out  # all of it is there, which is what was asked for
    assert (await run("history", "--verify")).status == 0
    assert (await run("approve")).status == 0
    (trail,) = await every_trail(target)
    assert trail.wrong == ""


@pytest.mark.parametrize(
    ("kept_at", "file_given", "said"),
    [
        ("memory:", "state.sqlite", "FLIPSNACK_STATE names no Redis server"),
        ("", "state.sqlite", "FLIPSNACK_STATE names no Redis server"),
        ("redis://h:port", "state.sqlite", "is no address that can be read"),
        ("redis://h/0", "none.sqlite", "There is no state file"),
    ],
)
def test_the_command_says_what_is_missing_and_changes_nothing(
    kept_at: str, file_given: str, said: str, file: Path, run_here: Callable[..., Ended]
) -> None:
    before = file.read_bytes()
    ended = run_here("move", str(file.with_name(file_given)), FLIPSNACK_STATE=kept_at)
    assert (ended.status, file.read_bytes() == before) == (1, True)
    assert said in ended.out
