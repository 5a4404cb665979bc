"""A batch that a process takes up: what it may send it sends once, and of what is not to go on it says nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from flipsnack_mcp.sandbox import Fault
from flipsnack_mcp.workflows.batches.carrying_out import THE_SAME, Batches
from flipsnack_mcp.workflows.batches.record import BATCH, BatchRecord
from flipsnack_mcp.workflows.batches.rules import DocumentBatch, batch_items
from flipsnack_mcp.workflows.batches.seeing import Eyes, SeenDocument
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.uploads.following import SHOWN_LATE
from flipsnack_mcp.workflows.uploads.journal import Journal
from flipsnack_mcp.workflows.uploads.sending import Uploads
from tests.workflows.running import LongWork, Told

NAMES = ("a.pdf", "b.pdf", "c.pdf")


@asynccontextmanager
async def process(work: LongWork) -> AsyncIterator[Batches]:
    async with work.server() as (flipsnack, jobs):
        uploads = Uploads(flipsnack, Journal(jobs.store, "mine"), jobs)
        record, history = BatchRecord(jobs.store, "mine"), History(jobs.store, "mine")
        yield Batches(flipsnack, jobs, record, uploads, history, (work.folder,), allowed=True)


async def planned(work: LongWork, batches: Batches) -> DocumentBatch:
    eyes = Eyes(work.store, "mine", (work.folder,))
    seen = [await eyes.see(SeenDocument(str(work.paper(name)), pages=2), content=True) for name in NAMES]
    items = batch_items(seen, "{name}", "1 May")
    batch = DocumentBatch.model_validate({"plan_id": "p", "account": "mine", "items": items, "status": "public"})
    return await batches.record.keep(batch)


async def taken_up(batches: Batches, plan_id: str) -> None:
    """As if its process had been killed at this moment, and this one went on with it."""
    job = batches.jobs.new(BATCH, plan_id)
    await batches.jobs.store.transact(job.owner.claim)
    await batches.jobs.carry_out(job, batches.carry_out, batches.note_stop)


async def decisions(batches: Batches) -> list[str]:
    return [f"{one.decision} {one.said}".strip() for one in await batches.history.events() if one.target == "p"]


async def carried_out(batches: Batches, batch: DocumentBatch, told: Told) -> DocumentBatch:
    """The batch once it has come to its end."""
    assert await batches.start(batch)
    await batches.jobs.watch(BATCH, batch.plan_id, 600, told)
    seen = await batches.record.look(batch.plan_id)
    assert seen
    return seen.batch


async def test_each_is_sent_once_in_its_order_and_whoever_watches_is_told(work: LongWork) -> None:
    told = Told()
    async with process(work) as batches:
        ended = await carried_out(batches, await planned(work, batches), told)
        said = await decisions(batches)
    assert [one.params["title"] for one in work.sandbox.carried_out("collection.create")] == ["a", "b", "c"]
    assert {one.collection_hash for one in ended.items} <= set(work.sandbox.account.collections)
    assert [(one.done, one.total) for one in told.progress if one.total] == [(0, 3), (1, 3), (2, 3)]
    assert said == ["begun 3 documents", "done 3 done"]


async def test_what_was_uploaded_before_is_sent_again_only_where_its_collection_was_deleted(work: LongWork) -> None:
    async with process(work) as batches:
        first = await carried_out(batches, await planned(work, batches), Told())
        work.sandbox.account.delete(first.items[0].collection_hash)
        work.clock.advance(SHOWN_LATE)  # nobody has seen them yet
        another = first.model_copy(update={"plan_id": "q", "items": (await planned(work, batches)).items})
        ended = await carried_out(batches, await batches.record.keep(another), Told())
    assert [one.params["title"] for one in work.sandbox.carried_out("collection.create")] == ["a", "b", "c", "a"]
    known = {one.collection_hash for one in first.items}
    assert [one.collection_hash in known for one in ended.items] == [False, True, True]
    assert [THE_SAME in one.said for one in ended.items] == [False, True, True]


@pytest.mark.parametrize("plan_id", [pytest.param("p", id="stopped"), pytest.param("q", id="there no more")])
async def test_a_batch_that_is_not_to_go_on_sends_nothing_and_is_not_called_done(work: LongWork, plan_id: str) -> None:
    async with process(work) as batches:
        await batches.record.stop(await planned(work, batches), "Full.")
        await taken_up(batches, plan_id)
        job = batches.jobs.find(BATCH, plan_id)
        assert job
        assert job.error is None
        assert await decisions(batches) == []
    assert work.attempts == 0


@pytest.mark.parametrize(("code", "again"), [(34, False), (35, False), (38, True), (33, True)])
async def test_only_what_may_end_otherwise_is_to_be_tried_once_more(work: LongWork, code: int, *, again: bool) -> None:
    work.sandbox.add_fault(Fault("code", "collection.create", code=code))
    async with process(work) as batches:
        ended = await carried_out(batches, await planned(work, batches), Told())
        assert (ended.items[0].state, ended.items[0].again) == ("failed", again)
        await batches.start(ended)
        await batches.jobs.watch(BATCH, ended.plan_id, 600, Told())
    sent = [one.params["title"] for one in work.sandbox.carried_out("collection.create")]
    assert sorted(sent) == (["a", "b", "c"] if again else ["b", "c"])
