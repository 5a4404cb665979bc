"""What an audit takes for nearly the same title, and what for a series."""

from datetime import date

import pytest

from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.reports.auditing import as_title, can_be_audited, duplicates_among, findings_of
from flipsnack_mcp.workflows.reports.figures import Gathered, Line, Numbers
from flipsnack_mcp.workflows.reports.report import Period, Report, ReportedCollection

SAME = [
    ("Kitchen brochure", "KITCHEN BROCHURE"),
    ("Kitchen brochure", "Kitchen-brochure "),
    ("Kitchen brochure", "Kitchenbrochure"),
    ("Été & jardin \N{EN DASH} catalogue 2026", "ete jardin catalogue 2026"),
    ("Katalog Küche", "Katalog Ku\u0308che"),
    ("Price list (2025)", "price list: 2025"),
    ("Offers 2026-09-01", "Offers 2026/09/01"),
    ("秋季目录 2026", "秋季目录２０２６"),
    ("Straße", "STRASSE"),
    ("!!!", "!!!"),
]
APART = [
    ("Weekly offers, Week 38", "Weekly offers, Week 39"),
    ("Summer sale 2025, store 001", "Summer sale 2025, store 002"),
    ("Vol. 1.5", "Vol. 15"),
    ("Edition 1 2", "Edition 12"),
    ("Scan 0001", "Scan 0010"),
    ("Offers 1 September", "Offers 2 September"),
    ("Format ½", "Format 12"),
    ("m²", "m³"),
    ("かき", "がき"),
    ("दिन", "दान"),
    ("Sale 🎄", "Sale 🎁"),
    ("!!!", "???"),
    ("Spring catalogue", "Summer catalogue"),
]
AUGUST = Period(date(2026, 8, 1), date(2026, 8, 31))


def of(name: str, title: str = "Offers", **more: object) -> ReportedCollection:
    known = {"collection_hash": name, "title": title, "status": "public", "created_date": "2026-05-01 10:00:00"}
    return ReportedCollection.model_validate(known | more)


def audit(*targets: ReportedCollection, draft_days: int = 30) -> Report:
    return Report(
        report_id="r", choice=Choice(), period=AUGUST, today=date(2026, 9, 21), targets=targets, draft_days=draft_days
    )


@pytest.mark.parametrize(("one", "other"), SAME)
def test_case_accents_spaces_and_punctuation_make_no_other_title(one: str, other: str) -> None:
    assert as_title(one) == as_title(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_another_number_letter_or_picture_makes_another_title(one: str, other: str) -> None:
    assert as_title(one) != as_title(other)


def test_duplicates_stand_beside_each_other_and_a_series_and_empty_titles_are_none() -> None:
    titles = ["Menu", "Week 1", "menu!", "", "Week 2", "", "Price list", "MENU", "price-list"]
    found = duplicates_among(tuple(of(str(n), title) for n, title in enumerate(titles)))
    assert [one.title for one in found] == ["Menu", "menu!", "MENU", "Price list", "price-list"]


def test_a_draft_is_old_when_it_has_been_there_for_more_days() -> None:
    days = ["2026-08-21", "2026-08-22", "2026-09-20", "", "never"]
    every = [of(str(n), str(n), status="editable", created_date=day) for n, day in enumerate(days)]
    assert [one.created_date for one in findings_of(audit(*every), Gathered()).old_drafts] == ["2026-08-21"]


def test_only_what_is_published_counts_as_unread() -> None:
    read, unread, draft = of("a"), of("b"), of("c", status="editable")
    lines = (Line(read, Numbers(views=1)), Line(unread, Numbers(impressions=9)), Line(draft, Numbers()))
    assert findings_of(audit(read, unread, draft), Gathered(lines)).unread == (unread,)


@pytest.mark.parametrize("conversion", ["complete", "processing", "failed", "unknown"])
def test_only_a_conversion_that_was_seen_to_have_failed_counts_as_failed(conversion: str) -> None:
    one, other = of("a", has_cover=False), of("b", has_cover=False)
    found = findings_of(audit(one, other), Gathered((), (), {"a": conversion}))
    assert found.failed == ((one,) if conversion == "failed" else ())
    assert found.unclear == ((one, other) if conversion == "unknown" else (other,))


def test_a_report_over_some_or_of_an_older_version_is_no_audit() -> None:
    assert can_be_audited(audit(of("a")))
    assert not can_be_audited(audit(of("a", status="")))
    assert not can_be_audited(audit(of("a")).model_copy(update={"choice": Choice(query="offer")}))
