"""Answers of the last seconds: asked once, and never seen as they were before a change of ours."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.api.actions.collections import GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.records import Records, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.recalling import FRESH, MOST, Recent
from tests.api.asking import asking

TITLE = "Summer catalogue 2026"
LIST, GET = "collection.getList", "collection.getCollection"


@dataclass
class Process:
    """One assistant's server, as far as it remembers answers."""

    flipsnack: Flipsnack
    recent: Recent

    @property
    def errand(self) -> Errand:
        return Errand(self.flipsnack)

    async def title(self, collection_hash: str) -> str:
        return (await self.recent.ask(self.errand, GetCollection(collection_hash=collection_hash))).title

    async def rename(self, collection_hash: str, title: str) -> None:
        await self.errand.send(UpdateCollection(collection_hash=collection_hash, title=title))


@pytest.fixture
async def summer(sandbox: Sandbox) -> str:
    return next(one.hash for one in sandbox.account.collections.values() if one.title == TITLE)


@pytest.fixture
async def processes(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    async with asking(sandbox.app) as one, asking(sandbox.app) as other:
        made = [Process(flipsnack, Recent(SqliteStore(tmp_path / "state.sqlite"), "me")) for flipsnack in (one, other)]
        for process in made:
            process.flipsnack.changing = process.recent.changing
        yield made[0], made[1]
        for process in made:
            await process.recent.store.close()


def asked(sandbox: Sandbox, action: str) -> int:
    return len([one for one in sandbox.requests if one.action == action])


async def test_the_same_question_is_asked_once_for_some_seconds(
    processes: tuple[Process, Process], sandbox: Sandbox, summer: str
) -> None:
    one, _ = processes
    assert [await one.title(summer) for _ in range(3)] == [TITLE] * 3
    assert asked(sandbox, GET) == 1
    await anyio.sleep(FRESH)
    await one.title(summer)
    assert asked(sandbox, GET) == 2


async def test_another_question_has_its_own_answer(processes: tuple[Process, Process], sandbox: Sandbox) -> None:
    one, _ = processes
    found = [await one.recent.ask(one.errand, ListCollections(query=query)) for query in ("Summer", "Winter", "Summer")]
    assert [len(rows.collections) for rows in found] == [1, 1, 1]
    assert found[0] == found[2] != found[1]
    assert asked(sandbox, LIST) == 2


@pytest.mark.parametrize("who", [0, 1], ids=["here", "in another process"])
async def test_what_we_changed_is_never_seen_as_it_was(
    processes: tuple[Process, Process], summer: str, who: int
) -> None:
    before = [await one.title(summer) for one in processes]
    await processes[who].rename(summer, "Renamed")
    assert before == [TITLE] * 2
    assert [await one.title(summer) for one in processes] == ["Renamed"] * 2


async def test_an_answer_that_was_on_its_way_during_a_change_is_not_kept(
    processes: tuple[Process, Process], sandbox: Sandbox, summer: str
) -> None:
    one, other = processes
    sandbox.add_fault(Fault("slow", GET, times=1, seconds=4, phase="after"))
    async with anyio.create_task_group() as group:
        group.start_soon(one.title, summer)
        await anyio.sleep(1)
        await other.rename(summer, "Renamed")
    assert await one.title(summer) == "Renamed"


async def test_a_change_with_a_lost_answer_counts_as_one(
    processes: tuple[Process, Process], sandbox: Sandbox, summer: str
) -> None:
    one, other = processes
    await one.title(summer)
    sandbox.add_fault(Fault("reset", "collection.update", times=0, phase="after"))
    with pytest.raises(FlipsnackError):
        await other.rename(summer, "Renamed")
    assert await one.title(summer) == "Renamed"


async def test_a_change_that_is_cancelled_counts_as_one(
    processes: tuple[Process, Process], sandbox: Sandbox, summer: str
) -> None:
    one, other = processes
    await one.title(summer)
    sandbox.add_fault(Fault("hang", "collection.update", phase="after"))
    with anyio.move_on_after(2):
        await other.rename(summer, "Renamed")
    assert await one.title(summer) == "Renamed"


class Unusable(MemoryStore):
    """A state file that cannot be opened, or that somebody holds."""

    def __init__(self, *, held: bool) -> None:
        super().__init__()
        self._held = held

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        if self._held:
            await anyio.sleep(20)
        raise StoreUnusable("The disk is full.", "Make room.")


@pytest.mark.parametrize("held", [False, True], ids=["broken", "held"])
async def test_where_the_state_cannot_be_used_every_look_is_fresh_and_none_waits_for_it(
    sandbox: Sandbox,
    summer: str,
    held: bool,  # noqa: FBT001 - a table
) -> None:
    async with asking(sandbox.app) as flipsnack:
        process = Process(flipsnack, Recent(Unusable(held=held), "me"))
        flipsnack.changing = process.recent.changing
        start = anyio.current_time()
        titles = [await process.title(summer), await process.title(summer)]
        waited = anyio.current_time() - start
        await process.rename(summer, "Renamed")
        assert titles == [TITLE] * 2
        assert waited < 2
        assert await process.title(summer) == "Renamed"
    assert asked(sandbox, GET) == 3


async def test_not_more_is_kept_than_a_little(processes: tuple[Process, Process]) -> None:
    one, _ = processes
    for number in range(MOST + 20):
        await one.recent.ask(one.errand, ListCollections(offset=number))
    assert len(one.recent._answers) == MOST
