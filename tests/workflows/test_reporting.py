"""Reports cut off anywhere and gone on with: nothing is asked twice, nothing is lost, and every call has its turn."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError, MaintenanceError, NotAuthorisedError
from flipsnack_mcp.api.pace import BudgetInMemory as Budget
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.choosing import Choice
from flipsnack_mcp.workflows.progress import tell_nobody
from flipsnack_mcp.workflows.reports.background import LINGER, Reports
from flipsnack_mcp.workflows.reports.periods import Period
from flipsnack_mcp.workflows.reports.record import CLAIMED_FOR, DAY, MONTH
from flipsnack_mcp.workflows.reports.report import Gathered, Report
from flipsnack_mcp.workflows.reports.running import GONE, IN_FLIGHT, SYSTEMATIC
from tests.api.asking import KEY, SECRET, Line
from tests.in_memory import rows_of
from tests.server.bench import LoopClock
from tests.workflows.running import Fragile, Moment, Mortal, unnoticed

STATS, LIST = "collection.getStats", "collection.getList"
CLOSED = Period(date(2026, 8, 1), date(2026, 8, 31))
OPEN = Period(date(2026, 9, 1), date(2026, 9, 20))
ANSWER_SECONDS = 0.3


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    """Flipsnack's own limits: whoever breaks them is refused."""
    return with_collections(clock, 12)


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    return MemoryStore(clock)


def with_collections(clock: LoopClock, count: int, **pace: Any) -> Sandbox:
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(**pace), seeded=False)
    for n in range(count):
        sandbox.account.add(title=f"Offer {n:03}", created_at=clock() - 86_400 * (90 + n))
    return sandbox


class Distant(Line):
    """A line on which everything takes a moment."""

    def __init__(self, sandbox: Sandbox, moment: Moment) -> None:
        super().__init__(sandbox.app)
        self._moment = moment

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await self._moment("request")
        await anyio.sleep(ANSWER_SECONDS)
        response = await super().handle_async_request(request)
        await self._moment("answer")
        return response


@asynccontextmanager
async def process(
    sandbox: Sandbox, store: Store, clock: LoopClock, budget: Budget | None = None, moment: Moment = unnoticed
) -> AsyncIterator[Reports]:
    """One server process, as far as reports go."""
    pacer = Pacer(budget or Budget())
    async with (
        Flipsnack(Access(KEY, SECRET), pacer, lambda: Distant(sandbox, moment)) as flipsnack,
        anyio.create_task_group() as background,
    ):
        yield Reports(flipsnack, store, "mine", background, clock)
        background.cancel_scope.cancel()


def wanted(reports: Reports, choice: Choice | None = None, period: Period = CLOSED, *, compare: bool = False) -> Report:
    return Report(report_id="", choice=choice or Choice(), period=period, compare=compare, today=reports.today)


async def to_its_end(reports: Reports, report: Report, seconds: float = 600) -> Gathered:
    """Go on until everything is answered."""
    for _ in range(20):
        report = (await reports.follow(report, seconds, tell_nobody)).report
        found = await reports.book.gathered(report)
        if report.offset is None and len(found.lines) + len(found.failed) == len(report.targets):
            return found
    raise AssertionError(report)


def asked(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    """How often each collection was asked about each period."""
    found = [one.params for one in sandbox.requests if one.action == STATS]
    return Counter((one["collectionHash"], one["startDate"]) for one in found)


def twice(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [one for one, times in asked(sandbox).items() if times > 1]


def whole(found: Gathered, sandbox: Sandbox) -> bool:
    return {one.collection_hash for one in found.lines} == set(sandbox.account.collections) and not found.failed


# --- one report


@pytest.mark.parametrize("compare", [False, True])
@pytest.mark.parametrize("period", [CLOSED, OPEN], ids=["closed", "open"])
async def test_every_collection_is_asked_once_for_each_period(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock, period: Period, *, compare: bool
) -> None:
    async with process(sandbox, store, clock) as reports:
        found = await to_its_end(reports, await reports.book.begin(wanted(reports, period=period, compare=compare)))

    assert whole(found, sandbox)
    assert set(asked(sandbox).values()) == {1}
    assert len(asked(sandbox)) == 12 * (2 if compare else 1)
    assert all((one.previous is not None) is compare for one in found.lines)
    assert sum(one.numbers.views for one in found.lines) > 0


async def test_a_report_over_200_collections_takes_at_most_1_05_s_for_each_call(
    store: MemoryStore, clock: LoopClock
) -> None:
    sandbox = with_collections(clock, 200)
    async with process(sandbox, store, clock) as reports:
        begun = anyio.current_time()
        found = await to_its_end(reports, await reports.book.begin(wanted(reports)))
        seconds = anyio.current_time() - begun

    assert whole(found, sandbox)
    assert len(sandbox.requests) == 202
    assert seconds / len(sandbox.requests) <= 1.05
    assert all(one.code == 20 for one in sandbox.requests)


async def test_progress_says_how_many_and_for_how_long(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    told: list[tuple[float, str]] = []

    async def tell(message: str) -> None:
        told.append((anyio.current_time(), message))

    async with process(sandbox, store, clock) as reports:
        await reports.follow(await reports.book.begin(wanted(reports)), 45, tell)

    assert told[0][1] == "report: choosing, 0 collections so far"
    assert "report: 3 of 12 collections, about 9 s left" in [message for _, message in told]
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise(told)]
    assert min(pauses) >= 3


# --- closed periods, and names


async def test_a_second_report_over_a_closed_period_asks_only_for_the_list(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        first = await to_its_end(reports, await reports.book.begin(wanted(reports)))
        before = len(sandbox.requests)
        again = await to_its_end(reports, await reports.book.begin(wanted(reports)))

    assert [one.action for one in sandbox.requests[before:]] == [LIST]
    assert again == first


async def test_a_second_report_over_named_collections_and_a_closed_period_asks_nothing(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    choice = Choice(tuple(sandbox.account.collections)[:5])
    async with process(sandbox, store, clock) as reports:
        first = await to_its_end(reports, await reports.book.begin(wanted(reports, choice)))
    before = len(sandbox.requests)
    async with process(sandbox, store, clock) as reports:
        again = await to_its_end(reports, await reports.book.begin(wanted(reports, choice)))

    assert before == 6
    assert len(sandbox.requests) == before
    assert set(again.lines) == set(first.lines)
    assert all(one.title.startswith("Offer") for one in again.lines)


async def test_an_open_period_is_asked_anew_by_every_report(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        for _ in range(2):
            await to_its_end(reports, await reports.book.begin(wanted(reports, period=OPEN)))

    assert set(asked(sandbox).values()) == {2}


async def test_closed_periods_are_forgotten_after_a_month_and_reports_after_a_day(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        await to_its_end(reports, report)
        clock.advance(DAY)
        assert await reports.book.report(report.report_id) is None
        clock.advance(MONTH)
        await to_its_end(reports, await reports.book.begin(wanted(reports)))

    assert set(asked(sandbox).values()) == {2}


async def test_a_named_collection_that_the_list_does_not_have_is_told_and_not_asked(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    there = next(iter(sandbox.account.collections))
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports, Choice((there, "gone1234"))))
        report = (await reports.follow(report, 60, tell_nobody)).report

    assert report.unlisted == ("gone1234",)
    assert list(asked(sandbox)) == [(there, "2026-08-01")]


async def test_one_account_sees_nothing_of_another(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        other = replace(reports.book, account="theirs")

        assert await reports.book.report(report.report_id) == report
        assert await other.report(report.report_id) is None


# --- cut off


@pytest.mark.parametrize("period", [CLOSED, OPEN], ids=["closed", "open"])
async def test_a_call_cut_off_at_any_moment_loses_nothing_and_asks_nothing_twice(
    clock: LoopClock, period: Period
) -> None:
    for tenth in range(0, 90, 3):
        sandbox = with_collections(clock, 6)
        async with process(sandbox, MemoryStore(clock), clock) as reports:
            report = await reports.book.begin(wanted(reports, period=period))
            with anyio.move_on_after(tenth / 10):
                await reports.follow(report, 45, tell_nobody)
            found = await to_its_end(reports, report)

        assert whole(found, sandbox), tenth
        assert twice(sandbox) == [], tenth


async def test_a_call_cut_off_again_and_again_comes_to_its_end(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports, compare=True))
        for _ in range(30):
            with anyio.move_on_after(1.5):
                await reports.follow(report, 45, tell_nobody)
        assert sum(asked(sandbox).values()) >= 20
        found = await to_its_end(reports, report)

    assert whole(found, sandbox)
    assert twice(sandbox) == []


async def test_nothing_more_is_asked_for_a_call_that_was_cancelled(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        with anyio.move_on_after(5):
            await reports.follow(report, 45, tell_nobody)
        so_far = len(sandbox.requests)
        await anyio.sleep(60)

    assert so_far <= len(sandbox.requests) <= so_far + 1


async def test_a_run_goes_on_for_a_while_when_its_call_has_answered(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports, compare=True))
        await reports.follow(report, 0, tell_nobody)
        await anyio.sleep(LINGER + 30)

    assert 12 <= sum(asked(sandbox).values()) <= LINGER


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "ended"])
@pytest.mark.parametrize("period", [CLOSED, OPEN], ids=["closed", "open"])
async def test_a_process_that_dies_at_any_moment_costs_no_more_than_was_on_its_way(
    clock: LoopClock, period: Period, *, cleanly: bool
) -> None:
    moments, dies_at = 10_000, 0
    while dies_at < moments:
        sandbox, store = with_collections(clock, 4), MemoryStore(clock)
        mortal = Mortal(store, dies_at, cleanly)
        async with process(sandbox, mortal, clock, moment=mortal.moment) as doomed:
            async with anyio.create_task_group() as calls:
                calls.start_soon(until_death, doomed, mortal, period)
                await mortal.died.wait()
                calls.cancel_scope.cancel()
            on_its_way = sum(asked(sandbox).values()) - len(rows(store))
        moments = len(mortal.moments) if len(mortal.moments) <= dies_at else moments
        async with process(sandbox, store, clock) as survivor:
            for report in kept_reports(store) or [await survivor.book.begin(wanted(survivor, period=period))]:
                assert whole(await to_its_end(survivor, report), sandbox), dies_at
        assert len(twice(sandbox)) <= min(on_its_way, IN_FLIGHT), dies_at
        assert max(asked(sandbox).values()) <= 2, dies_at
        dies_at += 1
    assert moments > 25


async def until_death(reports: Reports, mortal: Mortal, period: Period) -> None:
    """One call; a process whose report is done ends as well."""
    report = await reports.book.begin(wanted(reports, period=period))
    await reports.follow(report, 45, tell_nobody)
    mortal.died.set()


def rows(store: MemoryStore) -> list[str]:
    return [name for kind, name, _ in rows_of(store) if kind == "report row"]


def kept_reports(store: MemoryStore) -> list[Report]:
    return [Report.model_validate_json(body) for kind, _, body in rows_of(store) if kind == "report"]


async def test_several_processes_share_one_report(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    budget = Budget()
    async with process(sandbox, store, clock, budget) as one, process(sandbox, store, clock, budget) as other:
        report = await one.book.begin(wanted(one, compare=True))
        async with anyio.create_task_group() as both:
            for reports in (one, other, one):
                both.start_soon(to_its_end, reports, report)
        found = await one.book.gathered((await other.follow(report, 1, tell_nobody)).report)

    assert whole(found, sandbox)
    assert twice(sandbox) == []
    assert len(sandbox.requests) == 24 + 1


async def test_two_reports_over_the_same_closed_period_ask_once_between_them(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    budget = Budget()
    async with (
        process(sandbox, store, clock, budget) as one,
        process(sandbox, store, clock, budget) as other,
        anyio.create_task_group() as both,
    ):
        for reports in (one, other):
            both.start_soon(to_its_end, reports, await reports.book.begin(wanted(reports)))

    assert set(asked(sandbox).values()) == {1}


async def test_what_a_dead_process_was_asking_is_asked_when_it_gave_no_sign_for_a_while(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        question = (await reports.book.open_questions((await reports.follow(report, 1.5, tell_nobody)).report))[-1]
        await reports.book.take(report, question, "somebody dead")
        begun = anyio.current_time()
        found = await to_its_end(reports, report)

    assert whole(found, sandbox)
    assert CLAIMED_FOR - 2 <= anyio.current_time() - begun <= CLAIMED_FOR + 5


async def test_a_slow_answer_keeps_its_claim(store: MemoryStore, clock: LoopClock) -> None:
    sandbox = with_collections(clock, 1)
    sandbox.add_fault(Fault("maintenance", STATS, times=3))
    sandbox.add_fault(Fault("slow", STATS, seconds=14, times=0))
    budget = Budget()
    async with process(sandbox, store, clock, budget) as one, process(sandbox, store, clock, budget) as other:
        report = await one.book.begin(wanted(one))
        async with anyio.create_task_group() as both:
            both.start_soon(to_its_end, one, report)
            await anyio.sleep(5)
            both.start_soon(to_its_end, other, report)

    assert len(sandbox.carried_out(STATS)) == 1


# --- what fails


async def test_a_collection_that_is_gone_is_listed_and_the_rest_is_counted(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    gone = list(sandbox.account.collections)[:7]
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        report = (await reports.follow(report, 1.5, tell_nobody)).report
        for one in gone:
            sandbox.account.delete(one)
        found = await to_its_end(reports, report)

    failed = {one.collection_hash for one, _ in found.failed}
    assert failed <= set(gone)
    assert len(failed) >= 5
    assert {why for _, why in found.failed} == {GONE}
    assert len(found.lines) == 12 - len(failed)
    assert twice(sandbox) == []


async def test_a_failure_belongs_to_its_report_and_the_next_one_asks_again(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    sandbox.add_fault(Fault("code", STATS, code=40, message="Bad request"))
    async with process(sandbox, store, clock) as reports:
        first = await to_its_end(reports, await reports.book.begin(wanted(reports)))
        again = await to_its_end(reports, await reports.book.begin(wanted(reports)))

    assert [why for _, why in first.failed] == ['Flipsnack refused with code 40 "Bad request".']
    assert whole(again, sandbox)


async def test_an_answer_without_a_number_is_a_failure(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    sandbox.add_fault(Fault("http", STATS, http_status=200, body='{"code": 20, "data": {"views": "many"}}'))
    async with process(sandbox, store, clock) as reports:
        found = await to_its_end(reports, await reports.book.begin(wanted(reports)))

    assert [why for _, why in found.failed] == ["The answer held no numbers."]


async def test_many_failures_in_a_row_end_the_report_and_are_asked_again(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        report = (await reports.follow(report, 5.5, tell_nobody)).report
        sandbox.add_fault(Fault("code", STATS, code=40, times=0))
        with pytest.raises(FlipsnackError, match="code 40"):
            await reports.follow(report, 45, tell_nobody)
        refused = len(sandbox.requests) - len(sandbox.carried_out(STATS)) - 1
        sandbox.clear_faults()
        found = await to_its_end(reports, report)

    assert SYSTEMATIC <= refused <= SYSTEMATIC + IN_FLIGHT
    assert whole(found, sandbox)
    assert Counter(one.params["collectionHash"] for one in sandbox.carried_out(STATS)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("count", [1, 3])
async def test_a_report_of_which_nothing_can_be_had_is_an_error_and_no_empty_report(
    store: MemoryStore, clock: LoopClock, count: int
) -> None:
    sandbox = with_collections(clock, count)
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        sandbox.add_fault(Fault("maintenance", STATS, times=0))
        with pytest.raises(MaintenanceError):
            await reports.follow(report, 45, tell_nobody)
        sandbox.clear_faults()

        assert whole(await to_its_end(reports, report), sandbox)


async def test_a_collection_that_always_fails_is_told_in_a_report_that_began_well(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        report = (await reports.follow(report, 12.5, tell_nobody)).report
        assert len((await reports.book.gathered(report)).lines) in range(9, 12)
        sandbox.add_fault(Fault("garbled", STATS, times=0))
        found = await to_its_end(reports, report)

    assert len(found.lines) + len(found.failed) == 12
    assert 1 <= len(found.failed) <= 3


async def test_trouble_is_told(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    told: list[str] = []

    async def tell(message: str) -> None:
        told.append(message)

    sandbox.add_fault(Fault("maintenance", STATS, times=6))
    async with process(sandbox, store, clock) as reports:
        await reports.follow(await reports.book.begin(wanted(reports)), 45, tell)

    assert any(message.endswith("; Flipsnack did not answer as it should") for message in told)
    assert told[-1].endswith(" s left")


async def test_wrong_credentials_end_the_report_at_once(sandbox: Sandbox, store: MemoryStore, clock: LoopClock) -> None:
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        sandbox.add_fault(Fault("code", STATS, code=41, times=0))
        with pytest.raises(NotAuthorisedError):
            await reports.follow(report, 45, tell_nobody)
        sandbox.clear_faults()

        assert sum(asked(sandbox).values()) <= IN_FLIGHT
        assert whole(await to_its_end(reports, report), sandbox)


async def test_a_list_that_cannot_be_had_is_the_calls_error(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    sandbox.add_fault(Fault("maintenance", LIST, times=0))
    async with process(sandbox, store, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        with pytest.raises(MaintenanceError):
            await reports.follow(report, 45, tell_nobody)
        sandbox.clear_faults()

        assert whole(await to_its_end(reports, report), sandbox)


async def test_a_store_that_breaks_is_the_calls_error_and_what_it_kept_stays(
    sandbox: Sandbox, store: MemoryStore, clock: LoopClock
) -> None:
    fragile = Fragile(store)
    async with process(sandbox, fragile, clock) as reports:
        report = await reports.book.begin(wanted(reports))
        await reports.follow(report, 6, tell_nobody)
        fragile.error = StoreUnusable("The disk is full.", "Make room.")
        with pytest.raises(StoreUnusable):
            await reports.follow(report, 45, tell_nobody)
        fragile.error = None
        found = await to_its_end(reports, report)

    assert whole(found, sandbox)
    assert len(twice(sandbox)) <= IN_FLIGHT


async def test_a_key_that_others_use_up_is_waited_for_as_long_as_the_call_may(
    store: MemoryStore, clock: LoopClock
) -> None:
    sandbox, budget = with_collections(clock, 12), Budget()
    busy = Pacer(budget)
    for _ in range(60):
        async with busy.slot():
            pass
    async with process(sandbox, store, clock, budget) as reports:
        report = await reports.book.begin(wanted(reports))
        begun = anyio.current_time()
        run = await reports.follow(report, 10, tell_nobody)
        assert run.report.offset == 0
        assert anyio.current_time() - begun <= 10

        assert whole(await to_its_end(reports, report), sandbox)
    assert twice(sandbox) == []
