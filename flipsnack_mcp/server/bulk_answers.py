"""What update_collections answers: how far a plan is, collection by collection, and what the person should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.text import quoted
from flipsnack_mcp.server.results import PlannedChange, PlanState, PlanStatus
from flipsnack_mcp.workflows.plans.carrying_out import Ended
from flipsnack_mcp.workflows.plans.record import OPEN
from flipsnack_mcp.workflows.plans.rules import Draft, Item, Plan, State

ROWS = 100
NAMED = 5
FIRST: tuple[State, ...] = ("failed", "unclear", "skipped", "sending", "planned", "done")
"""What a person has to know first."""


def status_of(plan: Plan, items: list[Item], state: PlanState, *warnings: str) -> PlanStatus:
    """A plan, as far as it is."""
    first = sorted(items, key=lambda one: FIRST.index(one.state))
    return PlanStatus(
        plan_id=plan.plan_id,
        state=state,
        counts=counts(items, plan.unchanged),
        items=[row(one) for one in first[:ROWS]],
        warnings=[one for one in warnings if one],
        next_step=next_step(plan, items, state),
    )


def carried(plan: Plan, items: list[Item], ended: Ended) -> PlanStatus:
    """A plan after a call that worked on it."""
    state: PlanState = "stopped" if ended.stopped else "processing" if has_open(items) else "complete"
    return status_of(plan, items, state, ended.stopped, ended.waits)


def has_open(items: Iterable[Item]) -> bool:
    """Whether there is something nobody has tried yet, or somebody is at."""
    return any(one.state in OPEN for one in items)


def is_over(items: Iterable[Item]) -> bool:
    """Whether another call would change nothing."""
    return not any(one.state in OPEN or one.again for one in items)


def counts(items: Iterable[Item], unchanged: int) -> dict[str, int]:
    """How many there are of each."""
    found = Counter(one.state for one in items)
    by_state: dict[str, int] = {state: found[state] for state in reversed(FIRST) if found[state]}
    return {**by_state, "unchanged": unchanged}


def row(item: Item) -> PlannedChange:
    """One line of the table."""
    return PlannedChange(
        collection_hash=item.new_hash or item.collection_hash,
        title=item.title,
        new_title=item.new_title,
        status=item.status,
        new_status=item.new_status,
        state=item.state,
        reason=item.said or None,
    )


def next_step(plan: Plan, items: list[Item], state: PlanState) -> str | None:
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
    more = f"; and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return "; ".join(named[:NAMED]) + more
