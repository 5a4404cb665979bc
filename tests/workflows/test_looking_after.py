"""Many uploads looked after at once: one list tells most, and a collection is asked for by itself only where it does not."""

import anyio
import pytest

from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.uploads.following import Followed
from flipsnack_mcp.workflows.uploads.journal import JournalEntry
from flipsnack_mcp.workflows.uploads.looking_after import NOT_LOOKED, look_after
from flipsnack_mcp.workflows.waiting import SURE
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows.running import CREATE, LongWork, Process

GET, LIST = "collection.getCollection", "collection.getList"


@pytest.fixture
def conversion_seconds() -> float:
    return 20


@pytest.fixture
async def sandbox(clock: LoopClock, conversion_seconds: float) -> Sandbox:
    return unlimited(clock, conversion_seconds=conversion_seconds)


async def sent(work: LongWork, process: Process, *titles: str) -> list[JournalEntry]:
    """Uploads whose bytes are through."""
    begun = [(await process.begin(work.paper(f"{one}.pdf"), one, status="public"))[0] for one in titles]
    return [await process.ended(one) for one in begun]


async def looked_after(process: Process, entries: list[JournalEntry], seconds: float) -> list[Followed]:
    return await look_after(process.context, process.uploads, [await process.now(one) for one in entries], seconds)


def asked(work: LongWork, action: str) -> int:
    return sum(one.action == action for one in work.sandbox.requests)


async def test_what_the_list_shows_without_a_cover_is_not_asked_for_and_what_has_one_is_once(work: LongWork) -> None:
    async with work.process() as process:
        entries = await sent(work, process, "A", "B", "C")
        before = asked(work, GET)
        seen = await looked_after(process, entries, 10)
        assert [one.entry.state for one in seen] == ["converting"] * 3
        assert asked(work, GET) == before
        seen = await looked_after(process, entries, 40)
    assert [one.entry.state for one in seen] == ["complete"] * 3
    assert asked(work, GET) == before + 3


async def test_what_failed_gets_no_cover_and_is_asked_for_after_half_a_minute(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("conversion_fails", CREATE))
    async with work.process() as process:
        entries = await sent(work, process, "A")
        started = anyio.current_time()
        (seen,) = await looked_after(process, entries, 40)
        took = anyio.current_time() - started
    assert seen.entry.state == "failed"
    assert SURE - 1 <= took < 40


async def test_a_link_is_given_with_what_is_ready_and_with_nothing_else(work: LongWork) -> None:
    async with work.process() as process:
        ready = await sent(work, process, "A", "B")
        await looked_after(process, ready, 40)
        both = [*ready, *await sent(work, process, "C")]
        before = asked(work, GET)
        seen = await looked_after(process, both, 0)
    assert [bool(one.direct_link) for one in seen] == [True, True, False]
    assert asked(work, GET) == before


async def test_a_list_that_cannot_be_read_is_said_and_nothing_that_is_known_is_lost(work: LongWork) -> None:
    async with work.process() as process:
        entries = await sent(work, process, "A", "B")
        work.sandbox.add_fault(Fault("code", LIST, times=0, code=99))
        seen = await looked_after(process, entries, 40)
    assert [one.entry.state for one in seen] == ["converting"] * 2
    assert all(one.warnings[-1].startswith(NOT_LOOKED) for one in seen)


@pytest.mark.parametrize("conversion_seconds", [600])
async def test_what_stays_without_a_cover_is_asked_for_once_in_half_a_minute_over_all_calls(work: LongWork) -> None:
    async with work.process() as process:
        entries = await sent(work, process, "A")
        before, started = asked(work, GET), anyio.current_time()
        for _ in range(4):
            await looked_after(process, entries, 30)
        took = anyio.current_time() - started
    assert 3 <= asked(work, GET) - before <= took / SURE
