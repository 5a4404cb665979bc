"""From a plan to what came of it: kept, confirmed where something goes offline, carried out in the background, watched."""

from collections.abc import Sequence
from functools import partial

from mcp.types import InputRequiredResult

from flipsnack_mcp.api import Changed, FlipsnackError
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.callers.rights import NotTheirsError, check_taking_offline
from flipsnack_mcp.server.consent.preview import Batch
from flipsnack_mcp.server.consent.yes import SaidNoError, Yes, brings_no_yes
from flipsnack_mcp.server.tools.plans.answers import (
    PlanStatus,
    all_items,
    counts,
    made_by,
    plan_status,
    running,
    to_be_undone,
)
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.plans import rules
from flipsnack_mcp.workflows.plans.drafts import PlanDraft
from flipsnack_mcp.workflows.plans.record import PLAN
from flipsnack_mcp.workflows.progress import Progress

NOTHING = "No collection would change."
RESTS = "Nobody carries this plan out: it is not known that whoever began it may still have it done."


async def keep_plan(call: ToolCall, draft: PlanDraft, said: Sequence[str], when_none_fits: str = "") -> PlanStatus:
    """Write down a plan of this tool, with all of it as a file where it is longer than an answer, and show it."""
    kept = await kept_plan(call, draft)
    if kept is None:
        step = None if draft.unchanged or draft.refused else when_none_fits or None
        told = counts([], draft.unchanged)
        return PlanStatus(state="complete", counts=told, warnings=[NOTHING, *said], next_step=step)
    return await plan_status(call, kept, "planned", *said)


async def kept_plan(call: ToolCall, draft: PlanDraft) -> rules.PlanSnapshot | None:
    """Write down a plan of this tool, where it would change something and the allowance has room for it."""
    if going := sum(one.goes_offline for one in draft.items):
        check_taking_offline()
        await call.app.allowance.check(going)
    if not draft.items:
        return None
    plan = await call.app.plans.record.keep(draft, call.tool, call.beginner)
    return rules.PlanSnapshot(plan, draft.items, plan.made)


async def go_on(
    call: ToolCall, plan_id: str, confirmation: str | None, seconds: float
) -> PlanStatus | InputRequiredResult:
    """Have a plan of this tool carried out in the background, and watch."""
    seen = await earlier_plan(call, plan_id)
    if seen.is_over:
        call.ended = ""  # its end was written down when it came
        return await plan_status(call, seen, "complete")
    if not CALLER.get().may_act_on(seen.plan.principal):
        return await as_others_see(call, seen)
    check_age(seen)
    question = await confirm(call, confirmation, seen)
    return question or await carry_out(call, seconds, seen.plan)


async def as_others_see(call: ToolCall, seen: rules.PlanSnapshot) -> PlanStatus:
    """How far the plan of another caller is, whose it is to carry out."""
    if not seen.plan.started:
        raise NotTheirsError(seen.plan.caller)
    call.ended = ""  # what becomes of it is on record as its caller's
    if not seen.is_under_way:
        return (await plan_status(call, seen, "complete")).model_copy(update={"next_step": None})
    if await rests(call, seen):
        step = f"Tell the person what is left. Call {call.tool} without plan_id to make a plan for it."
        return (await plan_status(call, seen, "stopped", RESTS)).model_copy(update={"next_step": step})
    call.aside = all_items(seen)
    return running(seen, Progress())


async def rests(call: ToolCall, seen: rules.PlanSnapshot) -> bool:
    """Whether nobody is at a plan and nobody here would go on with it; another server may know its caller."""
    plan, jobs = seen.plan, call.app.jobs
    if call.app.still_may(plan.principal, destroys=bool(seen.offline)):
        return False
    return not (jobs.running(PLAN, plan.plan_id) or await jobs.elsewhere(PLAN, plan.plan_id))


async def earlier_plan(call: ToolCall, plan_id: str) -> rules.PlanSnapshot:
    """The plan of this account, which this tool has made."""
    seen = await call.app.plans.record.look(plan_id)
    undoes = call.tool == rules.UNDOING
    if seen is None and (other := await call.app.batches.record.look(plan_id)):
        raise to_be_undone(started=other.batch.started) if undoes else made_by("create_collections", plan_id)
    if seen is None:
        raise no_such_plan(call.tool)
    plan = seen.plan
    if undoes and plan.tool != call.tool:
        raise to_be_undone(started=plan.started, history_id=plan.history_id)
    if plan.tool != call.tool:
        raise made_by(plan.tool, plan_id)
    return seen


def check_age(seen: rules.PlanSnapshot) -> None:
    """Raise where a plan is too old to hold to."""
    if seen.is_old:
        done = sum(one.state == "done" for one in seen.items)
        raise too_old(seen.plan.tool, f"Earlier calls changed {done} of its {as_many(seen.plan.count, 'collection')}.")


async def confirm(call: ToolCall, code: str | None, seen: rules.PlanSnapshot) -> InputRequiredResult | None:
    """None once a person said yes to what is to go offline, a moment ago or by an earlier call."""
    if not seen.offline:
        return None
    allowance = call.app.allowance
    count = partial(allowance.count, named=seen.counted)
    call.app.confirmation.check()
    confirmed = seen.is_confirmed and seen.plan.confirmed in call.app.confirmation.yeses
    if confirmed and not brings_no_yes(call.request):
        call.confirmed = seen.plan.confirmed
        await call.app.jobs.store.transact(count)
        return None
    await call.app.jobs.store.transact(partial(allowance.check_all, named=seen.counted))
    yes = await yes_of(call, code, seen)
    if isinstance(yes, InputRequiredResult):
        return yes
    await yes.spend()
    await call.app.plans.record.confirmed(seen.plan, call.confirmed, count)
    return None


async def yes_of(call: ToolCall, code: str | None, seen: rules.PlanSnapshot) -> Yes | InputRequiredResult:
    """The same as `ToolCall.ask`; a no counts also where another form for this plan was answered with a yes before."""
    try:
        return await call.ask(code, Batch(seen.plan, seen.offline))
    except SaidNoError:
        if not await call.app.plans.record.take_back(seen.plan):
            raise
        raise FlipsnackError(
            "The person said no, after another form for the same plan was answered with a yes: what is left of it stays.",
            "Tell the person: some of it may be done; `list_collections` shows what is left. Do not ask again unless they bring it up.",
            changed=Changed.PERHAPS,
        ) from None


async def carry_out(call: ToolCall, seconds: float, plan: rules.Plan) -> PlanStatus:
    """Have a plan carried out, and say how far it is when the time is up."""
    plans, context = call.app.plans, call.context
    try:
        job = await plans.start(plan)
        call.ended = ""
        last = await call.app.jobs.show(PLAN, plan.plan_id, context.patience(seconds), context.tell)
        seen = await plans.record.look(plan.plan_id)
    except StoreUnusable as error:
        raise broken_off(call.tool, plan.plan_id, "collections", error) from None
    if job and job.error:
        raise broken_off(call.tool, plan.plan_id, "collections", job.error)
    seen = seen or rules.PlanSnapshot(plan, (), plan.made)
    stopped = seen.plan.stopped
    if seen.is_under_way and not stopped:
        call.aside = all_items(seen)
        return running(seen, last)
    return await plan_status(call, seen, "stopped" if stopped else "complete", stopped)


def no_such_plan(tool: str) -> FlipsnackError:
    """The error for an id under which no plan of this account is known."""
    step = f"Call {tool} without plan_id to make one, and show it to the person."
    return FlipsnackError("There is no such plan.", step)


def too_old(tool: str, said: str) -> FlipsnackError:
    """The error for a plan that is no longer worth holding to, with what came of it."""
    return FlipsnackError(
        f"{rules.PLAN_IS_OLD} {said}", f"Call {tool} without plan_id to make a new plan for the rest."
    )


def broken_off(tool: str, plan_id: str, what: str, error: Exception) -> FlipsnackError:
    """The error for a plan that ended before it could be written down how far it is."""
    told = as_callers_hear(error) if isinstance(error, StoreUnusable) else error
    happened, next_step = (getattr(told, name) for name in ("happened", "next_step"))
    return FlipsnackError(
        f"How far plan {plan_id} is cannot be written down: {happened}",
        f'{next_step} Then call {tool}(plan_id="{plan_id}").',
        changed=Changed.PERHAPS,
        retry=f"Do not make a new plan for the same {what}.",
    )
