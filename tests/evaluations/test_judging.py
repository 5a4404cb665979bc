"""Whatever else is changed, written, saved, asked or spent beside what a job wants is noticed."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluations.ending import UnfitJobError
from evaluations.filling import day_named, filled, learned
from evaluations.job import Becomes, Change, Job
from evaluations.judging import judged
from evaluations.record import Called, Run
from evaluations.scene import Flipbook, Moment
from flipsnack_mcp.sandbox.transcript import Arrived

RENAMED = Flipbook("i1", "h1", "Old", "public", "", 650, 385, ("d1",), "", "", 1000.0)
OTHER = Flipbook("i2", "h2", "Other", "public", "Words", 650, 385, ("d2", "d3"), "logo", "ground", 2000.0)
JOB = Job(name="rename", asked="", calls=1, tokens=10, changes=(Change(title="Old", becomes=Becomes(title="New")),))
START = Moment((RENAMED, OTHER), 9000.0)


def at_the_end(*flipbooks: Flipbook) -> Moment:
    return Moment(flipbooks, 9100.0)


def writing(action: str, **params: str) -> Arrived:
    return Arrived(1, 9050.0, "api", "GET", action, params, code=20, executed=True)


NEW = replace(RENAMED, title="New")
RUN = Run(
    START,
    at_the_end(NEW, OTHER),
    [writing("collection.getList"), writing("collection.update", collectionHash="h1", title="New")],
    saved={},
    calls=[Called("update_collection", {}, "done")],
    forms=0,
    said="Done.",
    uploads=Path("uploads"),
)


def end(*flipbooks: Flipbook) -> Run:
    return replace(RUN, end=at_the_end(*flipbooks))


def other(**changed: Any) -> Run:
    return end(NEW, replace(OTHER, **changed))


def asked(action: str, **params: str) -> Run:
    return replace(RUN, requests=[*RUN.requests, writing(action, **params)])


def test_a_run_that_did_just_what_was_wanted_is_right_also_under_a_new_hash() -> None:
    assert judged(JOB, RUN) == []
    assert judged(JOB, end(replace(NEW, hash="h9"), OTHER)) == []


MISTAKES = {
    "nothing done": end(RENAMED, OTHER),
    "more done to it": end(replace(NEW, status="unlisted"), OTHER),
    "the other gone": end(NEW),
    "it is gone": end(OTHER),
    "both gone": end(),
    "the other renamed": other(title="New"),
    "the other offline": other(status="editable"),
    "the other's words gone": other(description=None),
    "the other wider": other(width=651),
    "the other lower": other(height=1),
    "the other's document gone": other(documents=("d2",)),
    "the other's documents in another order": other(documents=("d3", "d2")),
    "the other's logo gone": other(logo=""),
    "the other's background": other(background="another"),
    "one more made": end(NEW, OTHER, replace(OTHER, identity="i3", hash="h3")),
    "the other written as it was": asked("collection.update", collectionHash="h2", title="Other"),
    "an upload that left nothing": asked("collection.create"),
    "a document for the other": asked("flipbook.add", collectionHash="h2"),
    "a file saved": replace(RUN, saved={"report.csv": b""}),
    "the person asked": replace(RUN, forms=1),
    "ended badly": replace(RUN, status=1),
    "nothing said": replace(RUN, said=" \n"),
    "too many calls": replace(RUN, calls=[*RUN.calls, *RUN.calls]),
    "too many tokens": replace(RUN, calls=[Called("update_collection", {}, "word " * 11)]),
}


@pytest.mark.parametrize("run", MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_beside_the_job_is_noticed(run: Run) -> None:
    assert judged(JOB, run)


def test_a_request_that_was_refused_has_changed_nothing() -> None:
    refused = replace(writing("collection.deleteCollection", collectionHash="h2"), code=22, executed=False)
    assert judged(JOB, replace(RUN, requests=[*RUN.requests, refused])) == []


@pytest.mark.parametrize("number", [0, 2])
def test_a_job_that_does_not_fit_its_account_is_no_fault_of_the_assistants(number: int) -> None:
    unfit = JOB.model_copy(update={"changes": (Change(title="Old", number=number),)})
    with pytest.raises(UnfitJobError):
        judged(unfit, RUN)


@pytest.mark.parametrize(
    ("wanted", "said", "right"),
    [
        ("1605", "It had 1,605 views.", True), ("1605", "1.605 Aufrufe", True), ("1605", "1\u202f605 vues", True),
        ("1605", "11,605 views", False), ("1605", "1605.", True), ("160", "It had 1605 views.", False),
        ("fail|could not", "It COULD NOT be converted", True), ("fail|could not", "It was converted", False),
    ],
)  # fmt: skip
def test_figures_are_found_however_they_are_written_and_words_in_any_case(
    wanted: str, said: str, *, right: bool
) -> None:
    job = JOB.model_copy(update={"says": (wanted,)})
    assert (judged(job, replace(RUN, said=said)) == []) == right


def test_gaps_are_filled_with_days_and_values_and_learned_back_from_the_prompt() -> None:
    known = {"plan_id": "p1", "day -1": "2026-11-29"}.__getitem__
    asked = "Go on with <plan_id> until <day -1>."
    assert filled([{"a": "<plan_id>"}, asked], known) == [{"a": "p1"}, "Go on with p1 until 2026-11-29."]
    assert learned(asked, filled(asked, known)) == {"plan_id": "p1", "day -1": "2026-11-29"}
    days = ("day -1", "monday -1", "sunday -1", "monday 0")
    assert [day_named(one, date(2026, 11, 30)) for one in days] == [
        "2026-11-29",
        "2026-11-23",
        "2026-11-29",
        "2026-11-30",
    ]
