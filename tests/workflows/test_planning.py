"""From a rule and a list of collections to a plan: what would change, what stays, and what is left alone."""

import json
import string
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary
from flipsnack_mcp.workflows.plans.drafts import Rule, draft_plan
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import (
    GOOD_FOR,
    PLAN_IS_OLD,
    YES_HOLDS,
    YES_IS_OLD,
    Permissions,
    Plan,
    PlanSnapshot,
)

TABLES = json.loads(Path(__file__).with_name("planning.json").read_text(encoding="utf-8"))


def row(title: str, status: str = "public") -> CollectionSummary:
    return CollectionSummary(collection_hash="abc1234", title=title, status=status)


@pytest.mark.parametrize(("rule", "titles", "sent"), TABLES["sent"].values(), ids=TABLES["sent"])
def test_only_what_would_change_is_in_the_plan_and_sent(rule: list[Any], titles: list[str], sent: list[object]) -> None:
    draft = draft_plan(Rule(*rule), [row(title) for title in titles])
    assert [one.action.model_dump(exclude_none=True, exclude={"collection_hash"}) for one in draft.items] == sent
    assert [one.number for one in draft.items] == list(range(len(sent)))
    assert draft.unchanged == len(titles) - len(sent)


@pytest.mark.parametrize(("title", "rule", "reason"), TABLES["refused"].values(), ids=TABLES["refused"])
def test_a_title_that_nobody_can_want_is_refused_alone(title: str, rule: list[Any], reason: str) -> None:
    draft = draft_plan(Rule(*rule), [row(title, "editable"), row("Press kit")])
    assert (draft.items, draft.unchanged, len(draft.refused)) == ((), 1, 1)
    assert reason in draft.refused[0][1]


def test_titles_that_grow_beyond_measure_are_refused_and_do_not_stop_the_server() -> None:
    rule = Rule(find="ab", replace="a" * 300, prefix="b" * 300, suffix="c" * 300, remove="d" * 300)
    start = time.process_time()
    draft = draft_plan(rule, [row("ab" * 140)] * 50)
    assert time.process_time() - start < 2.0
    assert [reason for _, reason in draft.refused] == ["its title would have more than 300 characters"] * 50


@pytest.mark.parametrize(("before", "after", "publishes", "offline"), TABLES["links"])
def test_what_a_new_status_means_for_links_is_known(before: str, after: str, publishes: bool, offline: bool) -> None:  # noqa: FBT001 - of the table
    item = snapshot(after, 0, status=before).items[0]
    assert (item.publishes, item.goes_offline) == (publishes, offline)


MADE = 1_790_000_000.0


def snapshot(new_status: str | None, age: float, confirmed_after: float | None = None, **item: object) -> PlanSnapshot:
    """A plan of one collection some seconds after it was made; it was confirmed, or never."""
    plan = Plan(plan_id="p", account="mine", made=MADE, count=1)
    if confirmed_after is not None:
        plan = plan.model_copy(update={"confirmed": "form", "confirmed_at": MADE + confirmed_after})
    facts = {"number": 0, "collection_hash": "a", "title": "T", "status": "public", "new_status": new_status}
    return PlanSnapshot(plan, (Item.model_validate({**facts, **item}),), MADE + age)


@pytest.mark.parametrize(
    ("seen", "objection"),
    [
        pytest.param(snapshot("unlisted", 3 * YES_HOLDS), "", id="nothing goes offline"),
        pytest.param(snapshot("editable", 1), YES_IS_OLD, id="offline, never confirmed"),
        pytest.param(snapshot("editable", 100, 100), "", id="offline, confirmed just now"),
        pytest.param(snapshot("editable", 100 + YES_HOLDS, 100), "", id="offline, ten minutes after the yes"),
        pytest.param(snapshot("editable", 101 + YES_HOLDS, 100), YES_IS_OLD, id="offline, later"),
        pytest.param(snapshot("editable", 99, 100), YES_IS_OLD, id="offline, after a clock was set back"),
        pytest.param(snapshot("editable", 101 + YES_HOLDS, 100, state="done"), "", id="all of it is offline"),
        pytest.param(snapshot("editable", 101 + YES_HOLDS, 100, state="failed", again=True), YES_IS_OLD, id="failed"),
        pytest.param(snapshot("unlisted", GOOD_FOR), "", id="a day old"),
        pytest.param(snapshot("unlisted", GOOD_FOR + 1), PLAN_IS_OLD, id="older than a day"),
    ],
)
def test_a_plan_goes_on_for_a_day_and_offline_for_ten_minutes(seen: PlanSnapshot, objection: str) -> None:
    assert seen.objection == objection


@pytest.mark.parametrize(("age", "holds"), [(YES_HOLDS, True), (YES_HOLDS + 1, False)])
def test_a_yes_of_version_0_1_0_counts_from_when_its_plan_was_made(age: float, *, holds: bool) -> None:
    seen = snapshot("editable", age, 0.0)
    unknown = PlanSnapshot(seen.plan.model_copy(update={"confirmed_at": None}), seen.items, seen.now)
    assert unknown.is_confirmed is holds


@pytest.mark.parametrize(("new_status", "changes", "taking_offline", "allowed"), TABLES["settings"])
def test_the_settings_say_what_goes_on(new_status: str, *, changes: bool, taking_offline: bool, allowed: bool) -> None:
    settings = Permissions(changes=changes, yeses=frozenset({"form", "code"} if taking_offline else ()))
    seen = snapshot(new_status, 1)
    agreed = replace(seen, plan=seen.plan.model_copy(update={"confirmed": "code"}))
    assert agreed.is_allowed(settings) is allowed


@given(
    titles=st.lists(st.text(string.ascii_letters + " é\N{GRINNING FACE}", max_size=12), max_size=8),
    find=st.text(string.ascii_letters + " ", min_size=1, max_size=3),
    replace=st.text(string.ascii_letters + " ", max_size=3),
)
def test_a_plan_accounts_for_all_and_replaces_as_text_is_replaced(titles: list[str], find: str, replace: str) -> None:
    draft = draft_plan(Rule(find, replace), [row(title) for title in titles])
    assert len(draft.items) + draft.unchanged + len(draft.refused) == len(titles)
    for item in draft.items:
        new = item.title.replace(find, replace)
        # Blanks that the replacement left at an end go; those that were there before stay.
        new = new if item.title[:1].isspace() else new.lstrip()
        assert item.target == (new if item.title[-1:].isspace() else new.rstrip(), "public")
        assert item.is_as_planned(Collection(title=item.title, status="public"))
        assert item.is_done(Collection(title=item.target[0], status="public"))
        assert item.target[0].strip()
