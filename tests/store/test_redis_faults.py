"""A Redis server that is full, slow, gone, a replica, closed to us, or none: one sentence with its cure, soon, and nothing half written."""

import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
import trustme

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.redis import link
from flipsnack_mcp.store.redis.redis_store import RedisStore
from tests.redis_server import RedisServer, running_redis
from tests.store.line_to_redis import answering, tls_to
from tests.store.works import change_pair, count, increment, pair

PASSWORD = "only-redis-knows-this"


@pytest.fixture
def server(quick_folder: Path, patient_with_redis: None) -> Iterator[RedisServer]:  # noqa: ARG001 - so it is
    """One of the test's own, to be hurt."""
    with running_redis(quick_folder, "--appendonly", "no") as server:
        yield server


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_address(server.url))
    yield store
    await store.close()


async def refusal(store: RedisStore) -> str:
    """What is said instead of a change of two records."""
    with anyio.fail_after(30), pytest.raises(StoreUnusable) as caught:
        await store.transact(change_pair)
    assert caught.value.next_step.endswith(".")
    return str(caught.value)


async def assert_as_before(store: RedisStore, times: int) -> None:
    left, right = await store.transact(pair)
    assert left == right
    assert (left or {"n": 0})["n"] == times


# --- what a server says; that of every version, also inside a script's error
SAID = {
    "OOM command not allowed when used memory > 'maxmemory'.": "is full",
    "ERR Error running script (call to f_1): @user_script:12: -OOM command not allowed": "is full",
    "READONLY You can't write against a read only replica.": "is a replica",
    "ERR Error running script (call to f_1): @user_script:9: -READONLY You can't write": "is a replica",
    "LOADING Redis is loading the dataset in memory": "still reading its data",
    "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.": "cannot write to its own disk",
    "NOREPLICAS Not enough good replicas to write.": "has too few replicas",
    "ERR max number of clients reached": "is busy with others",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": "is busy with others",
    "WRONGTYPE Operation against a key holding the wrong kind of value": "holds something of another program",
    "ERR DB index is out of range": "has no such database",
    "NOAUTH Authentication required.": "does not take the user and password",
    "WRONGPASS invalid username-password pair or user is disabled.": "does not take the user and password",
    "NOPERM this user has no permissions to run the 'evalsha' command": "does not let the user",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "has lost its primary",
    "CLUSTERDOWN The cluster is down": "has lost its primary",
    "MOVED 3999 127.0.0.1:6381": "part of a cluster",
    "ERR unknown command 'EVALSHA'": "is too old",
    "ERR something that nobody knows": "refused what it was asked",
}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("error", "said"), SAID.items())
async def test_each_failure_is_a_sentence_that_repeats_nothing_of_the_servers(error: str, said: str) -> None:
    async with answering(f"-{error}\r\n".encode()) as url:
        store = RedisStore(redis_address(url))
        words = await refusal(store)
        await store.close()
    assert said in words
    assert "script" not in words
    assert url.partition("?")[0].removeprefix("unix://") in words


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail.example.com ESMTP\r\n", b"\x15\x03\x01"]
)
async def test_what_is_no_redis_is_said_to_be_none_or_not_to_answer(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "TO_STEP", 0.1)
    async with answering(answer) as url:
        store = RedisStore(redis_address(url))
        words = await refusal(store)
        await store.close()
    assert "is no Redis: something else answers there" in words or "did not answer in time" in words


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
async def test_a_file_for_tls_that_is_not_there_is_told_as_that(option: str) -> None:
    """It was said that the server cannot be reached, which nobody had tried."""
    store = RedisStore(redis_address(f"rediss://127.0.0.1:1/0?{option}=/nowhere/file.pem"))
    words = await refusal(store)
    await store.close()
    assert "a file that FLIPSNACK_STATE names for TLS is not there" in words
    assert "/nowhere" not in words


# --- what real servers do
@pytest.mark.usefixtures("soon")
async def test_a_full_server_refuses_changes_and_goes_on_answering(store: RedisStore, server: RedisServer) -> None:
    await store.transact(change_pair)
    server.cli("CONFIG", "SET", "maxmemory", "1")
    assert "is full (maxmemory) and takes no changes" in await refusal(store)
    await assert_as_before(store, 1)
    server.cli("CONFIG", "SET", "maxmemory", "0")
    await store.transact(change_pair)
    await assert_as_before(store, 2)


@pytest.mark.usefixtures("soon")
async def test_a_replica_refuses_changes_until_it_is_the_primary(store: RedisStore, server: RedisServer) -> None:
    await store.transact(change_pair)
    server.cli("REPLICAOF", "127.0.0.1", "1")
    words = await refusal(store)
    assert "Let FLIPSNACK_STATE name the primary" in words
    assert "not known" not in words  # it said no
    await assert_as_before(store, 1)
    server.cli("REPLICAOF", "NO", "ONE")
    await store.transact(change_pair)
    await assert_as_before(store, 2)


async def test_a_server_that_answers_late_is_used_all_the_same(store: RedisStore, server: RedisServer) -> None:
    await store.transact(change_pair)
    server.cli("CLIENT", "PAUSE", "300", "ALL")
    await store.transact(change_pair)
    await assert_as_before(store, 2)


@pytest.mark.usefixtures("soon")
async def test_a_server_that_stopped_is_given_up_soon_and_used_again_when_it_goes_on(
    store: RedisStore, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = RedisStore(redis_address(server.url))
    await patient.transact(change_pair)
    monkeypatch.setattr(link, "TO_STEP", 0.2)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert "did not answer in time" in await refusal(store)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await patient.transact(change_pair)
    await assert_as_before(patient, 2)
    await patient.close()


async def test_a_server_that_comes_back_within_a_second_is_waited_for(
    store: RedisStore, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LOOK_AGAIN", 60.0)
    await store.transact(change_pair)
    server.cli("SAVE")
    server.kill()
    async with anyio.create_task_group() as group:
        group.start_soon(store.transact, change_pair)
        await anyio.wait_all_tasks_blocked()
        await anyio.to_thread.run_sync(server.start)
    await assert_as_before(store, 2)


@pytest.mark.usefixtures("soon")
async def test_a_server_that_is_gone_is_said_to_be_and_used_again_when_it_is_back(
    store: RedisStore, server: RedisServer
) -> None:
    await store.transact(change_pair)
    server.cli("SAVE")
    server.kill()
    for _ in range(3):
        assert "cannot be reached" in await refusal(store)
    server.start()
    await store.transact(change_pair)
    await assert_as_before(store, 2)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("given", ["", "?password=wrong-one", "?username=nobody&password=wrong-one"])
async def test_a_password_that_is_wanted_or_wrong_is_said_and_none_is_repeated(server: RedisServer, given: str) -> None:
    server.cli("CONFIG", "SET", "requirepass", PASSWORD)
    url = server.url.partition("?")[0]
    store = RedisStore(redis_address(f"{url}{given}"))
    words = await refusal(store)
    await store.close()
    assert "does not take the user and password of FLIPSNACK_STATE" in words
    assert "wrong-one" not in words
    right = RedisStore(redis_address(f"{url}?password={PASSWORD}"))
    assert await right.transact(increment) == 1
    await right.close()


@pytest.mark.usefixtures("soon")
async def test_a_failed_step_leaves_no_exception_with_a_password(server: RedisServer) -> None:
    server.kill()
    store = RedisStore(redis_address(f"{server.url}&password={PASSWORD}"))
    with pytest.raises(StoreUnusable) as caught:
        await store.transact(count)
    chain = [caught.value, caught.value.__cause__]
    assert PASSWORD not in f"{store.link.address!r} {[repr(one) for one in chain]}"


# --- TLS
@pytest.mark.usefixtures("soon")
async def test_a_certificate_of_an_authority_that_is_named_is_trusted_and_no_other(
    server: RedisServer, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with tls_to(server, context) as port:
        trusting = RedisStore(redis_address(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"))
        assert await trusting.transact(increment) == 1
        await trusting.close()
        for url in (f"rediss://127.0.0.1:{port}/0", f"rediss://localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"):
            store = RedisStore(redis_address(url))
            assert "its certificate is not to be trusted" in await refusal(store)
            await store.close()


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(StoreUnusable, match=r"pip install '\.\[redis\]' in its folder"):
        anyio.run(RedisStore(redis_address("redis://127.0.0.1/0")).transact, increment)
