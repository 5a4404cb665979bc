"""update_collections: first only a plan, then exactly that plan, carried out in the background while calls watch."""

from typing import Annotated, Self

import anyio
from mcp.types import InputRequiredResult
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api.action import Effect, refuse_half_characters
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.api.parameters import Status
from flipsnack_mcp.server.consent.preview import Batch
from flipsnack_mcp.server.tools.choosing import ChoosingInput
from flipsnack_mcp.server.tools.options import ConfirmationCode, WaitSeconds
from flipsnack_mcp.server.tools.plan_status import PlanStatus, counts, notes, plan_status, status_so_far
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.choosing import Choice, choose
from flipsnack_mcp.workflows.plans.rules import LONGEST_TITLE, Plan, PlanSnapshot, Rule, draft_plan
from flipsnack_mcp.workflows.waiting import SPARE

MOST_IN_A_PLAN = 1000
"""Collections: more would take the key for an hour."""
NOTHING = "No collection would change."
WITH_A_PLAN = frozenset({"plan_id", "confirmation", "wait_seconds"})
Words = Annotated[str, AfterValidator(refuse_half_characters), Field(max_length=LONGEST_TITLE)]


class UpdateCollectionsInput(ChoosingInput):
    """Replace text in many titles or set many statuses. First it only plans: show the plan, then call with plan_id alone."""

    tool_name = "update_collections"
    tool_title = "Update many collections"
    effect = Effect.WRITES
    over = "collection.update, many times"
    overwrites = True
    idempotent = True

    find: Annotated[Words | None, Field(description="Exact text")] = None
    replace: Annotated[Words | None, Field(description="Empty removes")] = None
    status: Annotated[Status | None, Field(description="New status")] = None
    plan_id: Annotated[str | None, Field(max_length=40, description="To carry out")] = None
    confirmation: ConfirmationCode | None = None
    wait_seconds: WaitSeconds = 30

    @property
    @override
    def changes_something(self) -> bool:
        return self.plan_id is not None  # else it only plans

    @property
    def rule(self) -> Rule:
        """What shall become of them."""
        return Rule(self.find, self.replace or "", self.status)

    @model_validator(mode="after")
    def a_plan_or_what_to_plan(self) -> Self:
        """Either a plan alone, or a rule and a choice to make one of."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if self.plan_id is not None:
            if given - WITH_A_PLAN:
                raise ValueError(
                    "plan_id is carried out as it was planned: give only confirmation or wait_seconds with it"
                )
            return self
        if self.confirmation is not None:
            raise ValueError("a confirmation is for a plan: give its plan_id too")
        if objection := self._rule_objection() or self._choice_objection():
            raise ValueError(objection)
        self.check_order()
        return self

    def _rule_objection(self) -> str:
        if self.find is None and self.replace is None and self.status is None:
            return "say what to change: find and replace, or the new status"
        if not self.find and (self.find is not None or self.replace is not None):
            return "say which text of the titles to replace: give find"
        if self.find is not None and self.replace is None:
            return "say what to put in its place: give replace; an empty one removes the text"
        return ""

    def _choice_objection(self) -> str:
        if self.choice == Choice():
            return "say which collections: give collections, query, only_status, created_after or created_before"
        return ""


async def update_collections(call: ToolCall, arguments: UpdateCollectionsInput) -> PlanStatus | InputRequiredResult:
    """Make a plan; or have one carried out in the background, and watch."""
    if arguments.plan_id is None:
        return await make_plan(call, arguments)
    seen = await earlier_plan(call, arguments.plan_id)
    if seen.is_over:
        return plan_status(seen, "complete")
    check_age(seen)
    question = await confirm(call, arguments.confirmation, seen)
    return question or await carry_out(call, arguments.wait_seconds, seen.plan)


async def make_plan(call: ToolCall, arguments: UpdateCollectionsInput) -> PlanStatus:
    """What the rule would make of the collections that are meant; nothing is changed."""
    choice = arguments.choice
    rows = await choose(call.errand, choice)
    draft = draft_plan(arguments.rule, rows)
    if len(draft.items) > MOST_IN_A_PLAN:
        raise FlipsnackError(
            f"{len(draft.items)} collections would change; one plan takes at most {MOST_IN_A_PLAN}.",
            "Choose fewer of them.",
        )
    missing = [one for one in choice.collections if one not in {row.collection_hash for row in rows}]
    said = notes(draft, missing)
    if not draft.items:
        return PlanStatus(state="complete", counts=counts([], draft.unchanged), items=[], warnings=[NOTHING, *said])
    plan = await call.app.plans.record.keep(draft)
    return plan_status(PlanSnapshot(plan, draft.items, plan.made), "planned", *said)


async def earlier_plan(call: ToolCall, plan_id: str) -> PlanSnapshot:
    """The plan of this account."""
    seen = await call.app.plans.record.look(plan_id.strip().lower())
    if seen is None:
        raise FlipsnackError(
            "There is no such plan.", "Call update_collections without plan_id to make one, and show it to the person."
        )
    return seen


def check_age(seen: PlanSnapshot) -> None:
    """Raise where a plan is too old to hold to."""
    if seen.is_old:
        done = sum(one.state == "done" for one in seen.items)
        raise FlipsnackError(
            f"This plan is more than a day old. Of its {seen.plan.count} collections {done} were changed by earlier calls.",
            "Call update_collections without plan_id to make a new plan for the rest.",
        )


async def confirm(call: ToolCall, code: str | None, seen: PlanSnapshot) -> InputRequiredResult | None:
    """None once a person said yes to what is to go offline, a moment ago or by an earlier call."""
    if not seen.offline:
        return None
    if seen.is_confirmed:
        call.app.confirmation.check()
        call.trail.confirmed = seen.plan.confirmed
        return None
    if question := await call.ask(code, Batch(seen.plan, seen.offline)):
        return question
    await call.app.plans.record.confirmed(seen.plan, call.trail.confirmed)
    return None


async def carry_out(call: ToolCall, seconds: float, plan: Plan) -> PlanStatus:
    """Have a plan carried out, and say how far it is when the time is up."""
    plans, left = call.app.plans, call.request.deadline - SPARE - anyio.current_time()
    try:
        job = await plans.start(plan)
        await plans.watch(plan, max(0.0, min(seconds, left)), call.errand.tell)
        seen = await plans.record.look(plan.plan_id)
    except StoreUnusable as error:
        raise broken_off(plan, error) from None
    if job and job.error:
        raise broken_off(plan, job.error)
    return status_so_far(seen or PlanSnapshot(plan, (), plan.made))


def broken_off(plan: Plan, error: Exception) -> FlipsnackError:
    """The error for a plan that ended before it could be written down how far it is."""
    happened, next_step = (getattr(error, name) for name in ("happened", "next_step"))
    return FlipsnackError(
        f"How far plan {plan.plan_id} is cannot be written down: {happened}",
        f'{next_step} Then call update_collections(plan_id="{plan.plan_id}").',
        changed=Changed.PERHAPS,
        retry="Do not make a new plan for the same collections.",
    )
