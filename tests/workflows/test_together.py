"""Reports of several accounts side by side: how far they are together, and what has become of the whole."""

from dataclasses import replace
from datetime import date

import anyio
import pytest

from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.progress import PAUSE_OF_NEWS, Progress, report_at, reports_at
from flipsnack_mcp.workflows.reports.figures import Gathered, Line, Numbers
from flipsnack_mcp.workflows.reports.report import Period, Report, ReportedCollection
from flipsnack_mcp.workflows.reports.together import (
    JointReport,
    Part,
    SideBySide,
    Together,
    begin_joint,
    joint_report,
)
from tests.server.bench import LoopClock
from tests.workflows.running import Told

AUGUST = Period(date(2026, 8, 1), date(2026, 8, 31))
REPORT = Report(report_id="abcd1234", choice=Choice(), period=AUGUST, today=date(2026, 9, 21))
TWO = tuple(ReportedCollection(collection_hash=one, title=one.upper()) for one in "ab")
OUTAGE = FlipsnackError("Flipsnack is down.", "Wait.")

SEEN: dict[str, tuple[list[Progress], str]] = {
    "all at work": (
        [report_at(3, 10, 7, ""), report_at(1, 60, 61, ""), report_at(30, 30, 0, "")],
        "report: 34 of 100 collections in 3 accounts, about 1 min 1 s left",
    ),
    "the slowest delayed": (
        [report_at(9, 10, 90, "another program uses the same key"), report_at(1, 60, 61, "")],
        "report: 10 of 70 collections in 2 accounts, about 1 min 30 s left; another program uses the same key",
    ),
    "another one delayed": (
        [report_at(9, 10, 9, "another program uses the same key"), report_at(1, 60, 61, "")],
        "report: 10 of 70 collections in 2 accounts, about 1 min 1 s left",
    ),
    "all choosing": ([Progress(), Progress(message="report: choosing, 0")], "report: choosing in 2 accounts"),
    "one still choosing": (
        [Progress(message="report: choosing, 100 collections so far"), report_at(5, 10, 5, "")],
        "report: choosing in 1 of 2 accounts, 5 of 10 collections done in the others",
    ),
}


@pytest.mark.parametrize("seen", SEEN)
def test_the_slowest_says_for_how_long_and_all_count(seen: str) -> None:
    every, message = SEEN[seen]
    assert reports_at(every).message == message


async def test_news_of_all_are_told_as_one_without_those_that_have_ended_or_given_up() -> None:
    told = Told()
    watching = SideBySide.of(["de", "fr", "uk"], told)
    for name in ("de", "fr", "uk"):
        await watching.told_by(name)(report_at(0, 10, 10, ""))
    watching.ended("de", 12)
    watching.gave_up("fr")
    await anyio.sleep(PAUSE_OF_NEWS)
    await watching.told_by("uk")(report_at(4, 10, 6, ""))
    assert told == [
        "report: choosing in 2 of 3 accounts, 0 of 10 collections done in the others",
        "report: 16 of 22 collections in 2 accounts, about 6 s left",
    ]


def part(count: int, error: FlipsnackError | None = None, offset: int | None = None) -> Part:
    """What an account of two collections brings, of which so many were counted."""
    lines = tuple(Line(one, Numbers(views=5)) for one in TWO[:count])
    return Part(
        "de", REPORT.model_copy(update={"targets": TWO, "offset": offset}), Gathered(lines, ()), Progress(), error
    )


STATES = {
    "whole": (part(2), {}, "complete"),
    "whole, though it cannot be asked any more": (part(2, OUTAGE), {}, "complete"),
    "at work": (part(1), {}, "running"),
    "choosing": (part(2, offset=100), {}, "running"),
    "given up": (part(1, OUTAGE), {}, "failed"),
    "whole without one": (part(2), {"fr": "no key"}, "failed"),
    "at work without one": (part(1), {"fr": "no key"}, "running"),
}


@pytest.mark.parametrize("of", STATES)
def test_it_is_complete_only_where_every_account_is(of: str) -> None:
    one, without, state = STATES[of]
    joint = JointReport.model_validate({**REPORT.model_dump(), "parts": {}, "without": without})
    together = Together(joint, (replace(part(2), account="uk"), one))
    assert together.state == state
    assert together.failures.keys() == ({"de"} if one.state == "failed" else set()) | without.keys()
    assert [line.account for line in together.lines[:2]] == ["uk", "uk"]


async def test_what_belongs_together_is_kept_under_an_id_of_its_own(clock: LoopClock) -> None:
    store = MemoryStore(clock)
    parts = {"de's": "abcd1234", "fr's": "abcd5678"}
    begun = await begin_joint(store, REPORT, parts, {"uk": "no key"})
    found = await joint_report(store, begun.report_id)
    assert found == begun
    assert (found.parts, found.without, found.period) == (parts, {"uk": "no key"}, AUGUST)
    assert begun.report_id not in {REPORT.report_id, *parts.values()}
    assert await joint_report(store, "abcd1234") is None
