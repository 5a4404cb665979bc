"""stop_work: ends whatever goes on in the background, by the id that an answer gave."""

from typing import Annotated

from pydantic import Field

from flipsnack_mcp.api import Effect, FlipsnackError
from flipsnack_mcp.server.callers.accounts import EVERY_ONE, WhichAccountError, names_of
from flipsnack_mcp.server.callers.rights import check_theirs
from flipsnack_mcp.server.tools.addresses import closed_address
from flipsnack_mcp.server.tools.arguments import GivenId, ToolInput
from flipsnack_mcp.server.tools.reporting.going_on import known_joint
from flipsnack_mcp.server.tools.tool import Answered, NextStep, ToolCall
from flipsnack_mcp.workflows.batches.record import BATCH
from flipsnack_mcp.workflows.begun import BegunWork
from flipsnack_mcp.workflows.plans.record import PLAN
from flipsnack_mcp.workflows.reports.record import REPORT
from flipsnack_mcp.workflows.uploads.journal import UPLOAD

WHAT_STANDS = {
    "upload": "If all of it had been sent, get_upload tells in a minute what came of it.",
    "download": "Nothing of it was saved.",
    "report": "What was asked about closed days is kept: a new report does not ask it again.",
    "plan": "What was done stays done; the same tool with its plan_id goes on with the rest.",
    "batch": "What was uploaded stays; create_collections with its plan_id goes on with the rest.",
}
STEP_PATIENCE = 30.0
"""Seconds for a step that is not broken off, such as a change that was sent and is not answered."""
ENDS_LATER = (
    "stopping: it ends within half a minute, or once what it has sent is answered, here or where another process "
    "carries it out"
)
NOTHING_HAD_COME = "Nothing had come to its address, which takes no document any more: nothing was uploaded."
ANY_OTHER = "What was done stays done; the tool that began it tells how far it came."


class StopWorkInput(ToolInput):
    """Stop, cancel or abort running work: an upload, download, report, audit, plan or batch. Done parts stay done."""

    tool_name = "stop_work"
    tool_title = "Stop work"
    effect = Effect.WRITES
    over = "work in the background"
    idempotent = True

    work_id: Annotated[GivenId, Field(description="Its upload_id, plan_id, report_id or download_id")]


class StoppedWork(Answered):
    """What was stopped."""

    work_id: Annotated[str, Field(description="As given")]
    kind: Annotated[str, Field(description="upload, download, report, plan or batch")]
    state: Annotated[str, Field(description="stopped, or stopping elsewhere")]
    next_step: NextStep = None


NOT_OVER_ALL = (
    f'With account="{EVERY_ONE}" a report over all accounts is stopped, and none goes by that id: '
    "name the account whose work it is."
)


async def stop_work(call: ToolCall, arguments: StopWorkInput) -> StoppedWork:
    """Stop what goes by an id, whoever carries it out; of all accounts, a report over them."""
    wanted = arguments.work_id
    if len(call.apps) > 1:
        return await stop_everywhere(call, wanted)
    if collection := call.app.downloads.stoppable(wanted):
        await call.app.downloads.drop(collection)
        return stopped_work(wanted, "download", ended=True)
    if await closed_address(call, wanted):
        return StoppedWork(work_id=wanted, kind="upload", state="stopped", next_step=NOTHING_HAD_COME)
    kind = await call.app.jobs.kind_of(wanted)
    if begun := await work_under(call, kind or "", wanted):
        check_theirs(begun.principal, begun.caller)
    if kind is None or not await call.app.jobs.stop(kind, wanted, call.context.patience(STEP_PATIENCE)):
        raise await nothing_to_stop(call, wanted)
    return stopped_work(wanted, kind, ended=await call.app.jobs.kind_of(wanted) is None)


async def work_under(call: ToolCall, kind: str, wanted: str) -> BegunWork | None:
    """What is on record of work that goes by an id. A download has no record: a package is there for all who may read."""
    app = call.app
    if kind == PLAN:
        plan = await app.plans.record.look(wanted)
        return plan.plan if plan else None
    if kind == BATCH:
        batch = await app.batches.record.look(wanted)
        return batch.batch if batch else None
    if kind == UPLOAD:
        return await app.uploads.journal.find(wanted)
    return await app.reports.record.report(wanted) if kind == REPORT else None


async def stop_everywhere(call: ToolCall, wanted: str) -> StoppedWork:
    """Stop the report that each account has of a report over all."""
    joint = await known_joint(call, wanted)
    if joint is None:
        raise WhichAccountError(NOT_OVER_ALL, f"The accounts are: {names_of(app.settings for app in call.apps)}.")
    check_theirs(joint.principal, joint.caller)
    parts = [(app.jobs, joint.parts[one]) for app in call.apps if (one := app.settings.account) in joint.parts]
    if not any([await jobs.stop(REPORT, part, call.context.patience(STEP_PATIENCE)) for jobs, part in parts]):
        raise await nothing_to_stop(call, wanted)
    left = [await jobs.kind_of(part) for jobs, part in parts]
    return stopped_work(wanted, REPORT, ended=not any(left))


async def nothing_to_stop(call: ToolCall, wanted: str) -> FlipsnackError:
    """What to say where nothing goes by the id; a report over all accounts is stopped in all of them or in none."""
    if len(call.apps) == 1 and await known_joint(call, wanted):
        step = f'Call stop_work(work_id="{wanted}", account="{EVERY_ONE}").'
        return FlipsnackError("This report is of all accounts together.", step)
    return await plan_at_rest(call, wanted) or FlipsnackError(
        "No work is under way under that id: it has ended, was never begun, or belongs to another account.",
        "Ask the tool that tells how it ended: get_upload for an upload, a report's own with its report_id.",
    )


async def plan_at_rest(call: ToolCall, wanted: str) -> FlipsnackError | None:
    """What to say of a plan that nobody carries out: who asks its tool how it ended has it carried out."""
    plan = await call.app.plans.record.look(wanted)
    batch = await call.app.batches.record.look(wanted)
    if plan is None and batch is None:
        return None
    if (plan and plan.is_over) or (batch and batch.batch.is_over):
        said = "That plan was carried out to its end: there is nothing to stop."
        return FlipsnackError(said, "Its own tool with its plan_id tells what came of it, and does nothing more.")
    return FlipsnackError(
        "That plan is not under way, and does not go on by itself: there is nothing to stop.",
        "Leave it: only a call with its plan_id would carry out what is left, so make none unless the person wants it.",
    )


def stopped_work(work_id: str, kind: str, *, ended: bool) -> StoppedWork:
    """The answer; another process is only asked to stop, and what became of an upload has to be looked up."""
    state = "stopped" if ended else ENDS_LATER
    return StoppedWork(work_id=work_id, kind=kind, state=state, next_step=WHAT_STANDS.get(kind, ANY_OTHER))
