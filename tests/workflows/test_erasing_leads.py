"""A person is forgotten: no lead, no file and no byte of the store holds their address afterwards, and all others stay."""

import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.files.tables import as_csv, as_markdown
from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import OpenedStore
from flipsnack_mcp.store.redis import rewriting
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.addresses.fetched import FileAddresses, behind_file_address
from flipsnack_mcp.workflows.begun import Beginner
from flipsnack_mcp.workflows.leads.erasing import Erased, erase
from flipsnack_mcp.workflows.leads.forgetting import forget_older
from flipsnack_mcp.workflows.leads.keeping import DAY_OF_LEADS, EVER, counted, keep, kept
from tests.redis_server import RedisServer, running_redis
from tests.virtual_clock import StandingClock

ADA, ANNA = "ada@example.com", Beginner("Anna", "token Anna")
NOON = 1_790_000_000.0


@pytest.fixture
def anyio_backend() -> str:
    """A socket needs a real loop."""
    return "asyncio"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(StandingClock(NOON))


def form(number: int, value: str) -> dict[str, Any]:
    return {"type": "contact", "timestamp": number, "flipbook_hash": "abc", "data": {"Name": f"{number}", "x": value}}


async def filled(store: OpenedStore, leads: int = 60) -> None:
    """Two accounts and three days, in which every tenth lead is Ada's."""
    for number in range(leads):
        value = ADA if number % 10 == 0 else f"p{number}@example.com"
        await keep(store, "ab"[number % 2], form(number, value), NOON + number % 3 * DAY_OF_LEADS, 90)


async def everybody(store: OpenedStore) -> list[str]:
    return [one.fields["Name"] for account in "ab" for one in await kept(store, account, since=0, until=EVER)]


WRITTEN = {
    "as it is": ADA,
    "in large letters": "ADA@Example.COM",
    "with a name": "Ada <ada@example.com>",
    "to write to": "mailto:ada@example.com?subject=x",
    "at the end of a sentence": "Write to ada@example.com.",
    "in an address": "https://x.example/?mail=ada%40example.com&a=b",
    "for a page": "ada&#64;example.com",
    "in wide letters": "ada\uff20example.com",
    "with what nobody sees": "ada\u200b@exam\u00adple.com",
    "on a line of its own": "me:\nada@example.com\nbye",
    "among letters of another script": "\u8bf7\u8054\u7cfbada@example.com\u8c22\u8c22",
    "with the dot of another keyboard": "ada@example\u3002com",
    "with the blanks of a keyboard": "ada @ example.com",
    "with its name in quotes": '"ada"@example.com',
    "in italics": "_ada@example.com_",
    "behind a blank of a link": "name=+ada%40example.com",
    "in a link within a link": "https://x.example/?to=https%3A%2F%2Fy.example%2F%3Fm%3Dada%2540example.com",
    "in a page within a page": "ada&amp;#64;example.com",
    "on a line in JSON": '{"note": "me\\nada@example.com\\nbye"}',
    "escaped in JSON": '{"note": "ada\\u0040example.com"}',
}
OTHERS = (
    "xada@example.com",
    "x.ada@example.com",
    "ada@example.com.au",
    "ada@example.community",
    "ada@example",
    "ada",
    "x-_ada@example.com",
    "xada @ example.com",
    "ada @ example.community",
    "ada, @ example.com",
    "ada@example.com-pany.de",
    "j\u00e9ada@example.com",
)


@pytest.mark.parametrize("value", WRITTEN.values(), ids=WRITTEN)
async def test_an_address_is_found_however_it_was_written(store: MemoryStore, value: str) -> None:
    await keep(store, "a", form(1, value), NOON, 90)
    assert await erase(store, " Ada@example.com. ") == Erased(leads=1)
    assert await everybody(store) == []


async def test_an_address_is_found_in_names_of_fields_and_in_both_spellings_of_its_host(store: MemoryStore) -> None:
    await keep(store, "a", {"type": "contact", "data": {"ada@bücher.example": "1"}}, NOON, 90)
    await keep(store, "b", {"type": "order", "flipbook_title": "for ada@xn--bcher-kva.example", "x": "1"}, NOON, 90)
    assert (await erase(store, "ada@bücher.example")).leads == 2


async def test_other_peoples_addresses_stay(store: MemoryStore) -> None:
    for number, value in enumerate(OTHERS):
        await keep(store, "a", form(number, value), NOON, 90)
    assert (await erase(store, ADA)).leads == 0
    assert len(await everybody(store)) == len(OTHERS)


async def test_what_is_no_address_erases_nothing(store: MemoryStore) -> None:
    await filled(store)
    for typed in ("", "ada", "@example.com", "ada@", "a b@example.com", f"{'a' * 250}@example.com", "%"):
        with pytest.raises(ValueError, match="no e-mail address"):
            await erase(store, typed)
        assert len(await everybody(store)) == 60, typed


async def test_a_lead_that_was_erased_does_not_come_back_by_a_repetition_and_was_one(store: MemoryStore) -> None:
    await keep(store, "a", form(1, ADA), NOON, 90)
    await erase(store, ADA)
    assert not await keep(store, "a", form(1, ADA), NOON, 90)
    assert await everybody(store) == []
    assert sum((await counted(store, "a", since=0, until=EVER)).values()) == 1


async def test_leads_beside_an_erased_one_end_when_they_would_have() -> None:
    clock = StandingClock(NOON)
    store = MemoryStore(clock)
    await keep(store, "a", form(1, ADA), NOON, 2)
    await keep(store, "a", form(2, "other"), NOON, 2)
    clock.now += DAY_OF_LEADS
    await erase(store, ADA)
    assert await everybody(store) == ["2"]
    clock.now += DAY_OF_LEADS + 1
    assert await everybody(store) == []
    assert await store.transact(lambda records: records.all("lead page")) == []


@pytest.mark.parametrize("save_as", ["csv", "markdown"])
async def test_a_saved_file_that_waits_to_be_fetched_goes_with_it_and_others_stay(
    store: MemoryStore, save_as: str
) -> None:
    files = FileAddresses(store, "a")

    def table(value: str) -> bytes:
        return as_csv(["x"], [[value]]) if save_as == "csv" else as_markdown("Leads", ["x"], [[value]])

    theirs, others = [
        await files.keep(table(value), "leads.x", "list_leads", ANNA) for value in (ADA, "p1@example.com")
    ]
    assert await erase(store, ADA) == Erased(files=1)
    assert await behind_file_address(store, theirs.secret) is None
    assert await behind_file_address(store, others.secret)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "state.sqlite", StandingClock(NOON))
    yield store
    await store.close()


def bytes_beside(file: Path) -> bytes:
    """All that lies in the store's folder."""
    return b"".join(one.read_bytes() for one in file.parent.iterdir()).lower()


@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_no_byte_of_an_address_is_left_in_the_files_of_sqlite(
    file: SqliteStore, tmp_path: Path, journal: str
) -> None:
    """Also where somebody has chosen the journal that stands beside the file."""
    path = tmp_path / "state.sqlite"
    await filled(file, 300)
    await file.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(f"PRAGMA journal_mode = {journal}").fetchone() == (journal,)
        await keep(file, "a", form(1000, ADA), NOON, 90)
        assert ADA.encode() in bytes_beside(path)
        assert (await erase(file, ADA)).leads == 31
        assert ADA.encode() not in bytes_beside(path)
    assert len(await everybody(file)) == 270


async def test_a_lead_whose_days_are_over_leaves_no_byte_in_the_file(tmp_path: Path) -> None:
    clock = StandingClock(NOON)
    store = SqliteStore(tmp_path / "state.sqlite", clock)
    for number in range(60):
        await keep(store, "a", form(number, f"{number} {ADA}" * 20), NOON, 1)
    clock.now += DAY_OF_LEADS + 1
    assert ADA.encode() in bytes_beside(tmp_path / "state.sqlite")
    await store.transact(partial(forget_older, days=1))
    assert ADA.encode() not in bytes_beside(tmp_path / "state.sqlite")
    await store.close()


async def test_no_key_and_no_file_of_redis_holds_an_address_that_was_erased(
    tmp_path: Path,
    patient_with_redis: None,  # noqa: ARG001 - so it is
) -> None:
    with running_redis(tmp_path, "--save", "3600 1") as server:
        store = RedisStore(redis_address(server.url), StandingClock(NOON))
        await filled(store)
        assert ADA.encode() in everything_in(server) + files_of(tmp_path)
        assert await erase(store, ADA) == Erased(leads=6)
        assert ADA.encode() not in everything_in(server)
        with anyio.fail_after(60):
            while ADA.encode() in files_of(tmp_path):  # noqa: ASYNC110 - a server deletes what it replaced beside its work
                await anyio.sleep(0.02)
        assert len(await everybody(store)) == 54
        await store.close()


async def test_where_redis_lets_nobody_write_its_files_anew_it_is_said_that_copies_may_lie_there(
    on_redis: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.cli("ACL", "SETUSER", "modest", "on", ">secret", "~*", "&*", "+@all", "-bgrewriteaof")
    store = RedisStore(redis_address(on_redis.replace("unix://", "unix://modest:secret@")), StandingClock(NOON))
    await filled(store)
    assert await erase(store, ADA) == Erased(leads=6, remains=(rewriting.NOT_ALLOWED,))
    assert len(await everybody(store)) == 54
    monkeypatch.setattr(rewriting, "TO_REWRITE", 0.0)
    assert (await erase(store, ADA)).remains == (rewriting.NOT_WRITTEN,)
    await store.close()
    redis_server.cli("ACL", "DELUSER", "modest")


async def test_where_other_servers_keep_a_copy_it_is_said_that_it_may_lie_there(
    on_redis: str, redis_server: RedisServer
) -> None:
    redis_server.cli("CONFIG", "SET", "repl-diskless-sync-delay", "3600")
    store = RedisStore(redis_address(on_redis))
    with socket.socket(socket.AF_UNIX) as copies:
        copies.connect(str(redis_server.socket_path))
        copies.sendall(b"SYNC\r\n")
        with anyio.fail_after(60):
            while b"connected_slaves:1" not in redis_server.cli("INFO", "replication"):  # noqa: ASYNC110 - it tells nobody
                await anyio.sleep(0.01)
        assert (await erase(store, ADA)).remains == (rewriting.COPIED,)
    await store.close()


async def test_two_replicas_on_redis_keep_each_lead_once(on_redis: str) -> None:
    """Each is sent to both at the same time, among others."""
    replicas = [RedisStore(redis_address(on_redis)) for _ in range(2)]
    taken = list[bool]()

    async def sent(store: RedisStore, number: int) -> None:
        taken.append(await keep(store, "a", form(number, "x"), NOON, 90))

    async with anyio.create_task_group() as group:
        for number in range(20):
            for store in replicas:
                group.start_soon(sent, store, number)
    found = [
        await store.transact(lambda records: records.several("lead page", ["a 2026-09-21 1"])) for store in replicas
    ]
    assert sorted(taken) == [False] * 20 + [True] * 20
    for (page,) in found:
        assert page
        assert sorted(int(row["fields"]["Name"]) for row in page["leads"]) == [*range(20)]
    for store in replicas:
        await store.close()


def everything_in(server: RedisServer) -> bytes:
    """What all keys hold, as the server writes it down for another one."""
    keys = server.cli("EVAL", "return cjson.encode(redis.call('KEYS', '*'))", "0")
    held = server.cli("EVAL", HELD, "0")
    return keys + held


HELD = """
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local way = {string = {'GET'}, hash = {'HGETALL'}, zset = {'ZRANGE', 0, -1}, set = {'SMEMBERS'}, list = {'LRANGE', 0, -1}}
  local command = way[kind]
  local found = redis.call(command[1], key, unpack(command, 2))
  all[#all + 1] = type(found) == 'table' and table.concat(found, ' ') or found
end
local text = table.concat(all, ' ')
return string.find(string.lower(text), 'ada@example.com', 1, true) and 'ada@example.com' or 'nothing'
"""


def files_of(folder: Path) -> bytes:
    """All that lies on a server's disk."""
    found = b""
    for one in folder.rglob("*"):
        with suppress(OSError):  # a folder, or gone meanwhile
            found += one.read_bytes()
    return found
