"""Sums, ranking and changes, and the days of a period."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis.strategies import builds, integers, lists, sampled_from, text

from flipsnack_mcp.api.actions.statistics import CollectionStats
from flipsnack_mcp.workflows.reports.figures import Line, Numbers, growth, ranked, tallied
from flipsnack_mcp.workflows.reports.report import Measure, Period, ReportedCollection, last_full_days

MEASURES: tuple[Measure, ...] = ("views", "impressions", "time_spent", "downloads")
counts = integers(0, 10**6)
numbers = builds(Numbers, counts, counts, counts, counts)
lines = lists(
    builds(
        Line, builds(ReportedCollection, collection_hash=text(min_size=1, max_size=8), title=text(max_size=8)), numbers
    ),
    max_size=12,
    unique_by=lambda one: one.target.collection_hash,
)


def line(name: str, views: int = 0, *, previous: int | None = None, **more: int) -> Line:
    earlier = None if previous is None else Numbers(views=previous)
    return Line(ReportedCollection(collection_hash=name, title=name.title()), Numbers(views=views, **more), earlier)


@settings(max_examples=50)
@given(lines, sampled_from(MEASURES), integers(1, 8), integers(1, 8))
def test_totals_are_of_all_lines_and_ranks_in_order(some: list[Line], sort_by: Measure, best: int, worst: int) -> None:
    tally = tallied(some, sort_by, best, worst)
    assert tally.counted == len(some)
    for measure in ("views", "time_spent"):
        assert getattr(tally.totals, measure) == sum(getattr(one.numbers, measure) for one in some)
    ranked = sorted((getattr(one.numbers, sort_by) for one in some), reverse=True)
    assert [getattr(one.numbers, sort_by) for one in tally.best] == ranked[:best]
    assert len(tally.worst) == min(worst, max(0, len(some) - best))
    assert len(tally.unread) == sum(one.numbers.views == 0 for one in some)
    assert tallied(some[::-1], sort_by, best, worst) == tally


def test_the_least_come_first_among_the_last_and_none_of_them_is_among_the_best() -> None:
    tally = tallied([line(name, views) for views, name in enumerate("abcde")], "views", 3, 5)
    assert [one.target.collection_hash for one in tally.best] == ["e", "d", "c"]
    assert [one.target.collection_hash for one in tally.worst] == ["a", "b"]


def test_drafts_count_and_are_in_no_rank_unless_there_is_nothing_else() -> None:
    online = [line("a", 5, previous=1), line("b", 0, previous=9)]
    drafts = [
        replace(one, target=one.target.model_copy(update={"status": "editable"}))
        for one in (line("c", 9, previous=1), line("d", 0, previous=1))
    ]
    both, alone = tallied([*online, *drafts], "views", 9, 9), tallied(drafts, "views", 1, 9)
    assert (both.counted, both.totals.views) == (4, 14)
    assert {one.target.collection_hash for one in (*both.best, *both.winners, *both.losers, *both.unread)} == {"a", "b"}
    assert [one.target.collection_hash for one in both.drafts] == ["c", "d"]
    assert [one.target.collection_hash for one in (*alone.best, *alone.worst)] == ["c", "d"]
    assert alone.drafts == ()


def test_what_is_new_has_neither_risen_nor_fallen() -> None:
    new, same = replace(line("a", 5, previous=0), is_new=True), line("b", 3, previous=3)
    tally = tallied([new, same, line("c", 3, previous=9), line("d", 3, previous=2)], "views", 9, 9)
    assert [one.target.collection_hash for one in tally.winners] == ["d"]
    assert [one.target.collection_hash for one in tally.losers] == ["c"]


def test_the_average_is_seconds_for_each_view_of_all_collections_together() -> None:
    tally = tallied([line("a", 1, time_spent=100), line("b", 3, time_spent=20)], "views", 5, 5)
    assert tally.totals.average_time == 30.0
    assert Numbers(time_spent=5).average_time == 0.0


def test_the_period_before_is_added_up_over_the_same_collections() -> None:
    both = tallied([line("a", 5, previous=4), line("b", 5, previous=6)], "views", 5, 5)
    one = tallied([line("a", 5, previous=4), line("b", 5)], "views", 5, 5)
    assert both.previous == Numbers(views=10)
    assert one.previous is None


def test_a_change_is_in_percent_and_from_nothing_there_is_none() -> None:
    now, before = Numbers(views=150, impressions=50, downloads=3), Numbers(views=100, impressions=200)
    assert growth(now, before) == {"views": 50.0, "impressions": -75.0}


def test_without_views_nothing_is_said_and_a_missing_number_stays_missing() -> None:
    assert Numbers.of(CollectionStats(views=3)) == Numbers(None, 3, None, None)
    assert Numbers.of(CollectionStats()) is None
    assert Numbers.of(CollectionStats(impressions=0, views=0, time_spent=0, downloads=0)) == Numbers()
    assert Numbers.of(CollectionStats(impressions=723, time_spent=53)) is None


def test_a_number_that_is_not_known_is_in_no_sum_no_order_and_no_change() -> None:
    told, untold = line("a", 5, previous=3), replace(line("b", 9, previous=3), numbers=Numbers(1, 9, None, None))
    once = replace(line("c", 1), previous=Numbers(downloads=None))
    tally = tallied([untold, told, once], "downloads", 5, 5)
    assert tally.totals == Numbers(1, 15, None, None)
    assert (tally.totals.average_time, untold.numbers.average_time) == (None, None)
    assert tally.unknown == {"time_spent": 1, "downloads": 1, "previous_downloads": 1}
    assert tally.known == {"time_spent": 0, "downloads": 0, "previous_downloads": 0}, "what the others come to"
    assert tallied([untold], "views", 1, 1).known == {}
    assert [one.target.collection_hash for one in tally.best] == ["a", "c"]
    assert [one.rise("downloads") for one in (told, untold, once)] == [0, 0, 0]
    assert tally.previous
    assert growth(tally.totals, tally.previous) == {"views": 150.0}
    assert ranked([untold, told, once], "downloads")[-1] == untold


TODAY = date(2026, 9, 21)


def test_the_usual_period_is_thirty_full_days() -> None:
    period = last_full_days(TODAY)
    assert str(period) == "2026-08-22 to 2026-09-20"
    assert (period.end - period.start).days + 1 == 30


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    assert str(Period(date(2026, 3, 1), date(2026, 3, 31)).before) == "2026-01-29 to 2026-02-28"
    assert str(Period(date(2026, 3, 1), date(2026, 3, 1)).before) == "2026-02-28 to 2026-02-28"


@pytest.mark.parametrize(("end", "closed"), [(18, True), (19, True), (20, False), (21, False), (25, False)])
def test_a_period_is_closed_a_day_after_its_last_one(end: int, *, closed: bool) -> None:
    assert Period(date(2026, 9, 1), date(2026, 9, end)).closed(TODAY) is closed
