"""The document that several processes change in turn, and what happens when its file cannot be used."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import logging
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.store import shared_document
from flipsnack_mcp.store.opening import open_document
from flipsnack_mcp.store.shared_document import QUIET, SharedDocument
from tests.store.test_file import mode, outsider
from tests.store.workers import ROOT, workers
from tests.store.works import Tally, add_one, is_tally, tallied
from tests.virtual_clock import StandingClock


def a_document(path: Path, clock: StandingClock | None = None) -> SharedDocument[Tally]:
    return SharedDocument(path, Tally(n=0), is_tally, clock or time.monotonic)


def write(path: Path, body: str) -> None:
    db = outsider(path)
    db.execute("UPDATE records SET body = CAST(? AS TEXT)", [body.encode("latin-1")])
    db.close()


@pytest.fixture
async def document(path: Path, clock: StandingClock) -> AsyncIterator[SharedDocument[Tally]]:
    document = a_document(path, clock)
    yield document
    await document.close()


async def test_eight_processes_on_a_fresh_file_count_exactly(quick_folder: Path) -> None:
    path = quick_folder / "budget.sqlite"
    with workers(8, "add", path) as adding:
        for worker in adding:
            worker.go()
        assert [worker.ended() for worker in adding] == [(0, "")] * 8
    document = a_document(path)
    assert await document.change(tallied) == 8 * 200
    await document.close()


async def test_a_document_used_on_both_sides_of_a_fork_counts_exactly(
    path: Path, document: SharedDocument[Tally]
) -> None:
    with workers(1, "fork document", path) as (forking,):
        forking.go()
        assert forking.ended() == (0, "")
    assert await document.change(tallied) == 1 + 50 + 50


async def test_processes_killed_while_they_change_it_lose_nothing_that_was_counted(
    path: Path, document: SharedDocument[Tally]
) -> None:
    count = 0
    for _ in range(5):
        with workers(3, "go on adding", path) as adding:
            for worker in adding:
                worker.go()
            for worker in adding:
                await anyio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - no secret
                worker.process.kill()
                after = await document.change(add_one)
                assert after > count
                count = after
    assert count > 15


async def test_a_process_killed_inside_a_change_has_not_made_it(path: Path, document: SharedDocument[Tally]) -> None:
    await document.change(add_one)
    with workers(1, "stay", path) as (staying,):
        staying.go()
        staying.hears("inside")
        staying.process.kill()
        staying.process.wait()
    with anyio.fail_after(1):
        assert await document.change(add_one) == 2


async def test_a_process_stopped_inside_a_change_delays_others_whose_event_loop_lives(
    path: Path, document: SharedDocument[Tally]
) -> None:
    counted: list[int] = []
    gaps: list[float] = []

    async def add() -> None:
        counted.append(await document.change(add_one))

    async def live() -> None:
        while True:
            before = time.monotonic()
            await anyio.sleep(0.001)
            gaps.append(time.monotonic() - before)

    with workers(1, "stay", path) as (staying,):
        staying.go()
        staying.hears("inside")
        staying.process.send_signal(signal.SIGSTOP)
        async with anyio.create_task_group() as group:
            group.start_soon(live)
            with anyio.move_on_after(0.4):
                await add()
            assert counted == []
            assert max(gaps) < 0.3
            staying.process.kill()
            with anyio.fail_after(2):
                await add()
            group.cancel_scope.cancel()
    assert counted == [1]


async def test_whoever_is_held_up_for_too_long_goes_on_alone(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_document, "PATIENCE", 0.1)
    document = a_document(path)
    with workers(1, "stay", path) as (staying,):
        staying.go()
        staying.hears("inside")
        with anyio.fail_after(2):
            assert await document.change(add_one) == 1
    assert len(caplog.records) == 1
    assert "has held" in caplog.text


async def test_nothing_is_made_before_the_first_change_and_then_for_its_owner_only(
    path: Path, document: SharedDocument[Tally]
) -> None:
    assert not path.exists()
    await document.change(add_one)
    assert mode(path) == 0o600


def test_opening_imports_no_sqlite() -> None:
    program = (
        "import sys; from flipsnack_mcp.store.opening import open_document; open_document('sqlite:x', 'a', {}, bool); "
        "sys.exit(str('sqlite3' in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ended.stderr.strip() == "False"


async def test_two_names_are_two_files_beside_the_state_file(tmp_path: Path) -> None:
    state = f"sqlite:{tmp_path / 'mine.db'}"
    for name, times in (("budget-1", 3), ("budget-2", 1)):
        document = open_document(state, name, Tally(n=0), is_tally)
        assert document
        assert [await document.change(add_one) for _ in range(times)][-1] == times
        await document.close()
    assert {made.name for made in tmp_path.iterdir()} == {"budget-1.sqlite", "budget-2.sqlite"}


def test_in_memory_there_is_no_shared_document() -> None:
    assert open_document("memory:", "budget", Tally(n=0), is_tally) is None


@pytest.mark.parametrize("body", ['{"n":', "\x80", "[]", '{"n":"seven"}', "null", '{"m":1}'])
async def test_a_document_edited_into_nonsense_begins_anew_for_everybody(
    path: Path, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = a_document(path), a_document(path)
    await one.change(add_one)
    write(path, body)
    assert await other.change(add_one) == 1
    assert await one.change(add_one) == 2
    assert not caplog.records
    await one.close()
    await other.close()


async def test_whoever_knows_what_was_in_a_deleted_file_writes_it_again(
    path: Path, document: SharedDocument[Tally]
) -> None:
    await document.change(add_one)
    path.unlink()
    assert await document.change(add_one) == 2
    assert path.exists()


@pytest.mark.parametrize("damage", [b"Dear diary, " * 999, bytes(8192)])
async def test_with_a_damaged_file_work_goes_on_after_one_warning(
    path: Path, damage: bytes, document: SharedDocument[Tally], caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(damage)
    assert [await document.change(add_one) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the request budget is not shared with other processes" in caplog.text
    assert path.read_bytes() == damage


async def test_a_file_that_breaks_in_between_is_replaced_by_what_was_last_seen(
    path: Path, document: SharedDocument[Tally], clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    await document.change(add_one)
    path.rename(path.with_name("away"))
    path.mkdir()
    assert await document.change(add_one) == 2
    path.rmdir()
    path.with_name("away").rename(path)
    clock.now += QUIET - 1
    assert await document.change(add_one) == 3  # still alone: what it did there must be counted
    clock.now += QUIET
    assert await document.change(add_one) == 2  # what it did alone is forgotten by now
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("nobody")
async def test_in_a_folder_that_may_only_be_read_work_goes_on_after_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o555)
        document = a_document(Path(folder) / "budget.sqlite")
        assert [await document.change(add_one) for _ in range(3)] == [1, 2, 3]
        Path(folder).chmod(0o700)
    assert len(caplog.records) == 1


async def test_a_change_that_cannot_be_written_is_made_once(
    document: SharedDocument[Tally], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    await document.change(add_one)
    monkeypatch.setattr("flipsnack_mcp.store.rows.RowRecords.put", full)
    assert await document.change(add_one) == 2


async def test_a_change_that_fails_changes_nothing(document: SharedDocument[Tally]) -> None:
    def fail(tally: Tally, now: float) -> None:
        add_one(tally, now)
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await document.change(fail)
    assert await document.change(add_one) == 1
