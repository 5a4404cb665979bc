"""What is told about a plan over many collections: what would change, how far it is, and how it goes on."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.text import quoted
from flipsnack_mcp.server.tools.tool import Answered, NextStep, Warnings
from flipsnack_mcp.workflows.plans.rules import Item, ItemState, PlanDraft, PlanSnapshot

ITEMS_TOLD, REASONS_TOLD = 100, 5
STATES: tuple[ItemState, ...] = ("failed", "unclear", "skipped", "sending", "planned", "done")
"""What a person has to know first."""
PlanState = Literal["planned", "processing", "complete", "stopped"]


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


def plan_status(seen: PlanSnapshot, state: PlanState, *warnings: str) -> PlanStatus:
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


def status_so_far(seen: PlanSnapshot) -> PlanStatus:
    """A plan that was begun."""
    stopped = seen.plan.stopped
    return plan_status(seen, "stopped" if stopped else "processing" if seen.left else "complete", stopped)


def counts(items: Iterable[Item], unchanged: int) -> dict[str, int]:
    """How many there are of each."""
    found = Counter(one.state for one in items)
    by_state: dict[str, int] = {state: found[state] for state in reversed(STATES) if found[state]}
    return {**by_state, "unchanged": unchanged}


def plan_row(item: Item) -> PlannedChange:
    """One line of the table."""
    same = item.model_dump(include={"title", "new_title", "status", "new_status", "state"})
    return PlannedChange(collection_hash=item.new_hash or item.collection_hash, reason=item.said or None, **same)


def next_plan_call(seen: PlanSnapshot, state: PlanState) -> str | None:
    """The call that goes on from here."""
    call = f'Call update_collections(plan_id="{seen.plan.plan_id}", wait_seconds=30)'
    if state == "planned":
        return f"Nothing was changed yet: show this to the person. {call} once they agree."
    if state == "processing":
        return f"It goes on by itself. {call} to see how far it is."
    if state == "stopped":
        return f"Tell the person why it stopped. {call} to go on once that is mended."
    return None if seen.is_over else f"{call} to try what failed once more."


def notes(draft: PlanDraft, missing: list[str]) -> list[str]:
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
    more = f"; and {len(named) - REASONS_TOLD} more" if len(named) > REASONS_TOLD else ""
    return "; ".join(named[:REASONS_TOLD]) + more
