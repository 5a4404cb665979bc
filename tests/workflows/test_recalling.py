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
from flipsnack_mcp.store.records import Records, StoreUnusable, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.recalling import FRESH, MOST, Recent
from tests.api.asking import asking
from tests.workflows.running import of_title

TITLE, RENAMED = "Summer catalogue 2026", "Renamed"
LIST, GET = "collection.getList", "collection.getCollection"


@dataclass
class Process:
    """One assistant's server, as far as it remembers answers, and the collection it looks at."""

    flipsnack: Flipsnack
    recent: Recent
    summer: str

    def __post_init__(self) -> None:
        self.flipsnack.changing = self.recent.changing

    @property
    def context(self) -> CallContext:
        return CallContext(self.flipsnack)

    async def title(self) -> str:
        return (await self.recent.ask(self.context, GetCollection(collection_hash=self.summer))).title

    async def rename(self) -> None:
        await self.context.send(UpdateCollection(collection_hash=self.summer, title=RENAMED))


@dataclass(frozen=True)
class Two:
    """Two of them, on one state and one account."""

    mine: Process
    theirs: Process
    sandbox: Sandbox


@pytest.fixture
async def two(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Two]:
    async with asking(sandbox.app) as one, asking(sandbox.app) as other:
        recents = [Recent(SqliteStore(tmp_path / "state.sqlite"), "me") for _ in range(2)]
        mine, theirs = (Process(*each, of_title(sandbox, TITLE)) for each in zip((one, other), recents, strict=True))
        yield Two(mine, theirs, sandbox)
        for recent in recents:
            await recent.store.close()


def asked(sandbox: Sandbox, action: str) -> int:
    return len([one for one in sandbox.requests if one.action == action])


async def test_the_same_question_is_asked_once_for_some_seconds(two: Two) -> None:
    assert [await two.mine.title() for _ in range(3)] == [TITLE] * 3
    assert asked(two.sandbox, GET) == 1
    await anyio.sleep(FRESH)
    await two.mine.title()
    assert asked(two.sandbox, GET) == 2


async def test_another_question_has_its_own_answer(two: Two) -> None:
    one = two.mine
    found = [
        await one.recent.ask(one.context, ListCollections(query=query)) for query in ("Summer", "Winter", "Summer")
    ]
    assert [len(rows.collections) for rows in found] == [1, 1, 1]
    assert found[0] == found[2] != found[1]
    assert asked(two.sandbox, LIST) == 2


@pytest.mark.parametrize("who", [0, 1], ids=["here", "in another process"])
async def test_what_we_changed_is_never_seen_as_it_was(two: Two, who: int) -> None:
    processes = (two.mine, two.theirs)
    assert [await one.title() for one in processes] == [TITLE] * 2
    await processes[who].rename()
    assert [await one.title() for one in processes] == [RENAMED] * 2


async def test_an_answer_that_was_on_its_way_during_a_change_is_not_kept(two: Two) -> None:
    two.sandbox.add_fault(Fault("slow", GET, times=1, seconds=4, phase="after"))
    async with anyio.create_task_group() as group:
        group.start_soon(two.mine.title)
        await anyio.sleep(1)
        await two.theirs.rename()
    assert await two.mine.title() == RENAMED


@pytest.mark.parametrize("kind", ["reset", "hang"], ids=["its answer is lost", "it is cancelled"])
async def test_a_change_whose_answer_does_not_come_counts_as_one(two: Two, kind: str) -> None:
    await two.mine.title()
    two.sandbox.add_fault(Fault(kind, "collection.update", times=0, phase="after"))
    with anyio.move_on_after(2) if kind == "hang" else pytest.raises(FlipsnackError):
        await two.theirs.rename()
    assert await two.mine.title() == RENAMED


class Unusable(MemoryStore):
    """A state file that cannot be opened, or that somebody holds for so long."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        await anyio.sleep(self._seconds)
        raise StoreUnusable("The disk is full.", "Make room.")


@pytest.mark.parametrize("seconds", [0, 20], ids=["broken", "held"])
async def test_without_a_usable_state_every_look_is_fresh(sandbox: Sandbox, seconds: float) -> None:
    async with asking(sandbox.app) as flipsnack:
        process = Process(flipsnack, Recent(Unusable(seconds), "me"), of_title(sandbox, TITLE))
        start = anyio.current_time()
        assert [await process.title(), await process.title()] == [TITLE] * 2
        assert anyio.current_time() - start < 2
        await process.rename()
        assert await process.title() == RENAMED
    assert asked(sandbox, GET) == 3


async def test_no_more_is_kept_than_can_still_be_told(two: Two) -> None:
    for number in range(MOST + 20):
        await two.mine.recent.ask(two.mine.context, ListCollections(offset=number))
    kept = two.mine.recent._answers
    assert 0 < len(kept) <= MOST
    assert [at for at, _ in kept.values() if anyio.current_time() - at >= FRESH] == []
