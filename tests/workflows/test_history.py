"""The trail is chained: what was altered, removed or put in is found, and what is old goes without breaking it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.store.records import Body, Records, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.history import HEAD, HISTORY_ENTRY, Event, History
from tests.server.bench import LoopClock

ACCOUNT = "0123456789abcdef"
DAY = 24 * 3600.0
ALTERED: tuple[dict[str, Any], ...] = (
    *({"decision": "refused"}, {"confirmed": "form"}, {"target": "another"}, {"tool": "update_collection"}),
    *({"at": 1.0}, {"said": "x"}, {"before": {"title": "Ete"}}, {"hash": "0" * 64}, {"previous": "f" * 64}),
    *({"number": 7}, {"added": "x"}, {"at": "1790000000.0"}),
)
NO_ENTRIES: tuple[Body, ...] = ({}, {"number": "x"}, {"account": ACCOUNT, "number": None})


@pytest.fixture
def trail(clock: LoopClock) -> History:
    return History(MemoryStore(clock), ACCOUNT)


async def written(trail: History, count: int = 5) -> None:
    for number in range(count):
        await trail.add(tool="delete_collection", target=f"hash{number}", decision="done", before={"title": "Été"})


async def tampered(trail: History, work: Callable[[Records], object]) -> str:
    """What verifying says after somebody went at the store."""
    await trail.store.transact(work)
    return await trail.verified()


def name(number: int, account: str = ACCOUNT) -> str:
    return f"{account}/{number:09}"


def altered(number: int, /, **facts: Any) -> Callable[[Records], None]:
    def work(records: Records) -> None:
        body = records.get(HISTORY_ENTRY, name(number))
        assert body
        records.put(HISTORY_ENTRY, name(number), {**body, **facts})

    return work


def removed(*numbers: int) -> Callable[[Records], None]:
    def work(records: Records) -> None:
        for number in numbers:
            records.delete(HISTORY_ENTRY, name(number))

    return work


def put_in(number: int) -> Callable[[Records], None]:
    def work(records: Records) -> None:
        last = Event.model_validate(records.get(HISTORY_ENTRY, name(number - 1)))
        forged = last.model_copy(update={"number": number, "target": "x"}).sealed(last.hash)
        records.put(HISTORY_ENTRY, f"{name(number)}-forged", forged.model_dump(mode="json"))

    return work


def replaced(body: Body) -> Callable[[Records], None]:
    return lambda records: records.put(HISTORY_ENTRY, name(3), body)


def exchanged(records: Records) -> None:
    second, third = records.get(HISTORY_ENTRY, name(2)), records.get(HISTORY_ENTRY, name(3))
    records.put(HISTORY_ENTRY, name(2), {**(third or {}), "number": 2})
    records.put(HISTORY_ENTRY, name(3), {**(second or {}), "number": 3})


async def test_entries_are_numbered_and_chained_in_their_order(trail: History) -> None:
    assert (await trail.events(), await trail.verified()) == ([], "")
    await written(trail)
    events = await trail.events()
    assert [one.number for one in events] == [1, 2, 3, 4, 5]
    assert [one.previous for one in events[1:]] == [one.hash for one in events[:-1]]
    assert events[0].before == {"title": "Été"}
    assert await trail.verified() == ""


@pytest.mark.parametrize("number", [1, 3, 5], ids=["first", "middle", "last"])
@pytest.mark.parametrize("facts", ALTERED, ids=str)
async def test_an_altered_entry_is_found(trail: History, number: int, facts: dict[str, Any]) -> None:
    await written(trail)
    assert await tampered(trail, altered(number, **facts))


async def test_an_entry_that_was_altered_and_sealed_anew_is_found(trail: History) -> None:
    await written(trail)
    third = (await trail.events())[2]
    forged = third.model_copy(update={"decision": "refused"}).sealed(third.previous)
    assert "between entries 3 and 4" in await tampered(trail, altered(3, **forged.model_dump(mode="json")))


@pytest.mark.parametrize("numbers", [(1,), (2,), (3,), (4,), (5,), (2, 3), (4, 5), (1, 2, 3, 4, 5)], ids=str)
async def test_a_removed_entry_is_found(trail: History, numbers: tuple[int, ...]) -> None:
    await written(trail)
    assert await tampered(trail, removed(*numbers))


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda records: records.delete(HEAD, ACCOUNT), id="the head removed"),
        *(pytest.param(put_in(number), id=f"put in at {number}") for number in (3, 6)),
        pytest.param(exchanged, id="two that changed places"),
        *(pytest.param(replaced(body), id=f"{body}") for body in NO_ENTRIES),
    ],
)
async def test_whatever_else_was_done_to_it_is_found(trail: History, work: Callable[[Records], object]) -> None:
    await written(trail)
    assert await tampered(trail, work)


async def test_entries_expire_after_ninety_days_and_the_rest_stays_whole(trail: History, clock: LoopClock) -> None:
    await written(trail, 2)
    clock.advance(60 * DAY)
    await written(trail, 2)
    clock.advance(30 * DAY + 1)
    assert [one.number for one in await trail.events()] == [3, 4]
    assert await trail.verified() == ""
    clock.advance(60 * DAY)
    assert await trail.events() == []
    assert await trail.verified() == ""
    await written(trail, 1)
    assert [one.number for one in await trail.events()] == [5]
    assert await trail.verified() == ""


async def test_accounts_have_trails_of_their_own(trail: History) -> None:
    other = History(trail.store, "fedcba9876543210")
    await written(trail, 2)
    await written(other, 1)
    await written(trail, 1)
    assert [one.number for one in await trail.events()] == [1, 2, 3]
    assert [one.number for one in await other.events()] == [1]
    assert (await trail.verified(), await other.verified()) == ("", "")


async def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    trails = [History(SqliteStore(tmp_path / "state.sqlite"), ACCOUNT) for _ in range(4)]
    async with anyio.create_task_group() as group:
        for trail in trails:
            group.start_soon(written, trail, 10)
    assert [one.number for one in await trails[0].events()] == list(range(1, 41))
    assert await trails[0].verified() == ""


class Interrupting(MemoryStore):
    """Between any two transactions of one process another one writes an entry."""

    busy = False

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        result = await super().transact(work)
        if self.busy:
            self.busy = False
            await History(self, ACCOUNT).add(tool="delete_logo", target="x", decision="done")
            self.busy = True
        return result


async def test_a_trail_that_grows_while_it_is_verified_is_whole() -> None:
    store = Interrupting()
    trail = History(store, ACCOUNT)
    await written(trail)
    store.busy = True
    assert await trail.verified() == ""


async def test_fields_of_a_later_version_leave_a_trail_whole(trail: History, monkeypatch: pytest.MonkeyPatch) -> None:
    await written(trail)

    class Later(Event):
        client: str = ""

    monkeypatch.setattr("flipsnack_mcp.workflows.history.Event", Later)
    assert await trail.verified() == ""
