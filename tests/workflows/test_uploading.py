"""Uploads that outlive their call: in line, stopped, lost on their way, reconciled, and never sent twice."""

import anyio
import pytest

from flipsnack_mcp.api.errors import Changed
from flipsnack_mcp.sandbox import Fault
from flipsnack_mcp.store.leases import LEASE
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.uploads.journal import Journal, JournalEntry
from flipsnack_mcp.workflows.uploads.reconciling import (
    FOUND_AGAIN,
    NEVER_SENT,
    NO_COLLECTION_FOUND,
    NOT_SO_FAR,
    NOT_YET,
)
from flipsnack_mcp.workflows.uploads.sending import STOPPED
from tests.api.asking import PDF
from tests.workflows.running import CREATE, PIECE, Fragile, LongWork, Told

LIST = "collection.getList"
SLOW = 5.0


async def test_the_upload_goes_on_when_nobody_waits(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    async with work.process() as process:
        entry, new = await process.begin(work.paper())
        with anyio.move_on_after(7):
            await process.ended(entry)
        half = await process.now(entry)
        seen = await process.ended(entry)
    assert (new, half.state, seen.state, work.created) == (True, "uploading", "converting", 1)
    assert seen.collection_hash in work.sandbox.account.collections


async def test_two_go_at_once_and_the_others_wait_in_line_in_order(work: LongWork) -> None:
    work.road.upload_seconds = 1.0
    async with work.process() as process:
        entries = [(await process.begin(work.paper(f"{n}.pdf"), f"Number {n}"))[0] for n in range(6)]
        await anyio.sleep(2)
        states = [(await process.now(one)).state for one in entries]
        ends = [await process.ended(one) for one in entries]
    assert (states, work.road.most_at_once) == (["uploading"] * 2 + ["waiting"] * 4, 2)
    assert [one.state for one in ends] == ["converting"] * 6
    assert sorted(one.params["title"] for one in work.sandbox.carried_out(CREATE)) == [f"Number {n}" for n in range(6)]
    assert len({one.collection_hash for one in ends}) == 6


async def test_whoever_watches_is_told_bytes_and_percent(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    told = Told()
    async with work.begun() as (process, entry):
        await process.uploads.watch(CallContext(process.flipsnack, tell=told), entry, 100)
    assert [one for one in told if "256.0 KB of 768." in one and "33 %" in one]
    assert [one for one in told if "100 %" in one]


async def test_who_watched_it_in_line_is_told_its_bytes_once_its_turn_has_come(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    told = Told()
    async with work.process() as process:
        entries = [(await process.begin(work.paper(f"{n}.pdf"), f"Number {n}"))[0] for n in range(3)]
        await anyio.sleep(1)
        await process.uploads.watch(CallContext(process.flipsnack, tell=told), entries[2], 300)
    assert "in line" in told[0]
    assert "100 %" in told[-1]


async def test_how_far_it_is_is_known_to_every_process(work: LongWork) -> None:
    work.road.upload_seconds = 8.0
    async with work.process() as mine, work.process() as theirs:
        entry, _ = await mine.begin(work.paper())
        await anyio.sleep(25)
        ours, others = [await one.uploads.look_at(entry.upload_id) for one in (mine, theirs)]
    assert (ours.sent, ours.seconds) == (2 * PIECE, 25)
    assert (others.sent, others.seconds) == (PIECE, None)  # as of its last sign of life


async def test_stopping_an_upload_under_way_cuts_it_and_it_may_be_made_again(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    async with work.begun() as (process, entry):
        await anyio.sleep(8)
        await process.stop(entry.upload_id)
        seen = await process.reconciled(entry)
        await anyio.sleep(100)
        attempts, sent = work.attempts, work.road.bytes_up
        again, new = await process.begin(work.paper())
        again = await process.ended(again)
    assert (seen.state, seen.said) == ("failed", STOPPED)
    assert 0 < sent < 3 * PIECE
    assert (attempts, new, again.state, work.created) == (0, True, "converting", 1)


async def test_stopping_one_in_line_sends_no_byte_and_frees_its_place(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    async with work.process() as process:
        entries = [(await process.begin(work.paper(f"{n}.pdf"), f"Number {n}"))[0] for n in range(4)]
        await anyio.sleep(1)
        await process.stop(entries[2].upload_id)
        ends = [await process.ended(one) for one in entries]
    assert [one.state for one in ends] == ["converting", "converting", "failed", "converting"]
    assert ends[2].said == STOPPED
    titles = {one.params["title"] for one in work.sandbox.requests if one.action == CREATE}
    assert titles == {"Number 0", "Number 1", "Number 3"}


async def test_one_that_is_stopped_when_all_of_it_was_sent_is_looked_up_and_found(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=20, phase="after"))
    async with work.begun() as (process, entry):
        await anyio.sleep(5)
        await process.stop(entry.upload_id)
        stopped = await process.now(entry)
        seen = await process.reconciled(entry)
    assert (stopped.state, seen.state, work.created) == ("interrupted", "converting", 1)
    assert seen.collection_hash in work.sandbox.account.collections


async def test_what_a_dead_process_was_asked_to_stop_is_looked_up_all_the_same(work: LongWork) -> None:
    entry = await work.killed(work.paper(), "answer", which=2)
    async with work.process() as process:
        await process.stop(entry.upload_id)
        seen = await process.reconciled(entry)
    assert (seen.state, work.created) == ("converting", 1)


async def test_an_upload_whose_answer_is_lost_is_found_and_never_sent_again(work: LongWork) -> None:
    older = work.sandbox.account.add(title="Brand new", status="editable").hash
    work.sandbox.add_fault(Fault("reset", CREATE, phase="after"))
    async with work.begun() as (process, entry):
        seen = await process.ended(entry)
    assert seen.state == "converting"
    assert seen.collection_hash in set(work.sandbox.account.collections) - {older}
    assert FOUND_AGAIN in seen.warnings
    assert work.created == work.attempts == 1


async def test_an_upload_that_never_arrived_is_said_to_be_interrupted_and_not_sent_again(work: LongWork) -> None:
    """Half a minute counts from its end, however often it is looked for in between."""
    work.sandbox.account.add(title="Brand new", status="editable")
    work.sandbox.add_fault(Fault("reset", CREATE, phase="before"))
    async with work.begun() as (process, entry):
        seen = await process.ended(entry)
        error = process.uploads.error_of(entry.upload_id)
        looks = [await process.reconciled(entry)]
        for seconds in (20, 11):
            await anyio.sleep(seconds)
            looks.append(await process.reconciled(entry))
        repeated, new = await process.begin(work.paper())

    assert seen.state == "interrupted"
    assert error
    assert error.changed is Changed.PERHAPS
    said = [(one.state, one.said, one.checked) for one in looks]
    assert said == [*[("interrupted", NOT_SO_FAR, False)] * 2, ("interrupted", NO_COLLECTION_FOUND, True)]
    assert (repeated.upload_id, new) == (entry.upload_id, False)
    assert (work.attempts, work.created) == (1, 0)


async def test_an_upload_whose_answer_and_lookup_are_lost_is_found_at_the_next_call(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("reset", CREATE, phase="after"))
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=1, phase="after"))
    async with work.begun() as (process, entry):
        await anyio.sleep(0.5)  # the look before it is sent went well
        work.sandbox.add_fault(Fault("code", LIST, times=0, code=99))
        lost = await process.ended(entry)
        still = await process.reconciled(entry)
        work.sandbox.clear_faults()
        seen = await process.reconciled(entry)
    assert (still.state, still.said, still.checked) == ("interrupted", NOT_YET, False)
    assert (lost.state, seen.state, seen.said, work.created) == ("interrupted", "converting", "", 1)
    assert seen.collection_hash in work.sandbox.account.collections


async def test_a_refusal_ends_it_as_failed_and_does_not_stand(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("quota", CREATE))
    async with work.begun() as (process, entry):
        refused = await process.ended(entry)
        other, new = await process.begin(work.paper())
        taken = await process.ended(other)
    assert "33" in refused.said
    assert (refused.state, new, taken.state, work.created) == ("failed", True, "converting", 1)


async def test_a_document_that_changes_while_it_is_sent_is_not_called_sent(work: LongWork) -> None:
    work.road.upload_seconds = SLOW
    path = work.paper()
    async with work.process() as process:
        entry, _ = await process.begin(path)
        await anyio.sleep(6)
        path.write_bytes(PDF)
        entry = await process.ended(entry)
        error = process.uploads.error_of(entry.upload_id)
        await anyio.sleep(31)
        seen = await process.reconciled(entry)
    assert error
    assert error.changed is Changed.PERHAPS
    assert "became shorter while it was read. No new collection" in str(error)
    assert (entry.state, seen.state, seen.said, work.created) == ("interrupted", "interrupted", NO_COLLECTION_FOUND, 0)


@pytest.mark.parametrize("title", [None, "Weekly offers"], ids=["untitled", "same title"])
async def test_an_upload_that_never_arrived_is_not_taken_for_another_one(title: str | None, work: LongWork) -> None:
    """Two documents at once, both without a title: the first is lost on its way, the second arrives meanwhile."""
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=5))
    work.sandbox.add_fault(Fault("reset", CREATE, phase="before"))
    async with work.process() as process:
        first, _ = await process.begin(work.paper("first.pdf"), title)
        await anyio.sleep(1)
        second, _ = await process.begin(work.paper("second.pdf"), title)
        lost, arrived = await process.ended(first), await process.ended(second)
        lost = await process.reconciled(lost)
    assert (arrived.state, lost.state, work.created) == ("converting", "interrupted", 1)
    assert lost.collection_hash != arrived.collection_hash


async def test_an_end_that_could_not_be_written_down_is_found_by_the_next_look(work: LongWork) -> None:
    store = Fragile(work.store)
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=20, phase="after"))
    async with work.begun(store) as (process, entry):
        await anyio.sleep(5)
        store.error = StoreUnusable("The disk is full.", "Make room.")
        await anyio.sleep(100)
        store.error = None
        seen = await process.reconciled(entry)
    assert (seen.state, work.created, work.attempts) == ("converting", 1, 1)


async def test_a_state_file_that_is_taken_away_makes_nobody_upload_twice(work: LongWork) -> None:
    """A person tidies up: the store starts anew, and this process still knows what it sent."""
    work.road.upload_seconds = SLOW
    store = Fragile(work.store)
    async with work.begun(store) as (process, entry):
        await anyio.sleep(7)
        store.store = MemoryStore(work.clock)
        during, _ = await process.begin(work.paper())
        seen = await process.ended(entry)
        after, _ = await process.begin(work.paper())
    assert {during.upload_id, after.upload_id} == {entry.upload_id}
    assert (seen.state, work.attempts) == ("converting", 1)


async def test_an_upload_is_journalled_before_a_byte_leaves(work: LongWork) -> None:
    seen: list[JournalEntry] = []

    async def moment(what: str) -> None:
        if what == "piece" and not seen:
            seen.extend(await Journal(work.store, "mine").recent())

    work.road.moment = moment
    older = work.sandbox.account.add(title="Brand new").hash
    async with work.begun() as (process, entry):
        await process.ended(entry)
    assert [(one.upload_id, one.state) for one in seen] == [(entry.upload_id, "uploading")]
    assert older in seen[0].before
    assert seen[0].document.startswith("sha256:")


def failing_at(work: LongWork, transaction: int, error: Exception) -> Fragile:
    """The store, of which this transaction fails and no other."""
    seen = 0

    async def before(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == transaction:
            raise error

    return Fragile(work.store, before=before)


ERRORS = [StoreUnusable("The disk is full.", "Make room."), KeyError("nobody expects this")]


@pytest.mark.parametrize("error", ERRORS, ids=["full disk", "unexpected"])
async def test_what_cannot_be_journalled_is_not_sent(error: Exception, work: LongWork) -> None:
    """Without its entry nobody could tell what came of it."""
    async with work.process(failing_at(work, 2, error)) as process:
        entry, _ = await process.begin(work.paper())
        await anyio.sleep(60)
        seen = await process.reconciled(entry)
    assert seen.state == "failed"
    assert "KeyError" in seen.said if isinstance(error, KeyError) else seen.said == NEVER_SENT
    assert work.attempts == 0


@pytest.mark.parametrize("error", ERRORS, ids=["full disk", "unexpected"])
async def test_a_look_that_fails_is_made_again_by_the_next_call(error: Exception, work: LongWork) -> None:
    entry = await work.killed(work.paper(), "answer", which=2)
    async with work.process(failing_at(work, 3, error)) as process:
        early = await process.reconciled(entry)
        seen = await process.reconciled(entry)
    assert (early.state, seen.state) == ("uploading", "converting")


async def test_what_was_written_down_before_its_process_was_killed_is_looked_for_no_more(work: LongWork) -> None:
    entry = await work.killed(work.paper(), "answer", which=2)
    noted = await Journal(work.store, "mine").note(entry, state="converting", collection_hash="known")
    async with work.process() as process:
        seen = await process.reconciled(entry)
        left = await work.store.transact(lambda records: records.all(LEASE))
    assert (seen, left) == (noted, [])


@pytest.mark.parametrize(
    ("title", "cleanly", "kept_in"),
    [
        pytest.param("Brand new", False, "memory", id="titled, killed"),
        pytest.param("Brand new", True, "memory", id="titled, ended"),
        pytest.param(None, False, "memory", id="untitled, killed"),
        pytest.param(None, True, "memory", id="untitled, ended"),
        pytest.param("Brand new", False, "redis", id="titled, killed, on redis"),
    ],
)
@pytest.mark.parametrize(
    ("moment", "which", "state", "created"),
    [("request", 1, "failed", 0), ("piece", 2, "interrupted", 0), ("answer", 2, "converting", 1)],
    ids=["before it left", "on its way", "before its answer was noted"],
)
async def test_whatever_its_process_was_at_it_is_found_out_and_not_sent_again(
    moment: str, which: int, state: str, created: int, work: LongWork, title: str | None, *, cleanly: bool
) -> None:
    """Older collections of the same title are never taken for it."""
    older = {work.sandbox.account.add(title=title or "offers", status="editable").hash for _ in range(2)}
    entry = await work.killed(work.paper(), moment, which, title, cleanly=cleanly)
    async with work.process() as process:
        early = await process.reconciled(entry)
        await anyio.sleep(31)
        seen = await process.reconciled(entry)
        repeated, new = await process.begin(work.paper(), title)
    assert (seen.state, work.created, work.attempts) == (state, created, created)
    assert seen.said == {"failed": NEVER_SENT, "interrupted": NO_COLLECTION_FOUND, "converting": ""}[state]
    assert seen == early or (cleanly and early.said == NOT_SO_FAR)
    assert (bool(seen.collection_hash), seen.collection_hash in older) == (bool(created), False)
    assert new == (state == "failed") == (repeated.upload_id != entry.upload_id)


async def test_what_flipsnack_makes_of_it_after_the_first_look_is_found_by_the_next(work: LongWork) -> None:
    entry = await work.killed(work.paper(), "piece", cleanly=True)
    async with work.process() as process:
        early = await process.reconciled(entry)
        made = work.sandbox.account.add(title="Brand new", status="editable").hash
        seen = await process.reconciled(entry)
    assert (early.state, early.said) == ("interrupted", NOT_SO_FAR)
    assert (seen.state, seen.collection_hash) == ("converting", made)


async def test_which_of_several_new_collections_it_became_is_left_to_a_person(work: LongWork) -> None:
    entry = await work.killed(work.paper(), "answer", which=2)
    other = work.sandbox.account.add(title="Brand new").hash
    async with work.process() as process:
        seen = await process.reconciled(entry)
        _, new = await process.begin(work.paper())
    assert (seen.state, seen.checked, new, work.created) == ("interrupted", True, False, 1)
    assert "2 new collections" in seen.said
    assert other in seen.said


async def test_what_its_owner_knows_counts_more_than_what_was_found_out_while_it_seemed_dead(work: LongWork) -> None:
    """The computer sleeps while its upload is on its way, and another one looks for it too early."""
    work.road.upload_seconds = 1.0
    async with work.process() as mine, work.process() as theirs:
        entry, _ = await mine.begin(work.paper())
        await anyio.sleep(2)
        work.clock.advance(3600)
        found = await theirs.reconciled(entry)
        seen = await mine.ended(entry)
    assert (found.state, found.said) == ("interrupted", NO_COLLECTION_FOUND)
    assert (seen.state, seen.said) == ("converting", "")
    assert seen.collection_hash in work.sandbox.account.collections


@pytest.mark.parametrize("title", ["Brand new ", "Brand\u200b new"])
async def test_titles_that_look_alike_are_one(title: str, work: LongWork) -> None:
    """The one is made while the other is on its way and lost; both could be it when the other is looked for."""
    work.road.upload_seconds = 5.0  # for each of four pieces
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=20, phase="after"))
    async with work.process() as process:
        arrives, _ = await process.begin(work.paper("one.pdf"), title)
        await anyio.sleep(5)
        lost, _ = await process.begin(work.paper("two.pdf"))
        while not work.created:  # noqa: ASYNC110 - on the clock of the loop, which waits for nothing
            await anyio.sleep(1)
        work.sandbox.add_fault(Fault("reset", CREATE, phase="before"))
        repeated, new = await process.begin(work.folder / "one.pdf")
        arrives, lost = await process.ended(arrives), await process.ended(lost)
    assert (arrives.state, lost.state, lost.collection_hash, work.created) == ("converting", "interrupted", "", 1)
    assert (repeated.upload_id, new) == (arrives.upload_id, False)


@pytest.mark.parametrize(
    ("title", "seconds", "created"),
    [
        pytest.param("Weekly offers", SLOW, 0, id="same title, on their way"),
        pytest.param(None, SLOW, 0, id="untitled, on their way"),
        pytest.param("Weekly offers", 0.0, 2, id="both got through"),
    ],
)
async def test_alike_orphans_are_both_settled(title: str | None, seconds: float, created: int, work: LongWork) -> None:
    """Who reads that nothing was found uploads twice what is there twice."""
    work.road.upload_seconds = seconds
    work.sandbox.add_fault(Fault("slow", CREATE, seconds=50, phase="after", times=2))
    async with work.process() as process:
        entries = [(await process.begin(work.paper(f"{n}.pdf"), title))[0] for n in range(2)]
        await anyio.sleep(5)
    await anyio.sleep(31)
    async with work.process() as process:
        seen = [await process.reconciled(one) for one in entries]
    assert work.created == created
    assert len({one.collection_hash for one in seen if one.collection_hash}) in {0, created}
    assert {one.said == NO_COLLECTION_FOUND for one in seen} == {not created}


@pytest.mark.parametrize("days", [0, 2])
async def test_an_orphan_is_not_taken_for_a_later_upload_of_the_same_title(days: int, work: LongWork) -> None:
    entry = await work.killed(work.paper("lost.pdf"), "piece", which=2, title="Weekly offers")
    async with work.process() as process:
        later, _ = await process.begin(work.paper("later.pdf"), "Weekly offers")
        later = await process.ended(later)
    work.clock.advance(days * 24 * 3600)
    async with work.process() as process:
        seen = await process.reconciled(entry)
    assert later.state == "converting"
    assert (seen.state, seen.collection_hash) == ("interrupted", "")


async def test_uploads_of_another_account_are_invisible(work: LongWork) -> None:
    entry = await work.killed(work.paper(), "answer", which=2)
    async with work.process(account="another") as process:
        assert await process.uploads.journal.find(entry.upload_id) is None
        assert await process.uploads.journal.recent() == []
        work.sandbox.requests.clear()
        await process.uploads.reconcile(process.context)
        assert work.sandbox.requests == []
        _, new = await process.begin(work.paper())
        assert new
