"""The state file itself: who may read it, what is in it, and what happens when it cannot be used."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.store.database import SWEEP_EVERY
from flipsnack_mcp.store.permissions import close_to_others
from flipsnack_mcp.store.records import Records, StoreUnusable
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.store.upgrading import STEPS
from tests.store.works import change_pair, count, increment
from tests.virtual_clock import StandingClock, on_virtual_time

anyio_backend = on_virtual_time


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def outsider(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def meddle(path: Path, *statement: object) -> list[object]:
    """Do something to the file behind the store's back."""
    with closing(outsider(path)) as db:
        return db.execute(*statement).fetchall()  # type: ignore[arg-type]  # a statement, and perhaps its values


async def refusal(store: SqliteStore) -> StoreUnusable:
    with pytest.raises(StoreUnusable) as caught:
        await store.transact(increment)
    assert str(caught.value) == f"{caught.value.happened} {caught.value.next_step}"
    assert "FLIPSNACK_STATE" in caught.value.next_step
    assert "locked" not in str(caught.value)
    return caught.value


def make_version_1(path: Path) -> None:
    db = outsider(path)
    db.execute(STEPS[0])
    db.execute("""INSERT INTO records (kind, name, body) VALUES ('counter', 'one', '{"n":40}')""")
    db.execute("PRAGMA user_version = 1")
    db.close()


async def test_folders_that_somebody_else_makes_at_the_same_moment_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_dir = Path.is_dir

    def looked_for(folder: Path) -> bool:
        there = is_dir(folder)
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - the other way asks this function
        return there

    monkeypatch.setattr(Path, "is_dir", looked_for)
    store = SqliteStore(tmp_path / "state" / "flipsnack-mcp" / "state.sqlite")
    assert await store.transact(increment) == 1
    await store.close()


@pytest.mark.usefixtures("umask")
async def test_file_journal_and_new_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "flipsnack-mcp" / "state.sqlite"
    store = SqliteStore(path)
    assert not path.parent.parent.exists()  # nothing is made before the first transaction

    def work(records: Records) -> int:
        change_pair(records)
        return mode(path.with_name("state.sqlite-journal"))

    assert await store.transact(work) == 0o600
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]
    await store.close()


async def test_a_version_1_file_is_brought_up_to_date(path: Path, file: SqliteStore, clock: StandingClock) -> None:
    make_version_1(path)
    with pytest.raises(ZeroDivisionError):
        await file.transact(lambda _: 1 / 0)
    assert meddle(path, "PRAGMA user_version") == [(1,)]  # a failed transaction upgrades nothing
    assert await file.transact(increment) == 41
    await file.transact(lambda records: records.put("code", "a", {}, keep=1))
    clock.now += 2
    assert await file.transact(lambda records: records.get("code", "a")) is None


async def test_a_file_made_by_a_newer_version_is_refused_and_left_alone(path: Path, file: SqliteStore) -> None:
    await file.transact(increment)
    meddle(path, "PRAGMA user_version = 99")  # while this process has it open
    before = path.read_bytes()
    assert "newer version" in (await refusal(file)).happened
    assert "newer version" in (await refusal(SqliteStore(path))).happened
    assert path.read_bytes() == before


async def test_the_file_of_another_program_is_refused_and_left_alone(path: Path, file: SqliteStore) -> None:
    meddle(path, "CREATE TABLE moz_places (url)")
    before = path.read_bytes()
    assert "not made by flipsnack-mcp" in (await refusal(file)).happened
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["no database", "zeros", "cut", "overwritten"])
async def test_a_damaged_file_is_refused_and_left_alone(path: Path, damage: str) -> None:
    store = SqliteStore(path)
    await store.transact(increment)
    await store.transact(change_pair)
    await store.close()
    whole = path.read_bytes()
    other = {"no database": b"Dear diary, " * 999, "zeros": bytes(len(whole)), "cut": whole[:5000]}
    before = other.get(damage, whole[:4096] + b"x" * (len(whole) - 4096))
    path.write_bytes(before)
    assert "damaged" in (refused := await refusal(store)).happened
    assert str(path) in refused.happened
    assert path.read_bytes() == before
    path.rename(path.with_name("away"))
    assert await store.transact(increment) == 1  # the person did what the text says
    await store.close()


@pytest.mark.parametrize("body", ["'{'", "x'80'"])
async def test_a_record_edited_into_nonsense_is_refused(path: Path, file: SqliteStore, body: str) -> None:
    await file.transact(increment)
    meddle(path, f"UPDATE records SET body = CAST({body} AS TEXT)")  # noqa: S608 - constants
    assert "damaged" in (await refusal(file)).happened


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("stand_there", "happened"),
    [
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.parent.chmod(0o555), "Permission denied"),
        (lambda path: path.touch(mode=0o444), "cannot be opened or written"),
        (lambda path: (path.parent.rmdir(), path.parent.touch()), "cannot be opened"),
        (lambda path: path.symlink_to(path.with_name("elsewhere")), "cannot be opened"),
    ],
    ids=["folder", "unwritable", "read-only", "above", "link"],
)
async def test_what_cannot_be_the_file_is_refused(stand_there: Callable[[Path], object], happened: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as above:  # pytest's own folders are closed to others
        path = Path(above) / "folder" / "state.sqlite"
        path.parent.mkdir()
        stand_there(path)
        assert happened in (await refusal(SqliteStore(path))).happened
        assert not path.with_name("elsewhere").exists()


async def test_a_full_disk_undoes_the_transaction_and_is_named_and_a_mistake_of_ours_is_not(file: SqliteStore) -> None:
    await file.transact(increment)
    assert file._database
    file._database._db.execute("PRAGMA max_page_count = 4")

    def work(records: Records) -> None:
        increment(records)
        change_pair(records)

    with pytest.raises(StoreUnusable, match="full"):
        await file.transact(work)
    assert await file.transact(count) == 1
    await file.transact(work)  # space was made: on a new connection
    with pytest.raises(sqlite3.Error):  # a mistake of ours is called none of the file's
        await file.transact(lambda records: records.put("upload", object(), {}))  # type: ignore[arg-type]  # on purpose
    assert await file.transact(increment) == 3


@pytest.mark.parametrize("how", ["deleted", "replaced", "folder deleted"])
async def test_a_file_tidied_away_is_made_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "folder" / "state.sqlite"
    store = SqliteStore(path)
    await store.transact(increment)
    await store.transact(increment)
    path.unlink()
    if how == "folder deleted":
        path.parent.rmdir()
    if how == "replaced":
        make_version_1(path)
    assert await store.transact(increment) == (41 if how == "replaced" else 1)
    assert await SqliteStore(path).transact(count) == (41 if how == "replaced" else 1)
    await store.close()


async def test_expired_records_go_once_a_minute(path: Path, file: SqliteStore, clock: StandingClock) -> None:
    def rows() -> int:
        return len(meddle(path, "SELECT * FROM records"))

    await file.transact(increment)
    await file.transact(lambda records: records.put("code", "a", {}, keep=1))
    clock.now += 2
    await file.transact(increment)
    assert rows() == 2
    clock.now += SWEEP_EVERY
    await file.transact(count)  # which only reads
    assert rows() == 2
    await file.transact(lambda records: records.delete("code", "never there"))
    assert rows() == 1


async def test_cancelling_the_wait_for_the_file_leaves_no_transaction(path: Path, file: SqliteStore) -> None:
    await file.transact(increment)
    other = outsider(path)
    other.execute("BEGIN EXCLUSIVE")
    ran: list[Records] = []
    with anyio.move_on_after(0.2) as scope:
        await file.transact(ran.append)
    assert scope.cancelled_caught
    for statement in ("ROLLBACK", "BEGIN EXCLUSIVE", "ROLLBACK"):  # nobody else is in one
        other.execute(statement)
    other.close()
    assert ran == []
    assert await file.transact(increment) == 2


async def test_a_reader_from_outside_delays_a_transaction_and_does_not_repeat_it(path: Path, file: SqliteStore) -> None:
    await file.transact(increment)
    reader = outsider(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM records").fetchall()
    runs: list[bool] = []

    def work(records: Records) -> int:
        runs.append(reader.in_transaction)
        return increment(records)

    async with anyio.create_task_group() as group:
        group.start_soon(file.transact, work)
        await anyio.sleep(0.3)
        reader.execute("COMMIT")
    reader.close()
    assert runs == [False]
    assert await file.transact(count) == 2


async def test_who_holds_the_file_for_too_long_is_named_as_the_reason(path: Path) -> None:
    opened, new = (SqliteStore(path, patience=0.1) for _ in range(2))
    await opened.transact(increment)
    other = outsider(path)
    other.execute("BEGIN EXCLUSIVE")
    for store in (opened, new):
        assert "Another process has held" in (await refusal(store)).happened
    other.close()
    assert await opened.transact(increment) == 2
    await opened.close()


async def test_a_call_that_wants_a_held_file_several_times_waits_for_it_once(path: Path) -> None:
    store = SqliteStore(path)
    await store.transact(increment)
    other = outsider(path)
    other.execute("BEGIN EXCLUSIVE")
    began = anyio.current_time()
    for _ in range(4):
        assert "Another process has held" in (await refusal(store)).happened
    assert anyio.current_time() - began < 25
    await anyio.sleep(120)  # another hour's holder is waited for anew
    began = anyio.current_time()
    await refusal(store)
    assert anyio.current_time() - began >= 20
    other.close()
    assert await store.transact(increment) == 2
    await store.close()


OPEN_MODES = [0o644, 0o664, 0o666, 0o640, 0o660, 0o604, 0o606, 0o755, 0o777, 0o620, 0o602]


@pytest.mark.parametrize("before", OPEN_MODES, ids=oct)
async def test_a_file_that_was_open_to_others_is_closed(tmp_path: Path, before: int) -> None:
    path = tmp_path / "state.sqlite"
    make_version_1(path)
    path.chmod(before)
    store = SqliteStore(path)
    assert await store.transact(count) == 40
    assert mode(path) == before & 0o700
    await store.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
async def test_what_lies_beside_the_file_is_closed_too(path: Path, suffix: str) -> None:
    make_version_1(path)
    with closing(outsider(path)) as db:  # as another program leaves it that is using the file
        if suffix != "-journal":
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("UPDATE records SET seq = seq")
        else:
            path.with_name(f"{path.name}-journal").touch()
        path.with_name(path.name + suffix).chmod(0o644)
        close_to_others(path)
        assert mode(path.with_name(path.name + suffix)) == 0o600


@pytest.mark.parametrize("kept", [0o600, 0o400, 0o700])
def test_a_file_of_its_owner_only_is_left_as_it_is(path: Path, kept: int, caplog: pytest.LogCaptureFixture) -> None:
    path.touch()
    path.chmod(kept)
    close_to_others(path)
    assert (mode(path), caplog.text) == (kept, "")


async def test_a_link_closes_what_it_leads_to(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.sqlite"
    make_version_1(real)
    real.chmod(0o644)
    path.symlink_to(real)
    store = SqliteStore(path)
    assert await store.transact(count) == 40
    assert mode(real) == 0o600
    await store.close()


async def test_a_file_that_cannot_be_closed_is_complained_about_once_and_used(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_version_1(path)
    path.chmod(0o644)
    monkeypatch.setattr("os.chmod", not_permitted)
    for _ in range(2):
        store = SqliteStore(path)
        assert await store.transact(count) == 40
        await store.close()
    (said,) = [one.getMessage() for one in caplog.records]
    assert "can be read by other users of this machine" in said
    assert "Operation not permitted" in said
    assert str(path) in said


def not_permitted(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")
