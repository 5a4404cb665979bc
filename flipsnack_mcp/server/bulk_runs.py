"""update_collections: first only a plan, then exactly that plan, in as many calls as it takes."""

from __future__ import annotations

from dataclasses import replace

import anyio
from mcp.types import InputRequiredResult

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.server.bulk_answers import carried, counts, is_over, notes, status_of
from flipsnack_mcp.server.bulk_calls import UpdateCollectionsCall
from flipsnack_mcp.server.change_runs import renamed
from flipsnack_mcp.server.consent.plans import Batch
from flipsnack_mcp.server.desk import recorded
from flipsnack_mcp.server.results import PlanStatus
from flipsnack_mcp.server.tool import Work
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.choosing import chosen
from flipsnack_mcp.workflows.plans.carrying_out import Record, carry_out
from flipsnack_mcp.workflows.plans.rules import Item, Plan, planned
from flipsnack_mcp.workflows.waiting import SPARE

MOST = 1000
"""Collections in one plan: more would take the key for an hour."""
TIME_FOR_ONE = 10.0
"""Seconds of a call kept for the item that is under way when the time is up."""
NOTHING = "No collection would change."


async def update_collections(work: Work, call: UpdateCollectionsCall) -> PlanStatus | InputRequiredResult:
    """Make a plan, or carry one out."""
    if call.plan_id is None:
        return await planning(work, call)
    plan = await found(work, call.plan_id)
    items = await work.app.plans.items(plan)
    if is_over(items):
        return status_of(plan, items, "complete")
    await still_good(work, plan, items)
    asked = await confirmed(work, call, plan, items)
    return asked if isinstance(asked, InputRequiredResult) else await carried_on(work, call, asked)


async def planning(work: Work, call: UpdateCollectionsCall) -> PlanStatus:
    """What the rule would make of the collections that are meant; nothing is changed."""
    choice = call.choice
    rows = await chosen(work.errand, choice)
    draft = planned(call.rule, rows)
    if len(draft.items) > MOST:
        raise FlipsnackError(
            f"{len(draft.items)} collections would change; one plan takes at most {MOST}.", "Choose fewer of them."
        )
    missing = [one for one in choice.collections if one not in {row.collection_hash for row in rows}]
    said = notes(draft, missing)
    if not draft.items:
        return PlanStatus(state="complete", counts=counts([], draft.unchanged), items=[], warnings=[NOTHING, *said])
    return status_of(await work.app.plans.keep(draft), list(draft.items), "planned", *said)


async def found(work: Work, plan_id: str) -> Plan:
    """The plan of this account."""
    plan = await work.app.plans.plan(plan_id.strip().lower())
    if plan is None:
        raise FlipsnackError(
            "There is no such plan.", "Call update_collections without plan_id to make one, and show it to the person."
        )
    return plan


async def still_good(work: Work, plan: Plan, items: list[Item]) -> None:
    """Raise where a plan is too old to hold to."""
    if await work.app.plans.too_old(plan):
        done = sum(one.state == "done" for one in items)
        raise FlipsnackError(
            f"This plan is more than a day old. Of its {plan.count} collections {done} were changed by earlier calls.",
            "Call update_collections without plan_id to make a new plan for the rest.",
        )


async def confirmed(
    work: Work, call: UpdateCollectionsCall, plan: Plan, items: list[Item]
) -> Plan | InputRequiredResult:
    """The plan once a person said yes to what it takes offline; the yes holds for all calls that go on with it."""
    offline = tuple(one for one in items if one.goes_offline)
    if not offline:
        return plan
    if plan.confirmed:
        work.app.confirmation.check()
    else:
        how = await work.app.confirmation.given(work.call, work.tool, call.confirmation, Batch(plan, offline))
        if isinstance(how, InputRequiredResult):
            return how
        plan = await work.app.plans.confirmed(plan, how)
    work.trail.confirmed = plan.confirmed
    return plan


async def carried_on(work: Work, call: UpdateCollectionsCall, plan: Plan) -> PlanStatus:
    """Carry out what can be done within the time of this call, and say how far it is."""
    errand = replace(work.errand, deadline=work.call.deadline - SPARE)
    end = min(anyio.current_time() + call.wait_seconds, work.call.deadline - TIME_FOR_ONE)
    try:
        ended = await carry_out(errand, work.app.plans, plan, record_of(work), end)
        items = await work.app.plans.items(plan)
    except StoreUnusable as error:
        raise FlipsnackError(
            f"How far plan {plan.plan_id} is cannot be written down: {error.happened}",
            f'{error.next_step} Then call update_collections(plan_id="{plan.plan_id}").',
            changed=Changed.PERHAPS,
            retry="Do not make a new plan for the same collections.",
        ) from None
    return carried(plan, items, ended)


def record_of(work: Work) -> Record:
    """The history, in which every collection of a plan has entries of its own."""

    def about(item: Item) -> Work:
        return replace(work, target=item.collection_hash)

    async def before(item: Item, collection: Collection) -> None:
        await about(item).save(collection)

    async def after(item: Item) -> None:
        await recorded(about(item), item.state, item.said)
        if item.new_hash:
            await renamed(work, item.collection_hash, item.new_hash)

    return Record(before, after)
