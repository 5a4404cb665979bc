"""create_collections: first only a plan of uploads, then exactly that plan, carried out in the background."""

import anyio
from anyio.to_thread import run_sync

from flipsnack_mcp.api import few_named, quoted
from flipsnack_mcp.files.paths.listing import list_files
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.callers.rights import NotTheirsError
from flipsnack_mcp.server.tools.batches.planning import CreateCollectionsInput, make_batch
from flipsnack_mcp.server.tools.batches.telling import BatchStatus, still_running, what_became
from flipsnack_mcp.server.tools.plans.answers import made_by
from flipsnack_mcp.server.tools.plans.going_on import broken_off, no_such_plan, too_old
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.batches import rules
from flipsnack_mcp.workflows.batches.record import BATCH
from flipsnack_mcp.workflows.progress import Progress


async def create_collections(call: ToolCall, arguments: CreateCollectionsInput) -> BatchStatus:
    """Make a plan; or have one carried out in the background, and watch."""
    if arguments.plan_id is None:
        return await make_batch(call, arguments)
    batch = await earlier_batch(call, arguments.plan_id)
    if not batch.is_over and not CALLER.get().may_act_on(batch.principal):
        return await batch_as_others_see(call, batch)
    return await send_batch(call, arguments.wait_seconds, batch)


async def batch_as_others_see(call: ToolCall, batch: rules.DocumentBatch) -> BatchStatus:
    """How far the batch of another caller is, whose it is to send."""
    if not batch.started:
        raise NotTheirsError(batch.caller)
    call.ended = ""
    return still_running(batch, Progress())


async def earlier_batch(call: ToolCall, plan_id: str) -> rules.DocumentBatch:
    """The plan of this account, unless it is too old to hold to."""
    seen = await call.app.batches.record.look(plan_id)
    if seen is None and (other := await call.app.plans.record.look(plan_id)):
        raise made_by(other.plan.tool, plan_id)
    if seen is None:
        raise no_such_plan(call.tool)
    if seen.is_old and not seen.batch.is_over:
        done = seen.batch.counts.get("done", 0)
        raise too_old(call.tool, f"Earlier calls uploaded {done} of its {as_many(len(seen.batch.items), 'document')}.")
    return seen.batch


async def send_batch(call: ToolCall, seconds: float, batch: rules.DocumentBatch) -> BatchStatus:
    """Have a batch carried out, and say how far it is when the time is up; its links once all is through."""
    call.ended = ""
    batches, context, progress = call.app.batches, call.context, Progress()
    end = anyio.current_time() + seconds
    said = await new_since(call, batch)
    try:
        job = None if batch.is_over else await batches.start(batch)
        if not batch.is_over:
            progress = await call.app.jobs.show(BATCH, batch.plan_id, context.patience(seconds), context.tell)
        seen = await batches.record.look(batch.plan_id)
    except StoreUnusable as error:
        raise broken_off(call.tool, batch.plan_id, "documents", error) from None
    if job and job.error:
        raise broken_off(call.tool, batch.plan_id, "documents", job.error)
    batch = seen.batch if seen else batch
    if batch.left and not batch.stopped:
        return still_running(batch, progress)
    return await what_became(call, batch, end - anyio.current_time(), said)


async def new_since(call: ToolCall, batch: rules.DocumentBatch) -> list[str]:
    """The documents that lie in the folder by now and are in no plan."""
    if not batch.folder:
        return []
    known = {one.path for one in batch.items}
    try:
        listing = await run_sync(lambda: list_files(batch.folder, call.app.settings.upload_dirs, deep=False))
    except RefusedFile:
        return []
    new = [quoted(one.place.name, 80) for one in listing.files if str(one.place.path) not in known]
    return few_named("New in the folder since the plan, and left", new)
