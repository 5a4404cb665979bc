"""What an entry of the history stands for, what of that can be put back, and why the rest cannot."""

from typing import Any

import pytest

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.workflows.history import Event
from flipsnack_mcp.workflows.plans import undoing
from flipsnack_mcp.workflows.plans.drafts import LONGEST_TITLE
from flipsnack_mcp.workflows.plans.undoing import draft_undoing, undone_by, why_not

WAS = {"title": "Summer", "description": "All of it", "status": "public", "width": 600, "height": 800}


def entry(number: int, decision: str, **more: Any) -> Event:
    known = {"number": number, "decision": decision, "at": 0.0, "account": "mine", "tool": "update_collection"}
    return Event.model_validate({**known, "target": "abc", **more})


def change(*ends: Event, before: dict[str, Any] = WAS, number: int = 1, **more: Any) -> list[Event]:
    """One change as it is on record: how it was, and how it ended."""
    return [entry(number, "allowed", before=before, **more), *ends]


def done(number: int = 2, of: int = 1, **after: Any) -> Event:
    return entry(number, "done", of=of, after=after)


REASONS = {
    "a new title": (change(done(title="Autumn")), ""),
    "only settings": (change(done(collection_hash="abc")), undoing.NOT_CHANGED),
    "a title of which nobody knows how it was": (change(done(title="Autumn"), before={}), undoing.NOT_AS_BEFORE),
    "a status that cannot be given": (
        change(done(status="public"), before={"status": "hidden"}),
        undoing.NOT_AS_BEFORE,
    ),
    "a failure": (change(entry(2, "failed", of=1)), undoing.NOT_MADE),
    "a lost answer": (change(entry(2, "unclear", of=1)), undoing.UNCLEAR),
    "no end": (change(), undoing.UNKNOWN_END),
    "a refusal": ([entry(1, "refused")], undoing.REFUSED),
    "a deletion": (change(done(), tool="delete_collection"), undoing.DELETED),
    "a deletion that failed": (change(entry(2, "failed", of=1), tool="delete_collection"), undoing.NOT_MADE),
    "a deletion whose answer was lost": (change(entry(2, "unclear", of=1), tool="delete_collection"), undoing.DELETED),
    "a deletion that was not begun": ([entry(1, "failed", tool="delete_collections")], undoing.NOT_MADE),
    "a logo that was not set": (change(entry(2, "failed", of=1), tool="set_logo"), undoing.NOT_MADE),
    "a failed stop": ([entry(1, "failed", tool="stop_work")], undoing.NOTHING_OF_THE_ACCOUNT),
    "leads that were shown": ([entry(1, "done", tool="list_leads")], undoing.NOTHING_OF_THE_ACCOUNT),
    "a change of what nobody knows": (change(done(), tool="set_shelf"), undoing.OVERWRITTEN),
    "a plan of which nothing was begun": ([entry(1, "begun", work="p", target="p")], undoing.NOT_MADE),
    "an end without its beginning": ([done(title="Autumn", of=0)], undoing.NOT_MADE),
}


@pytest.mark.parametrize(("events", "reason"), REASONS.values(), ids=REASONS)
def test_what_cannot_be_undone_has_its_reason(events: list[Event], reason: str) -> None:
    assert why_not(events[0], undone_by(events, events[0])) == reason


def test_a_change_is_meant_by_its_beginning_and_its_end_and_a_plan_by_any_of_its_own() -> None:
    plan = {"work": "p", "target": "p"}
    parts = [part for n in (2, 4) for part in change(done(n + 1, n, title="New"), number=n, target=f"c{n}", work="p")]
    alone = change(done(8, 7, title="New"), number=7)
    events = [entry(1, "begun", **plan), *parts, entry(6, "done", **plan), *alone]
    meant = {one.number: [two.begun.number for two in undone_by(events, one)] for one in events}
    assert meant == {1: [2, 4], 2: [2], 3: [2], 4: [4], 5: [4], 6: [2, 4], 7: [7], 8: [7]}


SEEN = Collection.model_validate({**WAS, "collection_hash": "abc", "title": "Autumn"})
TOO_LONG = {**WAS, "title": "x" * (LONGEST_TITLE + 1)}
DRAFTS = {
    "as it was left": (WAS, SEEN, {"title": "Autumn"}, ["Summer"], []),
    "gone": (WAS, None, {"title": "Autumn"}, [], [undoing.GONE]),
    "without an end": (WAS, SEEN, {}, [], [undoing.UNKNOWN_END]),
    "a title that was too long": (TOO_LONG, SEEN, {"title": "Autumn"}, [], ["more than"]),
    "a status that cannot be given": ({**WAS, "status": ""}, SEEN, {"status": "public"}, [], [undoing.NOT_AS_BEFORE]),
    "a description that is too long": (
        {**WAS, "description": "x" * 2001},
        SEEN,
        {"title": "Autumn", "description": "All of it"},
        ["Summer"],
        [],
    ),
    "a size of none": ({**WAS, "width": 0}, SEEN, {"width": 600}, [], [undoing.NOT_AS_BEFORE]),
    "an empty title": ({**WAS, "title": ""}, SEEN, {"title": "Autumn"}, [], ["would be empty"]),
    "touched since": (WAS, SEEN.model_copy(update={"title": "By hand"}), {"title": "Autumn"}, [], []),
}


@pytest.mark.parametrize(("before", "seen", "after", "titles", "refused"), DRAFTS.values(), ids=DRAFTS)
def test_what_is_put_back_and_what_is_left_add_up(
    before: dict[str, Any], seen: Collection | None, after: dict[str, Any], titles: list[str], refused: list[str]
) -> None:
    events = change(done(**after), before=before)
    draft, _ = draft_undoing(undone_by(events, events[0]), {"abc": seen} if seen else {})
    assert [one.new_title for one in draft.items] == titles
    assert [row.collection_hash for row, _ in draft.refused] == ["abc"] * len(refused)
    assert all(why in said for why, (_, said) in zip(refused, draft.refused, strict=True))
    assert len(draft.items) + draft.unchanged + len(draft.refused) == 1
