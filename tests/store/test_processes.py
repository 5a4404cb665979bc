"""Several real processes on one file: counting, killed, stopped, forked."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import os
import signal
import sqlite3
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store import worker
from tests.store.test_file import make_version_1, meddle
from tests.store.worker import workers
from tests.store.works import count, increment, pair


@pytest.fixture
def path(quick_folder: Path) -> Path:
    return quick_folder / "state.sqlite"


async def test_eight_processes_on_a_fresh_file_count_exactly(path: Path) -> None:
    with workers(8, worker.count, path) as counting:
        for one in counting:
            one.go()
        assert [one.ended() for one in counting] == [0] * 8
    store = SqliteStore(path)
    assert await store.transact(count) == 8 * 100
    await store.close()


@pytest.mark.parametrize("version", [0, 1])
async def test_two_processes_migrate_one_file_at_once(path: Path, file: SqliteStore, version: int) -> None:
    if version:
        make_version_1(path)
    with workers(2, worker.once, path) as both:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # the two can see how old the file is, and wait for their turn to change it
        for one in both:
            one.go()
        await anyio.sleep(0.2)
        other.close()
        assert [one.ended() for one in both] == [0, 0]
    assert await file.transact(count) == (42 if version else 2)


async def test_a_store_is_refused_after_a_fork(file: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await file.transact(increment)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="make a new one in the child"):
        await file.transact(increment)


async def test_twelve_processes_killed_while_writing_leave_a_whole_file(path: Path, file: SqliteStore) -> None:
    for _ in range(3):
        await worker.killed_while_writing(path, file)
        assert meddle(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_change_of_which_half_was_written_is_undone(path: Path, file: SqliteStore) -> None:
    with workers(1, worker.half, path) as (writing,):
        writing.go()
        writing.hears("inside")
        before = path.stat().st_size
        writing.killed()
    assert path.with_name("state.sqlite-journal").stat().st_size > 0
    left, right = await file.transact(pair)
    assert left == right
    assert left
    assert left["n"] == 1
    assert path.stat().st_size < before
    assert meddle(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGCONT])
async def test_a_process_stopped_in_a_transaction_delays_others_whose_event_loop_lives(
    path: Path, file: SqliteStore, end: signal.Signals
) -> None:
    counted, ticks = list[int](), list[float]()

    async def live() -> None:
        while True:
            await anyio.sleep(0.001)
            ticks.append(anyio.current_time())

    async def add() -> None:
        counted.append(await file.transact(increment))

    with workers(1, worker.hold, path) as (holding,):
        holding.go()
        holding.hears("inside")
        assert holding.process.pid
        os.kill(holding.process.pid, signal.SIGSTOP)
        holding.go()  # it may end its transaction, once it runs again
        async with anyio.create_task_group() as group:
            group.start_soon(live)
            with anyio.fail_after(20):  # with a wait of SQLite's own the loop would stand still for longer
                async with anyio.create_task_group() as waiting:
                    for _ in range(20):
                        waiting.start_soon(add)
                    while len(ticks) < 50:
                        await anyio.lowlevel.checkpoint()
                    waiting.cancel_scope.cancel()
            assert counted == []
            os.kill(holding.process.pid, end)
            with anyio.fail_after(20):
                await add()
            group.cancel_scope.cancel()
    assert counted == [1 if end is signal.SIGKILL else 2]
