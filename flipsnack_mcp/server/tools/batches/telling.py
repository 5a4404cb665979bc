"""What is answered about a plan of uploads: how far it is, and what each document became."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.server.tools.plans.answers import PlanState, after_a_stop
from flipsnack_mcp.server.tools.tool import GOES_ON, Answered, HowFar, NextStep, Planned, ToolCall, Warnings, in_numbers
from flipsnack_mcp.server.tools.uploads import UNDER_WAY, left_as_it_is, state_of, warn_about
from flipsnack_mcp.server.wording import SHORTENED
from flipsnack_mcp.workflows.batches import rules
from flipsnack_mcp.workflows.batches.carrying_out import THE_SAME, batch_at
from flipsnack_mcp.workflows.changing import differences
from flipsnack_mcp.workflows.plans.item import Listed
from flipsnack_mcp.workflows.progress import Progress, roughly
from flipsnack_mcp.workflows.uploads.following import Followed
from flipsnack_mcp.workflows.uploads.looking_after import look_after

WELL = UNDER_WAY | {"planned", "sending", "complete"}
"""What a document is where nothing went wrong with it."""


class BatchRow(Answered):
    """One document, and what it becomes."""

    name: str
    pages: int | None = None
    title: str | None = None
    state: str
    collection_hash: str | None = None
    direct_link: str | None = None
    reason: str | None = None


class BatchStatus(Answered):
    """A plan of uploads, and how far it is."""

    plan_id: Annotated[str | None, Field(description="Goes on")] = None
    state: Annotated[PlanState, Field(description="Of the plan")]
    counts: Annotated[dict[str, int], Field(description="By state")]
    progress: HowFar = None
    changes: Planned = None
    items: Annotated[list[BatchRow] | None, Field(description="Each document")] = None
    warnings: Warnings = []
    next_step: NextStep = None


def still_running(batch: rules.DocumentBatch, progress: Progress) -> BatchStatus:
    """State, counts, and how long it will go on."""
    known = batch_at(batch)
    far = in_numbers(known) | in_numbers(replace(progress, done=known.done, total=known.total))
    return BatchStatus(
        plan_id=batch.plan_id,
        state="running",
        counts=batch.counts,
        progress=far,
        next_step=f'{GOES_ON} Call create_collections(plan_id="{batch.plan_id}", wait_seconds=45) in {roughly(far["seconds_left"])} to see.',
    )


async def what_became(call: ToolCall, batch: rules.DocumentBatch, seconds: float, said: list[str]) -> BatchStatus:
    """What every document became, as far as its conversion is by then."""
    journal = call.app.uploads.journal
    entries = [await journal.find(one.upload_id) for one in batch.items if one.state == "done"]
    known = {one.upload_id: one for one in entries if one}  # the same document twice is one upload
    followed = await look_after(call.context, call.app.uploads, list(known.values()), seconds)
    by_upload = {one.entry.upload_id: one for one in followed}
    rows = [batch_row(one, by_upload.get(one.upload_id), batch) for one in batch.items]
    converting = any(one.is_under_way for one in followed)
    stopped = [batch.stopped] if batch.stopped else []
    return BatchStatus(
        plan_id=batch.plan_id,
        state="stopped" if batch.is_stopped else "complete",
        counts=counts_with_conversions(batch, rows),
        items=failures_first(rows),
        warnings=[*stopped, *said],
        next_step=next_batch_call(batch, converting=converting) or the_other_links(rows),
    )


def the_other_links(rows: list[BatchRow]) -> str | None:
    """Where the links are of which the text has no room."""
    linked = sum(one.direct_link is not None for one in rows)
    if len(rows) <= SHORTENED["items"] or not linked:
        return None
    return (
        "Call get_upload(wait_seconds=0) for the links that this text leaves out: it has all uploads of the last day."
    )


def counts_with_conversions(batch: rules.DocumentBatch, rows: Iterable[BatchRow]) -> dict[str, int]:
    """How many there are of each state: a document that was sent and could not be converted has failed."""
    pairs = zip(batch.items, rows, strict=True)
    return dict(Counter("failed" if row.state == "failed" else item.state for item, row in pairs))


def failures_first(rows: Iterable[BatchRow]) -> list[BatchRow]:
    """In their order; but where a text tells only the first, these are the ones that a person has to know of."""
    found = list(rows)
    return found if len(found) <= SHORTENED["items"] else sorted(found, key=lambda one: one.state in WELL)


def next_batch_call(batch: rules.DocumentBatch, *, converting: bool) -> str | None:
    """The call that goes on from here."""
    call = f'Call create_collections(plan_id="{batch.plan_id}")'
    if batch.is_stopped:
        return after_a_stop(batch.stopped, call)
    if converting:
        return "All is uploaded. Call get_upload(wait_seconds=45) to wait for the conversions; it gives the links."
    return None if batch.is_over else f"{call} to try what failed once more."


def batch_row(
    item: rules.BatchItem, followed: Followed | None = None, batch: rules.DocumentBatch | None = None
) -> BatchRow:
    """One line of the table."""
    if followed is None:
        return BatchRow(
            name=item.name, pages=item.pages, title=item.title or None, state=item.state, reason=item.said or None
        )
    other = other_than_planned(batch.action(item), followed, item) if batch else ()
    said = " ".join(filter(None, (item.said, *other, *warn_about(followed))))
    return BatchRow(
        name=item.name,
        title=item.title,
        state=state_of(followed.entry),
        collection_hash=followed.entry.collection_hash or None,
        direct_link=followed.direct_link,
        reason=said or None,
    )


def other_than_planned(wanted: CreateCollection, followed: Followed, item: rules.BatchItem) -> Iterable[str]:
    """Where a document is not what the plan says: it was there before, or Flipsnack made something else of it."""
    if THE_SAME in item.said:
        listed = Listed.of(followed.listed) if followed.listed else None
        return left_as_it_is(wanted, followed.collection or listed)
    return differences(wanted, followed.collection) if followed.collection else ()
