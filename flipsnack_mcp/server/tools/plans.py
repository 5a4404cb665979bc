"""update_collections: first only a plan, then exactly that plan, carried out in the background while calls watch."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Literal, Self

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api import (
    Changed,
    Effect,
    FlipsnackError,
    FreeText,
    Status,
    first_few,
    quoted,
    refuse_half_characters,
)
from flipsnack_mcp.server.consent.preview import Batch
from flipsnack_mcp.server.tools.arguments import ChoosingAnyInput, ConfirmationCode, GivenId, WaitSeconds
from flipsnack_mcp.server.tools.tool import Answered, NextStep, ToolCall, Warnings
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.finding import choose
from flipsnack_mcp.workflows.plans import rules

MOST_IN_A_PLAN = 1000
"""Collections: more would take the key for an hour."""
NOTHING = "No collection would change."
ITEMS_TOLD, REASONS_TOLD = 100, 5
STATES: tuple[rules.ItemState, ...] = ("failed", "unclear", "skipped", "sending", "planned", "done")
"""What a person has to know first."""
PlanState = Literal["planned", "processing", "complete", "stopped"]
WITH_A_PLAN = frozenset({"plan_id", "confirmation", "wait_seconds"})
Words = Annotated[
    str, AfterValidator(refuse_half_characters), Field(max_length=rules.LONGEST_TITLE), FreeText(exact=True)
]


class UpdateCollectionsInput(ChoosingAnyInput):
    """Replace text in many titles or set many statuses. First it only plans: show the plan, then call with plan_id alone."""

    tool_name = "update_collections"
    tool_title = "Update many collections"
    effect = Effect.WRITES
    over = "collection.update, many times"
    overwrites = True
    idempotent = True

    find: Annotated[Words | None, Field(description="Title text")] = None
    replace: Annotated[Words | None, Field(description="Empty removes")] = None
    status: Annotated[Status | None, Field(description="New status")] = None
    plan_id: Annotated[GivenId | None, Field(description="To carry out")] = None
    confirmation: ConfirmationCode | None = None
    wait_seconds: WaitSeconds = 30

    @property
    @override
    def changes_something(self) -> bool:
        return self.plan_id is not None  # else it only plans

    @model_validator(mode="after")
    def a_plan_or_what_to_plan(self) -> Self:
        """Either a plan alone, or a rule and a choice to make one of."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if self.plan_id is None:
            if objection := self._objection():
                raise ValueError(objection)
            self.check_order()
        elif given - WITH_A_PLAN:
            raise ValueError("plan_id is carried out as it was planned: give only confirmation or wait_seconds with it")
        return self

    def _objection(self) -> str:
        if self.confirmation is not None:
            return "a confirmation is for a plan: give its plan_id too"
        if self.find is None and self.replace is None and self.status is None:
            return "say what to change: find and replace, or the new status"
        if not self.find and (self.find is not None or self.replace is not None):
            return "say which text of the titles to replace: give find"
        if self.find is not None and self.replace is None:
            return "say what to put in its place: give replace; an empty one removes the text"
        if not self.chooses and not self.everything:
            return "say which collections: give collections, query, only_status, created_after, created_before or everything"
        return ""


class PlannedChange(Answered):
    """Before and after."""

    collection_hash: str
    """The new one, once it has one."""
    title: str
    new_title: str | None = None
    status: str
    new_status: str | None = None
    publish_date: str | None = None
    created_date: str | None = None
    """Of a draft."""
    state: str
    reason: str | None = None


class PlanStatus(Answered):
    """A plan over many collections, and how far it is."""

    plan_id: Annotated[str | None, Field(description="Goes on")] = None
    state: Annotated[PlanState, Field(description="Of the plan")]
    counts: Annotated[dict[str, int], Field(description="By state")]
    items: Annotated[list[PlannedChange], Field(description="Failures first")]
    warnings: Warnings = []
    next_step: NextStep = None


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
    rows = await choose(call.context, choice)
    rule = rules.Rule(arguments.find, arguments.replace or "", arguments.status)
    draft = rules.draft_plan(rule, rows)
    if len(draft.items) > MOST_IN_A_PLAN:
        raise FlipsnackError(
            f"{len(draft.items)} collections would change; one plan takes at most {MOST_IN_A_PLAN}.",
            "Choose fewer of them.",
        )
    if going := sum(one.goes_offline for one in draft.items):
        await call.app.allowance.check(going)
    missing = [one for one in choice.collections if one not in {row.collection_hash for row in rows}]
    said = notes(draft, missing)
    if not draft.items:
        return PlanStatus(state="complete", counts=counts([], draft.unchanged), items=[], warnings=[NOTHING, *said])
    plan = await call.app.plans.record.keep(draft)
    return plan_status(rules.PlanSnapshot(plan, draft.items, plan.made), "planned", *said)


async def earlier_plan(call: ToolCall, plan_id: str) -> rules.PlanSnapshot:
    """The plan of this account."""
    seen = await call.app.plans.record.look(plan_id)
    if seen is None:
        raise FlipsnackError(
            "There is no such plan.", f"Call {call.tool} without plan_id to make one, and show it to the person."
        )
    if seen.plan.tool != call.tool:
        raise FlipsnackError(
            f"Plan {plan_id} is one of {seen.plan.tool}, which alone carries it out.",
            f'Show it to the person; once they agree, call {seen.plan.tool}(plan_id="{plan_id}").',
        )
    return seen


def check_age(seen: rules.PlanSnapshot) -> None:
    """Raise where a plan is too old to hold to."""
    if seen.is_old:
        done = sum(one.state == "done" for one in seen.items)
        raise FlipsnackError(
            f"{rules.PLAN_IS_OLD} Of its {seen.plan.count} collections {done} were changed by earlier calls.",
            f"Call {seen.plan.tool} without plan_id to make a new plan for the rest.",
        )


async def confirm(call: ToolCall, code: str | None, seen: rules.PlanSnapshot) -> InputRequiredResult | None:
    """None once a person said yes to what is to be deleted or to go offline, a moment ago or by an earlier call."""
    if not seen.offline:
        return None
    allowance = call.app.allowance
    count = partial(allowance.count, named=seen.counted)
    call.app.confirmation.check()
    if seen.is_confirmed and seen.plan.confirmed in call.app.confirmation.yeses:
        call.confirmed = seen.plan.confirmed
        await call.app.jobs.store.transact(count)
        return None
    await call.app.jobs.store.transact(partial(allowance.check_all, named=seen.counted))
    yes = await call.ask(code, Batch(seen.plan, seen.offline))
    if isinstance(yes, InputRequiredResult):
        return yes
    await yes.spend()
    await call.app.plans.record.confirmed(seen.plan, call.confirmed, count)
    return None


async def carry_out(call: ToolCall, seconds: float, plan: rules.Plan) -> PlanStatus:
    """Have a plan carried out, and say how far it is when the time is up."""
    plans, context = call.app.plans, call.context
    try:
        job = await plans.start(plan)
        await plans.watch(plan, context.patience(seconds), context.tell)
        seen = await plans.record.look(plan.plan_id)
    except StoreUnusable as error:
        raise broken_off(plan, error) from None
    if job and job.error:
        raise broken_off(plan, job.error)
    seen = seen or rules.PlanSnapshot(plan, (), plan.made)
    stopped = seen.plan.stopped
    return plan_status(seen, "stopped" if stopped else "processing" if seen.left else "complete", stopped)


def broken_off(plan: rules.Plan, error: Exception) -> FlipsnackError:
    """The error for a plan that ended before it could be written down how far it is."""
    happened, next_step = (getattr(error, name) for name in ("happened", "next_step"))
    return FlipsnackError(
        f"How far plan {plan.plan_id} is cannot be written down: {happened}",
        f'{next_step} Then call {plan.tool}(plan_id="{plan.plan_id}").',
        changed=Changed.PERHAPS,
        retry="Do not make a new plan for the same collections.",
    )


def plan_status(seen: rules.PlanSnapshot, state: PlanState, *warnings: str) -> PlanStatus:
    """A plan, as far as it is."""
    first = sorted(seen.items, key=lambda one: STATES.index(one.state))
    return PlanStatus(
        plan_id=seen.plan.plan_id,
        state=state,
        counts=counts(seen.items, seen.plan.unchanged),
        items=[plan_row(one) for one in first[:ITEMS_TOLD]],
        warnings=[one for one in warnings if one],
        next_step=next_plan_call(seen, state),
    )


def counts(items: Iterable[rules.Item], unchanged: int) -> dict[str, int]:
    """How many there are of each."""
    found = Counter(one.state for one in items)
    by_state: dict[str, int] = {state: found[state] for state in reversed(STATES) if found[state]}
    return {**by_state, "unchanged": unchanged}


def plan_row(item: rules.Item) -> PlannedChange:
    """One line of the table."""
    same = item.model_dump(include=PlannedChange.model_fields.keys() - {"collection_hash"})
    same["created_date"] = None if item.publish_date else item.created_date
    return PlannedChange(collection_hash=item.new_hash or item.collection_hash, reason=item.said or None, **same)


def next_plan_call(seen: rules.PlanSnapshot, state: PlanState) -> str | None:
    """The call that goes on from here."""
    call = f'Call {seen.plan.tool}(plan_id="{seen.plan.plan_id}", wait_seconds=30)'
    if state == "planned":
        return f"Nothing was changed yet: show this to the person. {call} once they agree."
    if state == "processing":
        return f"It goes on by itself. {call} to see how far it is."
    if state == "stopped":
        return f"Tell the person why it stopped. {call} to go on once that is mended."
    return None if seen.is_over else f"{call} to try what failed once more."


def notes(draft: rules.PlanDraft, missing: list[str]) -> list[str]:
    """What the person should know before they agree to a plan."""
    published = sum(one.publishes for one in draft.items)
    offline = sum(one.goes_offline for one in draft.items)
    refused = [f"{quoted(row.title, 80)} ({row.collection_hash}), as {reason}" for row, reason in draft.refused]
    unlisted, left = ("; ".join(first_few(named, REASONS_TOLD)) for named in (missing, refused))
    said = {
        f"Drafts that are published: {published}; each gets a new hash and link.": published,
        f"Collections that go offline: {offline}; their links and every embed of them stop working, and the person "
        "will be asked.": offline,
        f"Named, but not in the account or left out by a filter: {unlisted}.": len(missing),
        f"Left as they are: {left}.": len(refused),
    }
    return [text for text, count in said.items() if count]
