"""What is answered about a plan over many collections: what it would change, how far it is, what came of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.server.tools.plans.saving import saved_list
from flipsnack_mcp.server.tools.tool import (
    GOES_ON,
    Answered,
    ByAddress,
    HistoryId,
    HowFar,
    NextStep,
    ToolCall,
    Warnings,
    in_numbers,
)
from flipsnack_mcp.server.views.showing import Aside
from flipsnack_mcp.workflows.plans import rules
from flipsnack_mcp.workflows.plans.carrying_out import ON_REQUEST
from flipsnack_mcp.workflows.plans.item import Item, ItemState
from flipsnack_mcp.workflows.plans.listing import how_far_along
from flipsnack_mcp.workflows.progress import Progress, roughly

ITEMS_TOLD = 20
STATES: tuple[ItemState, ...] = ("failed", "unclear", "skipped", "sending", "planned", "done")
"""What a person has to know first."""
FAILURES = frozenset[ItemState]({"failed", "unclear", "skipped"})
PlanState = Literal["planned", "running", "complete", "stopped"]


class PlannedChange(Answered):
    """Before and after."""

    collection_hash: str
    """The new one, once it has one."""
    title: str
    new_title: str | None = None
    status: str
    new_status: str | None = None
    new_description: str | None = None
    """Of an undoing; else it is the same for all."""
    new_width: int | None = None
    new_height: int | None = None
    date: str | None = None
    state: str
    reason: str | None = None


PlannedRow = Annotated[PlannedChange, WithJsonSchema({"type": "object"})]
"""Its fields explain themselves, and three tools would describe each of them once more in every list."""


class PlanStatus(Answered):
    """A plan over many collections, and how far it is."""

    plan_id: Annotated[str | None, Field(description="Goes on")] = None
    state: Annotated[PlanState, Field(description="Of the plan")]
    counts: Annotated[dict[str, int], Field(description="By state")]
    progress: HowFar = None
    items: Annotated[list[PlannedRow] | None, Field(description="Failures first")] = None
    path: Annotated[str | None, Field(description="All of them")] = None
    file_address: ByAddress = None
    expires_at: ByAddress = None
    history_id: HistoryId = None
    warnings: Warnings = []
    next_step: NextStep = None


def running(seen: rules.PlanSnapshot, last: Progress) -> PlanStatus:
    """How far a plan is that goes on by itself: counts, the time that is left, and what failed until now."""
    far = in_numbers(how_far_along(seen) if last.seconds_left is None else last)
    far["done"] = seen.plan.count - len(seen.left)
    failures = [plan_row(one, seen.plan.tool) for one in seen.items if one.state in FAILURES]
    return PlanStatus(
        plan_id=seen.plan.plan_id,
        state="running",
        counts=counts(seen.items, seen.plan.unchanged),
        progress=far,
        items=failures[:ITEMS_TOLD] or None,
        history_id=seen.plan.history_id,
        warnings=[last.trouble] if last.trouble else [],
        next_step=f"{GOES_ON} Call {call_of(seen)} in {roughly(far['seconds_left'])} to see.",
    )


async def plan_status(call: ToolCall, seen: rules.PlanSnapshot, state: PlanState, *warnings: str) -> PlanStatus:
    """A plan that is not under way: its items, as far as they say more than the counts, and all as a file where they are more."""
    worth = [one for one in seen.items if state == "planned" or one.is_worth_telling]
    first = sorted(worth, key=urgency)
    call.aside = all_items(seen)
    saved, unsaved = await saved_list(call, seen, ITEMS_TOLD)
    refusal = call.app.confirmation.refusal if seen.offline else ""
    return PlanStatus(
        plan_id=seen.plan.plan_id,
        state=state,
        counts=counts(seen.items, seen.plan.unchanged),
        items=[plan_row(one, seen.plan.tool) for one in first[:ITEMS_TOLD]] or None,
        **saved,
        history_id=seen.plan.history_id,
        warnings=[one for one in (*warnings, unsaved) if one],
        next_step=refusal or next_plan_call(seen, state),
    )


def urgency(item: Item) -> int:
    """How early a person has to know of it."""
    return STATES.index(item.state)


def all_items(seen: rules.PlanSnapshot) -> Aside:
    """Every item, in the order of those that are told."""
    rows = (plan_row(one, seen.plan.tool) for one in sorted(seen.items, key=urgency))
    return Aside(rows=(one.model_dump(exclude_none=True) for one in rows))


def counts(items: Iterable[Item], unchanged: int) -> dict[str, int]:
    """How many there are of each."""
    found = Counter(one.state for one in items)
    by_state: dict[str, int] = {state: found[state] for state in reversed(STATES) if found[state]}
    return {**by_state, "unchanged": unchanged}


def plan_row(item: Item, tool: str) -> PlannedChange:
    """One line of the table."""
    beside = {f"new_{name}": value for name, value in item.beside_the_list.items()} if tool == rules.UNDOING else {}
    same = item.model_dump(include={"title", "new_title", "status", "new_status", "state"})
    known = {"collection_hash": item.new_hash or item.collection_hash, "date": item.day or None}
    return PlannedChange(**known, reason=item.said or None, **same, **beside)


def made_by(tool: str, plan_id: str) -> FlipsnackError:
    """The error for a plan that another tool carries out."""
    return FlipsnackError(f"That plan was made by {tool}.", f'Call {tool}(plan_id="{plan_id}").')


def to_be_undone(*, started: bool, history_id: int | None = None) -> FlipsnackError:
    """The error for a plan that somebody wants undone by its own id: the call that goes on with it would do the opposite."""
    if not started:
        return FlipsnackError("That plan was not carried out: there is nothing to undo.", "Tell the person.")
    what_it_uploaded = "Use delete_collections for what it uploaded."
    step = f"Call undo_change(history_id={history_id})." if history_id else what_it_uploaded
    return FlipsnackError("That is the plan itself, and undoing it is another plan.", step)


def call_of(seen: rules.PlanSnapshot) -> str:
    """The call that goes on with a plan, and tells how far it is."""
    return f'{seen.plan.tool}(plan_id="{seen.plan.plan_id}", wait_seconds=30)'


def after_a_stop(why: str, call: str) -> str:
    """What to do about work that stopped: where somebody wanted that, nothing has to be mended."""
    if why == ON_REQUEST:
        return f"Tell the person what is left. {call} only if they want it to go on."
    return f"Tell the person why it stopped. {call} to go on once that is mended."


def next_plan_call(seen: rules.PlanSnapshot, state: PlanState) -> str | None:
    """The call that goes on from here."""
    if state == "planned":
        return f"Nothing was changed yet. Call {call_of(seen)} where this is exactly what was asked for; else show it first."
    if state == "stopped" and seen.plan.taken_back:
        return "Tell the person what is left."  # a call that goes on with it is what they said no to
    if state == "stopped":
        return after_a_stop(seen.plan.stopped, f"Call {call_of(seen)}")
    if seen.is_over:
        return None
    # A deletion that may have been sent is not sent again.
    tried = any(one.again and not (one.deletes and one.begun) for one in seen.items)
    return f"Call {call_of(seen)} {'to try what failed once more' if tried else 'in a minute to see what came of it'}."
