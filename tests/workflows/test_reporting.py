"""Reports cut off anywhere and gone on with: nothing is asked twice, nothing is lost, and every call has its turn."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise

import anyio
import pytest

from flipsnack_mcp.api.errors import FlipsnackError, MaintenanceError, NotAuthorisedError
from flipsnack_mcp.api.upload import ignore
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.begun import Beginner
from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.jobs import BEAT
from flipsnack_mcp.workflows.progress import Tell
from flipsnack_mcp.workflows.reports.figures import Gathered, Numbers
from flipsnack_mcp.workflows.reports.record import CONVERSION, FINAL_KEPT, REPORT, REPORT_KEPT, ReportRecord
from flipsnack_mcp.workflows.reports.report import Period, Report
from flipsnack_mcp.workflows.reports.running import IN_FLIGHT, NO_NUMBERS, NO_VIEWS, SYSTEMATIC, Reports
from tests.api.asking import KEY, SECRET
from tests.in_memory import rows_of
from tests.server.bench import LoopClock
from tests.workflows.running import LASTING, LongWork, Moment, Mortal, Road, Told, unnoticed

STATS, LIST, GET = "collection.getStats", "collection.getList", "collection.getCollection"
CLOSED = Period(date(2026, 8, 1), date(2026, 8, 31))
OPEN = Period(date(2026, 9, 1), date(2026, 9, 20))
NO_NUMBER = '{"code": 20, "data": {"views": "many"}}'


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    """Flipsnack's own limits: whoever breaks them is refused."""
    return with_collections(clock, 12)


def with_collections(clock: LoopClock, count: int) -> Sandbox:
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, account="empty")
    for n in range(count):
        sandbox.account.add(title=f"Offer {n:03}", created_at=clock() - 86_400 * (90 + n))
    return sandbox


@asynccontextmanager
async def process(work: LongWork, store: Store | None = None, moment: Moment = unnoticed) -> AsyncIterator[Reports]:
    """One server process, as far as reports go, on a line on which everything takes a moment."""

    async def slow(here: str) -> None:
        await moment(here)
        await anyio.sleep(0.3 if here == "request" else 0)

    async with work.server(store, Road(moment=slow)) as (flipsnack, jobs):
        reports = Reports(flipsnack, jobs, ReportRecord(jobs.store, "mine"), work.clock)
        jobs.unattended[REPORT] = (reports.carry_out, reports.note_stop)
        yield reports


def wanted(reports: Reports, choice: Choice | None = None, period: Period = CLOSED, *, compare: bool = False) -> Report:
    return Report(report_id="", choice=choice or Choice(), period=period, compare=compare, today=reports.today)


@asynccontextmanager
async def begun(
    work: LongWork, choice: Choice | None = None, period: Period = CLOSED, *, compare: bool = False
) -> AsyncIterator[tuple[Reports, Report]]:
    """A process, and the report that was asked of it."""
    async with process(work) as reports:
        yield reports, await reports.record.begin(wanted(reports, choice, period, compare=compare))


async def follow(reports: Reports, report: Report, seconds: float, tell: Tell = ignore) -> Report:
    """One call that watches, and the report as it is then."""
    await reports.follow(report.report_id, seconds, tell)
    return await reports.record.report(report.report_id) or report


async def to_its_end(reports: Reports, report: Report, seconds: float = 600) -> Gathered:
    """Go on until everything is answered."""
    for _ in range(20):
        report = await follow(reports, report, seconds)
        found = await reports.record.gathered(report)
        if found.is_whole(report):
            return found
    raise AssertionError(report)


def asked(work: LongWork) -> Counter[tuple[str, str]]:
    """How often each collection was asked about each period."""
    found = [one.params for one in work.sandbox.requests if one.action == STATS]
    return Counter((one["collectionHash"], one["startDate"]) for one in found)


def twice(work: LongWork) -> list[tuple[str, str]]:
    return [one for one, times in asked(work).items() if times > 1]


def whole(found: Gathered, work: LongWork) -> bool:
    return {one.target.collection_hash for one in found.lines} == set(
        work.sandbox.account.collections
    ) and not found.failed


@pytest.mark.parametrize("compare", [False, True])
@pytest.mark.parametrize("period", [CLOSED, OPEN], ids=["closed", "open"])
async def test_every_collection_is_asked_once_for_each_period(work: LongWork, period: Period, *, compare: bool) -> None:
    async with begun(work, period=period, compare=compare) as (reports, report):
        found = await to_its_end(reports, report)
    assert whole(found, work)
    assert set(asked(work).values()) == {1}
    assert len(asked(work)) == 12 * (2 if compare else 1)
    assert all((one.previous is not None) is compare for one in found.lines)
    assert sum(one.numbers.views for one in found.lines) > 0


async def test_a_report_over_200_collections_takes_at_most_1_05_s_for_each_call(work: LongWork) -> None:
    work.sandbox = with_collections(work.clock, 200)
    async with process(work) as reports:
        begun = anyio.current_time()
        found = await to_its_end(reports, await reports.record.begin(wanted(reports)))
        seconds = anyio.current_time() - begun
    assert whole(found, work)
    assert len(work.sandbox.requests) == 202
    assert seconds / len(work.sandbox.requests) <= 1.05
    assert all(one.code == 20 for one in work.sandbox.requests)


async def test_what_slides_up_over_the_end_of_a_window_is_counted_too(work: LongWork) -> None:
    work.sandbox = with_collections(work.clock, 130)
    every = [*work.sandbox.account.collections]

    async def deletes_one(here: str) -> None:
        if here == "request" and len(work.sandbox.requests) == 1:  # between the two windows of the list
            work.sandbox.account.collections.pop(every[0], None)

    async with process(work, moment=deletes_one) as reports:
        found = await to_its_end(reports, await reports.record.begin(wanted(reports)))
    assert {one.target.collection_hash for one in found.lines} == set(every[1:])
    assert [one.collection_hash for one, _ in found.failed] == every[:1], "it was still there when the list was begun"


async def test_whose_token_was_taken_back_has_no_report_that_goes_on_but_who_watches_it_has(work: LongWork) -> None:
    may, ben = {"anna", "ben"}, Beginner("Ben", "ben")

    def still_may(principal: str, /, *, destroys: bool = False, reads: bool = False) -> bool:
        return reads and not destroys and principal in may

    async with process(work) as plain:
        reports = replace(plain, still_may=still_may)
        plain.jobs.unattended[REPORT] = (reports.carry_out, reports.note_stop)
        report = await reports.record.begin(wanted(reports), Beginner("Anna", "anna"))
        await reports.follow(report.report_id, 4, ignore)
        may.remove("anna")
        await anyio.sleep(10)
        before = len(work.sandbox.requests)
        assert before < 13
        await anyio.sleep(600)
        assert len(work.sandbox.requests) == before
        await reports.follow(report.report_id, 1, ignore, ben)
        await anyio.sleep(600)  # by itself, as who watched it
        now = await reports.record.report(report.report_id)
        assert now
        assert now.beginner == ben
        assert whole(await reports.record.gathered(now), work)
    assert not twice(work)


async def test_whose_token_was_taken_back_before_the_list_was_read_has_none_of_it_read(work: LongWork) -> None:
    async with process(work) as plain:
        reports = replace(plain, still_may=lambda *_, **__: False)
        plain.jobs.unattended[REPORT] = (reports.carry_out, reports.note_stop)
        report = await reports.record.begin(wanted(reports), Beginner("Anna", "anna"))
        await reports.follow(report.report_id, 1, ignore)
        await anyio.sleep(600)
    assert work.sandbox.requests == []


async def test_a_list_that_is_the_same_from_wherever_it_is_asked_for_ends_the_choosing(work: LongWork) -> None:
    named = [*work.sandbox.account.collections]
    rows = [{"collectionHash": one, "collectionTitle": "Offer", "collectionStatus": "public"} for one in named]
    more = [{**rows[0], "collectionHash": f"h{n:06}", "collectionStatus": "editable"} for n in range(100)]
    body = json.dumps({"code": 20, "data": {"collections": [*rows, *more]}})
    work.sandbox.add_fault(Fault("http", "collection.getList", times=0, http_status=200, body=body))
    async with begun(work) as (reports, report):
        found = await to_its_end(reports, report)
    assert {one.target.collection_hash for one in found.lines} == set(named)


async def test_progress_says_how_many_and_for_how_long(work: LongWork) -> None:
    told = Told()
    async with process(work) as reports:
        await follow(reports, await reports.record.begin(wanted(reports)), 45, told)
    assert told[0] == "report: choosing, 0 collections so far"
    assert told.progress[0].total is None
    assert "report: 3 of 12 collections, about 9 s left" in told
    assert min(later - earlier for earlier, later in pairwise(told.at)) >= 3


@pytest.mark.parametrize(("named", "asks"), [(0, [LIST]), (5, [])], ids=["the list", "of named ones nothing"])
async def test_a_second_report_on_closed_days_asks_for_no_numbers(work: LongWork, named: int, asks: list[str]) -> None:
    choice = Choice(tuple(work.sandbox.account.collections)[:named])
    async with begun(work, choice) as (reports, report):
        first = await to_its_end(reports, report)
    before = len(work.sandbox.requests)
    async with begun(work, choice) as (reports, report):
        again = await to_its_end(reports, report)
    assert before == (named or 12) + 1
    assert [one.action for one in work.sandbox.requests[before:]] == asks
    assert again == first or (named and set(again.lines) == set(first.lines))
    assert all(one.target.title.startswith("Offer") for one in again.lines)


async def test_an_open_period_is_asked_anew_by_every_report(work: LongWork) -> None:
    async with process(work) as reports:
        for _ in range(2):
            await to_its_end(reports, await reports.record.begin(wanted(reports, period=OPEN)))
    assert set(asked(work).values()) == {2}


async def test_closed_periods_are_forgotten_after_a_month_and_reports_after_a_day(work: LongWork) -> None:
    async with begun(work) as (reports, report):
        await to_its_end(reports, report)
        work.clock.advance(REPORT_KEPT)
        assert await reports.record.report(report.report_id) is None
        work.clock.advance(FINAL_KEPT)
        await to_its_end(reports, await reports.record.begin(wanted(reports)))
    assert set(asked(work).values()) == {2}


async def test_a_named_collection_that_the_list_does_not_have_is_told_and_not_asked(work: LongWork) -> None:
    there = next(iter(work.sandbox.account.collections))
    async with begun(work, Choice((there, "gone1234"))) as (reports, report):
        seen = await follow(reports, report, 60)
    assert seen.unlisted == ("gone1234",)
    assert list(asked(work)) == [(there, "2026-08-01")]


async def test_one_account_sees_nothing_of_another(work: LongWork) -> None:
    async with begun(work) as (reports, report):
        other = replace(reports.record, account="theirs")
        assert await reports.record.report(report.report_id) == report
        assert await other.report(report.report_id) is None


@pytest.mark.parametrize("waits", [0, 45], ids=["no call waits", "its call is cancelled"])
async def test_a_report_goes_on_by_itself_when_its_call_has_ended(work: LongWork, waits: float) -> None:
    async with begun(work, compare=True) as (reports, report):
        with anyio.move_on_after(5):
            await follow(reports, report, waits)
        await anyio.sleep(60)
        answered = len(work.sandbox.requests)
        found = await reports.record.gathered(await reports.record.report(report.report_id) or report)
        await follow(reports, report, 45)
    assert whole(found, work)
    assert answered == len(work.sandbox.requests) == 24 + 1


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "ended"])
@pytest.mark.parametrize("period", [CLOSED, OPEN], ids=["closed", "open"])
async def test_the_next_process_asks_only_what_was_on_its_way(work: LongWork, period: Period, *, cleanly: bool) -> None:
    for dies_at in range(0, 60, 4) if cleanly else range(0, 30, 4):
        work.sandbox, work.store = with_collections(work.clock, 4), MemoryStore(work.clock)
        mortal = Mortal(work.store, dies_at=dies_at, cleanly=cleanly, only=() if cleanly else LASTING)
        async with process(work) as reports:
            report = await reports.record.begin(wanted(reports, period=period))
        async with process(work, mortal, moment=mortal.moment) as doomed:
            await mortal.live(partial(follow, doomed, report, 45))
        on_its_way = sum(asked(work).values()) - sum(kind == "report row" for kind, _, _ in rows_of(work.store))
        work.clock.advance(0 if cleanly else DEAD_AFTER + 1)
        async with process(work) as survivor:
            await survivor.jobs.go_on()
            await anyio.sleep(30)
            found = await to_its_end(survivor, report)
        assert whole(found, work), dies_at
        assert len(twice(work)) <= min(on_its_way, IN_FLIGHT), dies_at
        assert max(asked(work).values()) <= 2, dies_at


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
async def test_a_report_that_is_stopped_asks_nothing_any_more(work: LongWork, *, elsewhere: bool) -> None:
    async with process(work) as one, process(work) as other:
        report = await one.record.begin(wanted(one))
        await follow(one, report, 2)
        assert await (other if elsewhere else one).jobs.stop(REPORT, report.report_id)
        await anyio.sleep(BEAT)
        before = len(work.sandbox.requests)
        seen = await follow(other, report, 45)
        found = await one.record.gathered(seen)
    assert seen.stopped
    assert 0 < found.count < 12
    assert len(work.sandbox.requests) == before


async def test_days_before_there_was_a_collection_are_known_without_asking(work: LongWork) -> None:
    day = 86_400
    before, during, after = (
        work.sandbox.account.add(title="x", created_at=work.clock() - age * day) for age in (60, 30, 5)
    )
    choice = Choice((before.hash, during.hash, after.hash))
    async with begun(work, choice, compare=True) as (reports, report):
        found = await to_its_end(reports, report)
    numbers = {one.target.collection_hash: (one.is_new, one.previous) for one in found.lines}
    assert asked(work) == {
        (before.hash, "2026-08-01"): 1,
        (before.hash, "2026-07-01"): 1,
        (during.hash, "2026-08-01"): 1,
    }
    assert numbers[during.hash] == (True, Numbers())
    assert numbers.keys() == {before.hash, during.hash}
    assert not numbers[before.hash][0]


@pytest.mark.parametrize("dies_at", range(1, 31, 4))
async def test_an_audit_is_gone_on_with_after_a_kill_and_looks_at_nothing_twice(work: LongWork, dies_at: int) -> None:
    work.sandbox = with_collections(work.clock, 3)
    for title in "abc":
        work.sandbox.account.add(title=title, status="editable", conversion="failed")
    mortal = Mortal(work.store, dies_at=dies_at, only=LASTING)
    async with process(work) as reports:
        report = await reports.record.begin(wanted(reports).model_copy(update={"draft_days": 30}))
    async with process(work, mortal, moment=mortal.moment) as doomed:
        await mortal.live(partial(follow, doomed, report, 45))
    assert isinstance(work.store, MemoryStore)
    known = {kind: sum(one == kind for one, _, _ in rows_of(work.store)) for kind in ("report row", CONVERSION)}
    on_their_way = [sum(one.action == action for one in work.sandbox.requests) for action in (STATS, GET)]
    work.clock.advance(DEAD_AFTER + 1)
    async with process(work) as survivor:
        await survivor.jobs.go_on()
        found = await to_its_end(survivor, report)
    looks = sum(one.action == GET for one in work.sandbox.requests)
    assert found.conversions == dict.fromkeys(found.conversions, "failed")
    assert (len(found.lines), len(found.conversions)) == (3, 3)
    assert sum(asked(work).values()) == 3 + on_their_way[0] - known["report row"]
    assert looks == 3 + on_their_way[1] - known[CONVERSION]


async def test_another_process_watches_and_is_told_what_it_finds(work: LongWork) -> None:
    told = Told()
    async with process(work) as one, process(work) as other:
        report = await one.record.begin(wanted(one, compare=True))
        await follow(one, report, 0)
        await follow(other, report, 45, told)
        found = await other.record.gathered(await other.record.report(report.report_id) or report)
    assert whole(found, work)
    assert len(work.sandbox.requests) == 24 + 1
    assert any(message.startswith("report: ") and message.endswith("s left") for message in told)


async def test_a_collection_that_is_gone_is_listed_and_the_rest_is_counted(work: LongWork) -> None:
    gone = list(work.sandbox.account.collections)[:7]
    async with begun(work) as (reports, report):
        await follow(reports, report, 1.5)
        for one in gone:
            work.sandbox.account.delete(one)
        found = await to_its_end(reports, report)
    failed = {one.collection_hash for one, _ in found.failed}
    assert failed <= set(gone)
    assert len(failed) == 12 - len(found.lines) >= 5
    (why,) = {why for _, why in found.failed}
    assert why == NO_NUMBERS.format('Flipsnack refused with code 43 "Forbidden".')
    assert twice(work) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("code", STATS, code=40, message="Bad request"), 'Flipsnack refused with code 40 "Bad request".'),
        (Fault("http", STATS, http_status=200, body=NO_NUMBER), NO_VIEWS),
    ],
)
async def test_a_failure_belongs_to_its_report_and_the_next_asks_again(work: LongWork, fault: Fault, says: str) -> None:
    work.sandbox.add_fault(fault)
    async with begun(work) as (reports, report):
        first = await to_its_end(reports, report)
        again = await to_its_end(reports, await reports.record.begin(wanted(reports)))
    assert [why for _, why in first.failed] == [says]
    assert whole(again, work)


async def test_what_flipsnack_does_not_tell_of_many_ends_no_report(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("http", STATS, times=SYSTEMATIC + 2, http_status=200, body=NO_NUMBER))
    async with begun(work) as (reports, report):
        found = await to_its_end(reports, report)
    assert [why for _, why in found.failed] == [NO_VIEWS] * (SYSTEMATIC + 2)
    assert len(found.lines) == 12 - len(found.failed)


async def test_many_failures_in_a_row_end_the_report_and_are_asked_again(work: LongWork) -> None:
    async with begun(work) as (reports, report):
        await follow(reports, report, 5.5)
        work.sandbox.add_fault(Fault("code", STATS, code=40, times=0))
        with pytest.raises(FlipsnackError, match="code 40"):
            await follow(reports, report, 45)
        refused = len(work.sandbox.requests) - len(work.sandbox.carried_out(STATS)) - 1
        work.sandbox.clear_faults()
        found = await to_its_end(reports, report)
    assert SYSTEMATIC <= refused <= SYSTEMATIC + IN_FLIGHT
    assert whole(found, work)
    assert Counter(one.params["collectionHash"] for one in work.sandbox.carried_out(STATS)).most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("count", "fault", "error"),
    [
        pytest.param(1, Fault("maintenance", STATS, times=0), MaintenanceError, id="of one"),
        pytest.param(3, Fault("maintenance", STATS, times=0), MaintenanceError, id="of three"),
        pytest.param(12, Fault("maintenance", LIST, times=0), MaintenanceError, id="no list"),
        pytest.param(12, Fault("code", STATS, code=41, times=0), NotAuthorisedError, id="wrong credentials, at once"),
    ],
)
async def test_a_report_of_nothing_fails(work: LongWork, count: int, fault: Fault, error: type[FlipsnackError]) -> None:
    work.sandbox = with_collections(work.clock, count)
    async with begun(work) as (reports, report):
        work.sandbox.add_fault(fault)
        with pytest.raises(error):
            await follow(reports, report, 45)
        work.sandbox.clear_faults()
        assert error is MaintenanceError or sum(asked(work).values()) <= IN_FLIGHT
        assert whole(await to_its_end(reports, report), work)


async def test_a_collection_that_always_fails_is_told_in_a_report_that_began_well(work: LongWork) -> None:
    async with begun(work) as (reports, report):
        seen = await follow(reports, report, 12.5)
        assert len((await reports.record.gathered(seen)).lines) in range(9, 12)
        work.sandbox.add_fault(Fault("garbled", STATS, times=0))
        found = await to_its_end(reports, report)
    assert len(found.lines) + len(found.failed) == 12
    assert 1 <= len(found.failed) <= 3


async def test_trouble_is_told(work: LongWork) -> None:
    told = Told()
    work.sandbox.add_fault(Fault("maintenance", STATS, times=6))
    async with process(work) as reports:
        await follow(reports, await reports.record.begin(wanted(reports)), 45, told)
    assert any(message.endswith("; Flipsnack did not answer as it should") for message in told)
    assert told[-1].endswith(" s left")


async def test_that_somebody_else_uses_the_key_is_told_while_all_wait_for_it(work: LongWork) -> None:
    told = Told()
    work.sandbox.add_fault(Fault("code", STATS, code=32, message="Requests per minute limit exceeded", times=2))
    async with process(work) as reports:
        await follow(reports, await reports.record.begin(wanted(reports)), 45, told)
    assert {message.partition("; ")[2] for message in told} == {"", "another program uses the same key"}


async def test_a_key_that_others_use_up_is_waited_for_and_that_is_told(work: LongWork) -> None:
    told = Told()
    async with begun(work) as (reports, report):
        await follow(reports, report, 3)
        await reports.flipsnack._pacer.pause(200)
        await follow(reports, report, 240, told)
        found = await to_its_end(reports, report)
    assert whole(found, work)
    assert twice(work) == []
    assert any("request budget of the key" in message for message in told), told
