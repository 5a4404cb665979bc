"""What `doctor` says of a state on Redis."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio import to_thread

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.labels import LABEL
from flipsnack_mcp.store.redis import link
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import History
from tests.commands.processes import Ended
from tests.redis_server import RedisServer, running_redis

PASSWORD = "only-redis-knows-this"
Doctor = Callable[..., Awaitable[str]]


@pytest.fixture
def server(quick_folder: Path) -> Iterator[RedisServer]:
    with running_redis(quick_folder) as server:
        yield server


@pytest.fixture
def doctor(run_here: Callable[..., Ended]) -> Doctor:
    async def said(state: str, **more: str) -> str:
        ended = await to_thread.run_sync(partial(run_here, "doctor", FLIPSNACK_STATE=state, **more))
        assert PASSWORD not in ended.out + ended.err
        assert "Traceback" not in ended.err
        return ended.out

    return said


async def test_doctor_names_the_accounts_that_it_knows_and_says_that_all_is_kept(
    server: RedisServer, doctor: Doctor
) -> None:
    store = RedisStore(redis_address(server.url))
    await store.transact(lambda records: records.put(LABEL, "0123456789abcdef", {"label": "de"}))
    await store.close()
    said = await doctor(server.url)
    assert f"ok   state: Redis at {server.socket_path}, database 0 keeps what is promised" in said
    assert f"ok   state: servers on Redis at {server.socket_path}, database 0 used: de;" in said


async def test_doctor_says_what_its_configuration_does_not_keep(server: RedisServer, doctor: Doctor) -> None:
    server.cli("CONFIG", "SET", "appendonly", "no")
    said = await doctor(server.url)
    assert f"FAIL state: Redis at {server.socket_path}, database 0: appendonly is no:" in said


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), "is full (maxmemory) and takes no changes."),
        (("REPLICAOF", "127.0.0.1", "1"), "is a replica and takes no changes."),
    ],
)
async def test_doctor_calls_none_well_that_takes_no_changes(
    server: RedisServer, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, made: tuple[str, ...], said: str
) -> None:
    """Its configuration was as it has to be, and so it kept what is promised, beside calls that failed for it."""
    monkeypatch.setattr(link, "TO_COMMIT", 0.0)
    server.cli(*made)
    found = await doctor(server.url)
    assert f"FAIL state: Redis at {server.socket_path}, database 0 {said}" in found
    assert "ok   state: Redis at" not in found


async def test_doctor_says_once_that_it_cannot_be_used_and_shows_no_password(
    server: RedisServer, doctor: Doctor
) -> None:
    server.kill()
    said = await doctor(f"{server.url}&password={PASSWORD}")
    assert said.count("FAIL state: Redis at") == 1
    assert "cannot be reached" in said


async def test_doctor_looks_at_who_may_call_and_counts_whose_changes_there_are(
    server: RedisServer, doctor: Doctor, tmp_path: Path
) -> None:
    store = RedisStore(redis_address(server.url))
    await History(store, "0123456789abcdef", who=lambda: "anna").add(tool="t", target="hash", decision="done")
    await store.close()
    said = await doctor(server.url, FLIPSNACK_TOKENS=str(tmp_path / "none.json"))
    assert 'ok   callers: in the history: "anna" (1)' in said


async def test_doctor_of_a_team_whose_redis_is_gone_says_so_once(
    server: RedisServer, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LOOK_AGAIN", 0.0)
    server.kill()
    said = await doctor(server.url, FLIPSNACK_TOKENS=str(tmp_path / "none.json"))
    assert said.count("cannot be reached") == 1
    assert "callers:" in said


async def test_doctor_of_a_team_looks_at_its_spool_and_at_no_folder_of_a_person(
    server: RedisServer, doctor: Doctor, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    team = {"FLIPSNACK_TOKENS": str(tmp_path / "none.json"), "FLIPSNACK_SANDBOX": "1"}
    said = await doctor(server.url, FLIPSNACK_SPOOL_DIR=str(tmp_path / "spool"), **team)
    assert f"ok   spool: {tmp_path / 'spool'} can be written" in said
    assert "uploads:" not in said
    assert "downloads:" not in said
    assert not (tmp_path / "spool").exists()
    said = await doctor(server.url, FLIPSNACK_SPOOL_DIR=str(tmp_path / "a file" / "spool"), **team)
    assert "FAIL spool: " in said


async def test_doctor_says_that_a_file_was_moved(
    server: RedisServer, doctor: Doctor, run_here: Callable[..., Ended], tmp_path: Path
) -> None:
    file = tmp_path / "state.sqlite"
    store = SqliteStore(file)
    await store.transact(lambda records: records.put(LABEL, "0123456789abcdef", {"label": "de"}))
    await store.close()
    moved = await to_thread.run_sync(partial(run_here, "move", str(file), FLIPSNACK_STATE=server.url))
    assert moved.status == 0
    said = await doctor(f"sqlite:{file}", FLIPSNACK_SANDBOX="1")
    assert said.count("FAIL state: ") == 1
    assert "was moved to Redis" in said
