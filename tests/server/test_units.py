"""No bare number: what a figure counts is seen beside it, whatever tool it comes from."""

import re
from typing import Any

import pytest

from flipsnack_mcp.server.wording import as_text_lines
from tests.server.bench import Bench, tokens
from tests.server.revisions import newer

mode = newer


SAID: list[tuple[dict[str, Any], str]] = [
    ({"time_spent": 0}, "time_spent: 0 s"),
    ({"time_spent": 59}, "time_spent: 59 s"),
    ({"time_spent": 60}, "time_spent: 60 s (1 min)"),
    ({"time_spent": 4156}, "time_spent: 4156 s (1 h 9 min)"),
    ({"average_time": 17.25}, "average_time: 17.25 s"),
    ({"seconds_left": 420.0}, "seconds_left: 420.0 s (7 min)"),
    ({"bytes": 23215}, "bytes: 23215 bytes (22.7 KB)"),
    ({"bytes": 104_857_600}, "bytes: 104857600 bytes (100.0 MB)"),
    ({"width": 650, "height": 385}, "width: 650 px\nheight: 385 px"),
    ({"views": 4156, "downloads": 0}, "views: 4156\ndownloads: 0"),
    ({"change": {"views": -3.4, "time_spent": 12.0}}, "change: views -3.4 %, time_spent +12.0 %"),
    (
        {"totals": {"views": 3, "time_spent": 3600, "previous_time_spent": 60, "previous_average_time": 1.5}},
        "totals: views 3, time_spent 3600 s (1 h), previous_time_spent 60 s (1 min), previous_average_time 1.5 s",
    ),
    (
        {"winners": [{"title": "A", "time_spent": 90, "change": {"views": 5.0}}, {"title": "B", "change": -7.5}]},
        'winners:\n| title | time_spent | change |\n|---|---|---|\n| "A" | 90 s (1 min 30 s) | views +5.0 % |\n| "B" |  | -7.5 % |',
    ),
    (
        {"pages": [{"page": 1, "time_spent": 750_000}, {"page": 2, "time_spent": 250_000}, {"page": 3}]},
        "pages:\n| page | time_spent |\n|---|---|\n| 1 | 75.0 % |\n| 2 | 25.0 % |\n| 3 |  |",
    ),
    ({"pages": [{"page": 1, "time_spent": 0}]}, "pages:\n| page | time_spent |\n|---|---|\n| 1 | 0 % |"),
    ({"extra": {"width": "650", "bytes": "7"}}, 'extra:\n  "width": "650"\n  "bytes": "7"'),
]


@pytest.mark.parametrize(("data", "text"), SAID)
def test_a_number_is_told_with_what_it_counts(data: dict[str, Any], text: str) -> None:
    assert as_text_lines(data) == text


async def test_times_of_pages_are_shares_of_their_own_total_and_the_answer_says_why(bench: Bench) -> None:
    wanted = bench.sandbox.account.add(title="Thin", pages=12, created_at=bench.clock() - 40 * 86400)
    said = await bench.call("get_collection_stats", collection_hash=wanted.hash, include_page_stats=True)
    shares = [float(one) for one in re.findall(r"\| ([\d.]+) % \|", said.text)]
    assert (len(shares), len(said.data["pages"])) == (12, 12)
    assert sum(shares) == pytest.approx(100, abs=1)
    assert "not documented" in said.data["note"]
    assert said.data["note"] in said.text
    assert all(str(one["time_spent"]) not in said.text for one in said.data["pages"] if one["time_spent"])


@pytest.mark.parametrize("pages", [61, 220, 1000])
async def test_the_pages_of_a_long_document_are_added_up_in_groups(bench: Bench, pages: int) -> None:
    wanted = bench.sandbox.account.add(title="Thick", pages=pages, created_at=bench.clock() - 40 * 86400)
    every: list[dict[str, int]] = [{"page": n, "views": 2000 - n, "time_spent": 7} for n in range(1, pages + 1)]
    bench.answers("collection.getStats", {"views": 1999, "time_spent": 5, "pages": every})
    said = await bench.call("get_collection_stats", collection_hash=wanted.hash, include_page_stats=True)
    rows = said.data["pages"]
    assert (rows[0]["page"], rows[-1]["to_page"]) == (1, pages)
    assert [one["page"] for one in rows[1:]] == [one["to_page"] + 1 for one in rows[:-1]]
    assert sum(one["views"] for one in rows) == sum(one["views"] for one in every)
    assert sum(one["time_spent"] for one in rows) == 7 * pages
    assert all("clicks" not in one for one in rows)
    assert "1, 2, 3, 4, 5" in said.data["note"]
    assert tokens(said.text) < 700


async def test_of_many_pages_only_those_with_views_are_said_to_have_the_most(bench: Bench) -> None:
    wanted = bench.sandbox.account.add(title="Thick", pages=61, created_at=bench.clock() - 40 * 86400)
    for views, said_most in ({7: 3}, "Those with the most views: 7."), ({}, ""):
        every = [{"page": n, "views": views.get(n, 0)} for n in range(1, 62)]
        bench.answers("collection.getStats", {"views": 3, "pages": every})
        note = (await bench.call("get_collection_stats", collection_hash=wanted.hash, include_page_stats=True)).data[
            "note"
        ]
        assert ("most views" in note, said_most in note) == (bool(said_most), True)


async def test_pages_that_come_in_another_order_are_added_up_in_theirs(bench: Bench) -> None:
    shuffled = [{"page": page, "views": page} for page in (*range(100, 0, -2), *range(1, 101, 2))]
    bench.answers(
        "collection.getStats", {"impressions": 1, "views": 1, "time_spent": 1, "downloads": 1, "pages": shuffled}
    )
    rows = (await bench.call("get_collection_stats", collection_hash=bench.collection().hash)).data["pages"]
    assert [(one["page"], one["to_page"], one["views"]) for one in rows[:2]] == [(1, 5, 15), (6, 10, 40)]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"impressions": 3, "views": 2, "time_spent": 5, "downloads": None}, "so not known: downloads."),
        ([], "so not known: impressions; views; time_spent; downloads; pages."),
    ],
)
async def test_numbers_that_flipsnack_does_not_tell_are_named(bench: Bench, numbers: object, said: str) -> None:
    bench.answers("collection.getStats", numbers)
    wanted = {"collection_hash": bench.collection().hash, "include_page_stats": numbers == []}
    assert (await bench.call("get_collection_stats", **wanted)).data["note"].endswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start_date": "2026-01-05", "end_date": "2026-01-11"}, "Counted from 2026-01-05 to 2026-01-11, both days"),
        ({"start_date": "2026-01-05"}, "From 2026-01-05; the last day is Flipsnack's own default"),
        ({"end_date": "2026-01-11"}, "Until 2026-01-11; the first day is Flipsnack's own default"),
        ({}, "No days were given"),
    ],
)
async def test_numbers_say_which_days_they_count_and_nothing_of_pages_that_were_not_asked_for(
    bench: Bench, given: dict[str, str], said: str
) -> None:
    answer = await bench.call("get_collection_stats", collection_hash=bench.collection().hash, **given)
    assert answer.data["note"].startswith(said)
    assert answer.data["note"] in answer.text
    assert "pages" not in answer.data
    assert "time_spent" not in answer.data["note"]


def test_the_columns_of_a_table_stand_as_a_row_has_them_whatever_the_first_one_lacks() -> None:
    draft = {"collection_hash": "a", "status": "editable", "created_date": "2026-08-23"}
    whole = {"collection_hash": "b", "title": "B", "status": "public", "publish_date": "2026-02-18"}
    head, *_ = as_text_lines({"collections": [draft, whole]}).splitlines()[1:]
    assert head == "| collection_hash | title | status | publish_date | created_date |"
