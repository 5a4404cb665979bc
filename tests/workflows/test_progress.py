"""What is told of long work is true when it is told, is told once, and has its total wherever that is known."""

import re
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.progress import Progress, Throttled
from tests.server.bench import LoopClock
from tests.workflows import test_changing_many as changing
from tests.workflows import test_reporting as reporting
from tests.workflows.running import LongWork, Told

MB = 1024**2
TRANSFERS: dict[str, tuple[list[tuple[float, int, int | None]], list[str]]] = {
    "the end twice": ([(0, MB, MB), (0, MB, MB)], ["1.0 MB of 1.0 MB, 100 %"]),
    "the end again later": ([(0, MB, MB), (5, MB, MB), (5, MB, MB)], ["1.0 MB of 1.0 MB, 100 %"]),
    "the same again later": ([(0, MB, 2 * MB), (5, MB, 2 * MB)], ["1.0 MB of 2.0 MB, 50 %"]),
    "the same without a total": ([(0, MB, None), (5, MB, None)], ["1.0 MB"]),
    "more without a total": ([(0, MB, None), (5, 2 * MB, None)], ["1.0 MB", "2.0 MB"]),
    "soon": ([(0, MB, 4 * MB), (0.5, 2 * MB, 4 * MB)], ["1.0 MB of 4.0 MB, 25 %"]),
    "begun anew": (
        [(0, 2 * MB, 4 * MB), (2, MB, 4 * MB), (2, 2 * MB, 4 * MB)],
        ["2.0 MB of 4.0 MB, 50 %", "1.0 MB of 4.0 MB, 25 %", "2.0 MB of 4.0 MB, 50 %"],
    ),
    "begun anew after its end": (
        [(0, MB, MB), (2, 0, MB), (2, MB, MB), (0, MB, MB)],
        ["1.0 MB of 1.0 MB, 100 %", "0.0 KB of 1.0 MB, 0 %", "1.0 MB of 1.0 MB, 100 %"],
    ),
    "more than announced": ([(0, 2 * MB, MB), (5, 2 * MB, MB)], ["2.0 MB of 1.0 MB, 100 %"]),
    "nothing of nothing": ([(0, 0, 0), (5, 0, 0)], ["0.0 KB"]),
    "the end at once": ([(0, 10, MB), (0.1, MB, MB), (0.1, MB, MB)], ["0.0 KB of 1.0 MB, 0 %", "1.0 MB of 1.0 MB, 100 %"]),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "expected"), TRANSFERS.values(), ids=list(TRANSFERS))
async def test_of_a_transfer_nothing_is_told_twice_in_a_row(
    pieces: list[tuple[float, int, int | None]], expected: list[str]
) -> None:
    told = Told()
    transfer = Throttled(told, "download")
    for pause, done, total in pieces:
        await anyio.sleep(pause)
        await transfer(done, total)
    assert told == [f"download: {one}" for one in expected]
    assert all(one.total == (pieces[0][2] or None) for one in told.progress)


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    """Flipsnack's own limits, and twelve offers."""
    return reporting.with_collections(clock, 12)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, work: LongWork) -> list[tuple[int, Progress]]:
    """Whatever a job says of itself, also what no watcher had the time to see; and how many requests had arrived."""
    kept = list[tuple[int, Progress]]()
    tell = Job.tell

    def spied(job: Job, progress: Progress | None = None, **news: Any) -> None:
        tell(job, progress, **news)
        kept.append((len(work.sandbox.requests), job.progress))

    monkeypatch.setattr(Job, "tell", spied)
    return kept


def counted(said: list[tuple[int, Progress]]) -> list[tuple[int, int, int]]:
    """Requests that had arrived, done and total, of everything new that counts collections; told and shown agree."""
    found = list[tuple[int, int, int]]()
    for arrived, one in said:
        if numbers := re.match(r"\w+: (\d+) of (\d+) collections", one.message):
            assert (one.done, one.total) == (int(numbers[1]), int(numbers[2])), one
            found.append((arrived, int(numbers[1]), int(numbers[2])))
    return [one for index, one in enumerate(found) if not index or one[1:] != found[index - 1][1:]]


CHOICES = {
    "all": (Choice(), False, 12), "compared": (Choice(), True, 12), "of a word": (Choice(query="Offer 1"), False, None),
    "one named": (1, False, 1), "three named": (3, False, 3), "three compared": (3, True, 3), "none": (Choice(query="zzz"), False, 0),
}  # fmt: skip


@pytest.mark.parametrize(("choice", "compare", "total"), CHOICES.values(), ids=list(CHOICES))
async def test_a_report_never_says_more_than_is_done(
    work: LongWork, said: list[tuple[int, Progress]], choice: Any, total: int | None, *, compare: bool
) -> None:
    if isinstance(choice, int):
        choice = Choice(tuple(work.sandbox.account.collections)[:choice])
    async with reporting.begun(work, choice, compare=compare) as (reports, report):
        await reporting.to_its_end(reports, report)
    numbers = counted(said)
    arrived_before = sum(one.action == reporting.LIST for one in work.sandbox.requests)
    for arrived, done, of in numbers:
        assert total is None or of == total
        assert done * (1 + compare) <= arrived - arrived_before, numbers
    assert [done for _, done, _ in numbers] == sorted(done for _, done, _ in numbers)
    assert not numbers or numbers[0][1] == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_a_plan_tells_its_total_and_no_more_than_is_done(
    work: LongWork, said: list[tuple[int, Progress]], count: int
) -> None:
    changing.shelf(work, count)
    async with changing.process(work) as server:
        await server.to_its_end(await server.plan(changing.RULE))
    assert [(done, of) for _, done, of in counted(said)] == [(one, count) for one in range(count + 1)]


@pytest.mark.parametrize("seconds", [0.0, 0.4, 3.0, 8.0])
async def test_an_upload_tells_its_size_from_the_first_word_on(work: LongWork, seconds: float) -> None:
    work.road.upload_seconds = seconds
    told = Told()
    async with work.begun() as (process, entry):
        await process.uploads.watch(CallContext(process.flipsnack, tell=told), entry, 100)
    of_it = [one for one in told.progress if one.message.startswith("upload: ")]
    assert of_it
    assert {one.total for one in of_it} == {entry.size}
    assert len({one.message for one in of_it}) == len(of_it)
