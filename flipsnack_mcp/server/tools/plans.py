"""update_collections: first only a plan, then exactly that plan, in as many calls as it takes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal, Self

import anyio
from mcp.types import InputRequiredResult
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api.action import Effect, refuse_half_characters
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.api.parameters import Status
from flipsnack_mcp.api.text import quoted
from flipsnack_mcp.server.consent.preview import Batch
from flipsnack_mcp.server.tools.changes import note_new_hash
from flipsnack_mcp.server.tools.choosing import ChoosingInput
from flipsnack_mcp.server.tools.options import ConfirmationCode, WaitSeconds
from flipsnack_mcp.server.tools.tool import Answered, NextStep, ToolCall, Warnings
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.choosing import Choice, chosen
from flipsnack_mcp.workflows.plans.carrying_out import Ended, Record, carry_out
from flipsnack_mcp.workflows.plans.record import OPEN
from flipsnack_mcp.workflows.plans.rules import LONGEST_TITLE, Draft, Item, Plan, Rule, State, planned
from flipsnack_mcp.workflows.waiting import SPARE

MOST_IN_A_PLAN = 1000
"""Collections: more would take the key for an hour."""
TIME_FOR_ONE = 10.0
"""Seconds of a call kept for the item that is under way when the time is up."""
NOTHING = "No collection would change."
ITEMS_TOLD, TITLES_NAMED = 100, 5
STATES: tuple[State, ...] = ("failed", "unclear", "skipped", "sending", "planned", "done")
"""What a person has to know first."""
WITH_A_PLAN = frozenset({"plan_id", "confirmation", "wait_seconds"})
Words = Annotated[str, AfterValidator(refuse_half_characters), Field(max_length=LONGEST_TITLE)]
PlanState = Literal["planned", "processing", "complete", "stopped"]


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


class PlannedChange(Answered):
    """Before and after."""

    collection_hash: str
    """The new one, once it has one."""
    title: str
    new_title: str | None = None
    status: str
    new_status: str | None = None
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
    """Make a plan, or carry one out."""
    if arguments.plan_id is None:
        return await make_plan(call, arguments)
    plan = await earlier_plan(call, arguments.plan_id)
    items = await call.app.plans.items(plan)
    if is_over(items):
        return plan_status(plan, items, "complete")
    await refuse_old(call, plan, items)
    sure = await confirm(call, arguments.confirmation, plan, items)
    return sure if isinstance(sure, InputRequiredResult) else await go_on(call, arguments.wait_seconds, sure)


async def make_plan(call: ToolCall, arguments: UpdateCollectionsInput) -> PlanStatus:
    """What the rule would make of the collections that are meant; nothing is changed."""
    choice = arguments.choice
    rows = await chosen(call.errand, choice)
    draft = planned(arguments.rule, rows)
    if len(draft.items) > MOST_IN_A_PLAN:
        raise FlipsnackError(
            f"{len(draft.items)} collections would change; one plan takes at most {MOST_IN_A_PLAN}.",
            "Choose fewer of them.",
        )
    missing = [one for one in choice.collections if one not in {row.collection_hash for row in rows}]
    said = notes(draft, missing)
    if not draft.items:
        return PlanStatus(state="complete", counts=counts([], draft.unchanged), items=[], warnings=[NOTHING, *said])
    return plan_status(await call.app.plans.keep(draft), list(draft.items), "planned", *said)


async def earlier_plan(call: ToolCall, plan_id: str) -> Plan:
    """The plan of this account."""
    plan = await call.app.plans.plan(plan_id.strip().lower())
    if plan is None:
        raise FlipsnackError(
            "There is no such plan.", "Call update_collections without plan_id to make one, and show it to the person."
        )
    return plan


async def refuse_old(call: ToolCall, plan: Plan, items: list[Item]) -> None:
    """Raise where a plan is too old to hold to."""
    if await call.app.plans.too_old(plan):
        done = sum(one.state == "done" for one in items)
        raise FlipsnackError(
            f"This plan is more than a day old. Of its {plan.count} collections {done} were changed by earlier calls.",
            "Call update_collections without plan_id to make a new plan for the rest.",
        )


async def confirm(call: ToolCall, code: str | None, plan: Plan, items: list[Item]) -> Plan | InputRequiredResult:
    """The plan once a person said yes to what it takes offline; the yes holds for all calls that go on with it."""
    offline = tuple(one for one in items if one.goes_offline)
    if not offline:
        return plan
    if plan.confirmed:
        call.app.confirmation.check()
        call.trail.confirmed = plan.confirmed
        return plan
    if question := await call.ask(code, Batch(plan, offline)):
        return question
    return await call.app.plans.confirmed(plan, call.trail.confirmed)


async def go_on(call: ToolCall, seconds: float, plan: Plan) -> PlanStatus:
    """Carry out what can be done within the time of this call, and say how far it is."""
    errand = replace(call.errand, deadline=call.request.deadline - SPARE)
    end = min(anyio.current_time() + seconds, call.request.deadline - TIME_FOR_ONE)
    try:
        ended = await carry_out(errand, call.app.plans, plan, record_of(call), end)
        items = await call.app.plans.items(plan)
    except StoreUnusable as error:
        raise FlipsnackError(
            f"How far plan {plan.plan_id} is cannot be written down: {error.happened}",
            f'{error.next_step} Then call update_collections(plan_id="{plan.plan_id}").',
            changed=Changed.PERHAPS,
            retry="Do not make a new plan for the same collections.",
        ) from None
    return status_after(plan, items, ended)


def record_of(call: ToolCall) -> Record:
    """The history, in which every collection of a plan has entries of its own."""

    def about(item: Item) -> ToolCall:
        return replace(call, target=item.collection_hash)

    async def before(item: Item, collection: Collection) -> None:
        await about(item).save(collection)

    async def after(item: Item) -> None:
        await about(item).record(item.state, item.said)
        if item.new_hash:
            await note_new_hash(call, item.collection_hash, item.new_hash)

    return Record(before, after)


def plan_status(plan: Plan, items: list[Item], state: PlanState, *warnings: str) -> PlanStatus:
    """A plan, as far as it is."""
    first = sorted(items, key=lambda one: STATES.index(one.state))
    return PlanStatus(
        plan_id=plan.plan_id,
        state=state,
        counts=counts(items, plan.unchanged),
        items=[plan_row(one) for one in first[:ITEMS_TOLD]],
        warnings=[one for one in warnings if one],
        next_step=next_plan_call(plan, items, state),
    )


def status_after(plan: Plan, items: list[Item], ended: Ended) -> PlanStatus:
    """A plan after a call that worked on it."""
    state: PlanState = "stopped" if ended.stopped else "processing" if has_open(items) else "complete"
    return plan_status(plan, items, state, ended.stopped, ended.waits)


def has_open(items: Iterable[Item]) -> bool:
    """Whether there is something nobody has tried yet, or somebody is at."""
    return any(one.state in OPEN for one in items)


def is_over(items: Iterable[Item]) -> bool:
    """Whether another call would change nothing."""
    return not any(one.state in OPEN or one.again for one in items)


def counts(items: Iterable[Item], unchanged: int) -> dict[str, int]:
    """How many there are of each."""
    found = Counter(one.state for one in items)
    by_state: dict[str, int] = {state: found[state] for state in reversed(STATES) if found[state]}
    return {**by_state, "unchanged": unchanged}


def plan_row(item: Item) -> PlannedChange:
    """One line of the table."""
    same = item.model_dump(include={"title", "new_title", "status", "new_status", "state"})
    return PlannedChange(collection_hash=item.new_hash or item.collection_hash, reason=item.said or None, **same)


def next_plan_call(plan: Plan, items: list[Item], state: PlanState) -> str | None:
    """The call that goes on from here."""
    call = f'Call update_collections(plan_id="{plan.plan_id}", wait_seconds=30)'
    if state == "planned":
        return f"Nothing was changed yet: show this to the person. {call} once they agree."
    if state == "processing":
        return f"{call} to go on; nothing more is changed until then."
    if state == "stopped":
        return f"Tell the person why it stopped. {call} to go on once that is mended."
    return None if is_over(items) else f"{call} to try what failed once more."


def notes(draft: Draft, missing: list[str]) -> list[str]:
    """What the person should know before they agree to a plan."""
    published = sum(one.publishes for one in draft.items)
    offline = sum(one.goes_offline for one in draft.items)
    said = {
        f"Drafts that are published: {published}; each gets a new hash and link.": published,
        f"Collections that go offline: {offline}; their links and every embed of them stop working, and the person "
        "will be asked.": offline,
        f"Named, but not in the account or left out by a filter: {some(missing)}.": len(missing),
        f"Left as they are: {some([refused(*one) for one in draft.refused])}.": len(draft.refused),
    }
    return [text for text, count in said.items() if count]


def refused(collection: CollectionSummary, reason: str) -> str:
    """A collection that the rule would make nonsense of."""
    return f"{quoted(collection.title, 80)} ({collection.collection_hash}), as {reason}"


def some(named: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f"; and {len(named) - TITLES_NAMED} more" if len(named) > TITLES_NAMED else ""
    return "; ".join(named[:TITLES_NAMED]) + more
