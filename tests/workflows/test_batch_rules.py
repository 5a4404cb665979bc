"""A batch of uploads: which document is still the planned one, what is left to send, and what is on record of it."""

import re
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from flipsnack_mcp.files.documents import DocumentChanged
from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.store.clock import Stamp
from flipsnack_mcp.store.leases import KEPT
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.batches import carrying_out
from flipsnack_mcp.workflows.batches.carrying_out import UNSENT, batch_at, end_of_upload, oddities_of
from flipsnack_mcp.workflows.batches.record import BatchRecord
from flipsnack_mcp.workflows.batches.rules import (
    BatchItem,
    BatchSnapshot,
    DocumentBatch,
    batch_items,
    title_by,
    unknown_places,
)
from flipsnack_mcp.workflows.batches.seeing import SeenDocument
from flipsnack_mcp.workflows.plans.outcomes import CHANGED_SINCE
from flipsnack_mcp.workflows.plans.rules import GOOD_FOR
from flipsnack_mcp.workflows.uploads.journal import JournalEntry
from flipsnack_mcp.workflows.uploads.reconciling import NEVER_SENT
from tests.server.bench import LoopClock

LYING: dict[str, Any] = {"size": 100, "changed": 5, "touched": 7}


def item(number: int = 0, state: str = "planned", **more: Any) -> BatchItem:
    known = {"number": number, "path": f"/{number}.pdf", "name": f"{number}.pdf", "title": "T", "state": state}
    return BatchItem.model_validate({**known, **more})


def batch(*items: BatchItem, **more: Any) -> DocumentBatch:
    return DocumentBatch.model_validate({"plan_id": "p", "account": "mine", "items": items, "status": "public", **more})


@pytest.mark.parametrize(
    ("hashed", "news", "content", "same"),
    [
        pytest.param("abc", {}, "abc", True, id="as it was"),
        pytest.param("abc", {"touched": 8}, "abc", True, id="only touched"),
        pytest.param("abc", {}, "def", False, id="other content"),
        pytest.param("abc", {"size": 101}, "abc", False, id="another size"),
        pytest.param("abc", {"changed": 6}, "abc", False, id="another time of change"),
        pytest.param("", {}, "def", True, id="not hashed and as it was"),
        pytest.param("", {"touched": 8}, "def", False, id="not hashed and touched"),
    ],
)
def test_a_document_is_the_planned_one_by_size_time_and_content(
    hashed: str, news: dict[str, Any], content: str, *, same: bool
) -> None:
    document: Any = SimpleNamespace(**{**LYING, **news})
    assert item(**LYING, sha256=hashed).is_as_planned(document, content) is same


async def test_what_is_odd_about_a_document_is_kept_and_nobody_looks_twice_for_its_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look, content = AsyncMock(return_value=LookAhead(3, ("It is locked.",))), AsyncMock(return_value="abc")
    monkeypatch.setattr(carrying_out, "look_ahead", look)
    document: Any = SimpleNamespace(**LYING, warnings=("It is large.",), sha256=content)
    plan = item(**LYING, sha256="abc")
    assert await oddities_of(plan.model_copy(update={"pages": 3}), document) == ("It is large.",)
    assert look.await_count == 0
    assert await oddities_of(plan, document) == ("It is large.", "It is locked.")
    content.return_value = "def"
    with pytest.raises(DocumentChanged, match=re.escape(CHANGED_SINCE)):
        await oddities_of(plan, document)


def test_what_is_under_way_is_gone_on_with_before_anything_new_is_sent() -> None:
    states = ("done", "planned", "failed", "sending", "skipped", "planned", "unclear")
    asked = batch(*(item(number, state) for number, state in enumerate(states)))
    assert [one.number for one in asked.left] == [3, 1, 5]
    assert asked.counts == {"done": 1, "planned": 2, "failed": 1, "sending": 1, "skipped": 1, "unclear": 1}
    assert (batch_at(asked).done, batch_at(asked).total) == (4, 7)
    assert batch_at(asked, 2.5).seconds_left == 7.5


@pytest.mark.parametrize(
    ("state", "again", "stopped", "over", "waits"),
    [
        ("planned", False, "", False, False),
        ("sending", False, "Full.", False, True),
        ("failed", True, "Full.", False, True),
        ("failed", False, "Full.", True, False),
        ("done", False, "", True, False),
    ],
)
def test_a_batch_that_was_stopped_waits_for_a_call_as_long_as_that_would_send_something(
    state: str, stopped: str, *, again: bool, over: bool, waits: bool
) -> None:
    asked = batch(item(state=state, again=again), stopped=stopped)
    assert (asked.is_over, asked.is_stopped) == (over, waits)


@pytest.mark.parametrize(("now", "wall", "old"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_batch_is_old_after_a_day_by_either_clock(now: int, wall: int, *, old: bool) -> None:
    made = batch(item(), made=1000.0, made_shown=5000.0)
    assert BatchSnapshot(made, Stamp(1000.0 + GOOD_FOR + now, 5000.0 + GOOD_FOR + wall)).is_old is old


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        ("{name}", "Été"),
        ("{ NAME } no. {Number}", "Été no. 3"),
        (" {date}: {name} ", "1 May: Été"),
        ("Offers", "Offers"),
    ],
)
def test_a_title_is_made_by_its_rule_from_the_name_without_its_ending(rule: str, title: str) -> None:
    assert title_by(rule, "E\u0301te\u0301.PDF", 3, "1 May") == title


def test_what_a_rule_does_not_know_is_named_and_what_a_name_holds_in_braces_stays() -> None:
    assert unknown_places("{name} {page} {DATE} {number} {}") == ["page", ""]
    assert title_by("{name}", "{number}.pdf", 3, "1 May") == "{number}"


def test_only_what_can_be_uploaded_has_a_number_and_the_reason_stays_with_the_rest() -> None:
    seen = [SeenDocument("a.pdf"), SeenDocument("b.pdf", refused="It is locked."), SeenDocument("c.pdf")]
    items = batch_items([*seen, SeenDocument(".pdf")], "{name} {number}", "1 May")
    assert [(one.number, one.title, one.state, one.said) for one in items[:3]] == [
        (0, "a 1", "planned", ""),
        (1, "", "failed", "It is locked."),
        (2, "c 2", "planned", ""),
    ]
    (nameless,) = batch_items([SeenDocument(".pdf")], "{name}", "1 May")
    assert (nameless.state, "would be empty" in nameless.said) == ("failed", True)


ENDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"state": "complete", "collection_hash": "abc", "warnings": ["Odd."]}, {"state": "done", "said": "Odd."}),
    ({"state": "failed", "collection_hash": "abc"}, {"state": "done", "collection_hash": "abc"}),
    ({"state": "failed", "said": "Stopped.", "stopped": True}, {"state": "skipped", "said": "Stopped."}),
    ({"state": "failed", "said": NEVER_SENT}, dict(UNSENT)),
    ({"state": "failed", "said": "No."}, {"state": "failed", "said": "No.", "again": True}),
    ({"state": "interrupted", "said": "Who knows."}, {"state": "unclear", "said": "Who knows."}),
]


@pytest.mark.parametrize(("entry", "noted"), ENDS, ids=lambda one: str(one.get("said", "")) or str(one["state"]))
def test_only_what_flipsnack_certainly_did_not_take_is_tried_again(
    entry: dict[str, Any], noted: dict[str, Any]
) -> None:
    known = {"upload_id": "u", "account": "mine", "document": "sha256:1", "title": "T", "name": "a.pdf", "size": 1}
    facts = end_of_upload(JournalEntry.model_validate({**known, **entry}))
    assert {name: facts.get(name) for name in noted} == noted
    assert bool(facts.get("again")) == bool(noted.get("again"))


@pytest.fixture
def record(clock: LoopClock) -> BatchRecord:
    return BatchRecord(MemoryStore(clock), "mine")


async def started(record: BatchRecord, asked: DocumentBatch) -> DocumentBatch:
    await record.store.transact(lambda records: record.start(asked, records))
    return await on_record(record)


async def on_record(record: BatchRecord) -> DocumentBatch:
    seen = await record.look("p")
    assert seen
    return seen.batch


async def test_a_batch_that_starts_again_tries_once_more_what_may_be_and_nothing_else(record: BatchRecord) -> None:
    failed = item(0, "failed", again=True, upload_id="u", said="No.")
    others = item(1, "failed", said="Locked."), item(2, "done", upload_id="v"), item(3, "unclear", upload_id="w")
    asked = await record.keep(batch(failed, *others))
    await record.stop(asked, "Full.")
    assert (await on_record(record)).stopped == "Full."
    assert not (await on_record(record)).started
    going = await started(record, asked)
    assert (going.started, going.stopped) == (True, "")
    assert going.items == (item(0, "planned"), *others)


async def test_what_is_noted_of_a_document_is_answered_and_changes_no_other(record: BatchRecord) -> None:
    asked = await record.keep(batch(item(0), item(1), item(2)))
    noted = await record.note(asked, asked.items[1], state="sending", upload_id="u")
    assert noted == item(1, "sending", upload_id="u")
    await record.note(asked, asked.items[2], state="done")  # by whoever has seen the batch as it was before
    assert (await on_record(record)).items == (item(0), noted, item(2, "done"))


async def test_a_batch_is_known_to_its_own_account_for_as_long_as_uploads_are(
    record: BatchRecord, clock: LoopClock
) -> None:
    asked = await record.keep(batch(item()))
    assert await BatchRecord(record.store, "another").look("p") is None
    clock.advance(KEPT - 1)
    await record.note(asked, asked.items[0], said="Seen.")
    assert (await on_record(record)).items[0].said == "Seen."
    clock.advance(2)
    assert await record.look("p") is None
