"""undo_change: what an entry of the history changed is put back, as a plan first, where it still is as that left it."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api import Effect, FlipsnackError, NotFoundError, few_named, hash_and_title, quoted
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, GetCollection
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.tools.arguments import ConfirmationCode, GivenId, WaitSeconds
from flipsnack_mcp.server.tools.choosing import PlanningInput
from flipsnack_mcp.server.tools.plans.answers import PlanStatus
from flipsnack_mcp.server.tools.plans.going_on import go_on, keep_plan
from flipsnack_mcp.server.tools.plans.updating import notes
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.workflows.allowance import TooManyDeletionsError
from flipsnack_mcp.workflows.finding import Choice, choose, day_of
from flipsnack_mcp.workflows.history import Event
from flipsnack_mcp.workflows.plans.drafts import PlanDraft
from flipsnack_mcp.workflows.plans.item import Listed
from flipsnack_mcp.workflows.plans.rules import UNDOING
from flipsnack_mcp.workflows.plans.undoing import Undone, already_back, draft_undoing, undone_by, why_not

LONGEST_CALLER = 80
EACH_ALONE = (
    "Tell the person: at most {} of these changes can be undone now, each by its own history_id, which `{}` lists in a "
    "terminal; or they can raise what this server allows."
)
"""Of the changes of a plan nobody can choose some."""
WHICH = "the history_id of the answer about the change; they are listed by {}"
LOOKS_FOR_A_PLAN = 20
"""Collections that are looked at one by one while a person waits; of more a list tells."""


class UndoChangeInput(PlanningInput):
    """Undo or revert a change, a plan or a bulk rename: old titles and statuses are put back, restored, where unchanged since. Overwrites. First it only plans."""

    tool_name = UNDOING
    tool_title = "Undo a change"
    effect = Effect.WRITES
    over = "collection.update"
    overwrites = True
    idempotent = True

    history_id: Annotated[int | None, Field(ge=1, description="From its answer")] = None
    plan_id: Annotated[GivenId | None, Field(description="To carry out")] = None
    confirmation: ConfirmationCode | None = None
    wait_seconds: WaitSeconds = 30

    @override
    def objection(self) -> str:
        if self.history_id is None:
            return f"say what to undo: give {WHICH.format(typed_there('history'))}"
        return super().objection()


async def undo_change(call: ToolCall, arguments: UndoChangeInput) -> PlanStatus | InputRequiredResult:
    """Plan what puts things back; or have such a plan carried out in the background, and watch."""
    if arguments.plan_id is not None:
        return await go_on(call, arguments.plan_id, arguments.confirmation, arguments.wait_seconds)
    draft, said = await undoing_of(call, arguments.history_id or 0)
    try:
        return await keep_plan(call, draft, [*notes(call, draft, []), *emptied(draft), *said])
    except TooManyDeletionsError as error:
        if error.possible:
            error.next_step = EACH_ALONE.format(error.possible, as_typed("history"))
        raise


async def undoing_of(call: ToolCall, number: int) -> tuple[PlanDraft, list[str]]:
    """What would put back what an entry of the history changed, and what of it is not to be put back."""
    events = await call.app.history.events()
    changes = await changes_meant(call, events, number)
    looks, days = await looks_at(call, changes)
    draft, other = draft_undoing(changes, looks, days)
    left = {
        "Already as before that change": already_back(events, changes, looks),
        "Left as they are, changed since or impossible to put back": other,
    }
    made = next((one.caller for one in events if one.number == number), "")
    by = [f"Entry {number} was made by {quoted(made, LONGEST_CALLER)}."] if made else []
    return draft, [*by, *(said for what, which in left.items() for said in few_named(what, which))]


def emptied(draft: PlanDraft) -> list[str]:
    """What no table shows: descriptions that were empty before."""
    empty = [hash_and_title(one.collection_hash, one.title) for one in draft.items if one.new_description == ""]
    return few_named("Emptied again, the description of", empty)


async def changes_meant(call: ToolCall, events: Sequence[Event], number: int) -> Sequence[Undone]:
    """The changes that an entry stands for, which have to be on record unaltered, and such that they can be undone."""
    meant = next((one for one in events if one.number == number), None)
    if meant is None:
        raise FlipsnackError(
            f"The history of this account has no entry {number}.",
            f"Give {WHICH.format(typed_there('history'))}.",
        )
    await check_under_way(call, meant)
    changes = undone_by(events, meant)
    await check_record(call, meant, changes)
    if reason := why_not(meant, changes):
        raise FlipsnackError(f"Entry {number} of the history cannot be undone: {reason}.", how_it_was(changes))
    return changes


async def check_under_way(call: ToolCall, meant: Event) -> None:
    """Raise where the plan that an entry is about is still being carried out."""
    seen = await call.app.plans.record.look(meant.work) if meant.target == meant.work else None
    if seen and seen.plan.started and seen.is_under_way:
        raise FlipsnackError(
            f"Plan {meant.work} is still being carried out.",
            f'Wait for its end with {seen.plan.tool}(plan_id="{meant.work}"), or stop it first.',
            retry="Try again once it has ended.",
        )


async def check_record(call: ToolCall, meant: Event, changes: Sequence[Undone]) -> None:
    """Raise where the history was altered from the first of these entries on: nobody knows then how things were."""
    first = min([meant.number, *(one.begun.number for one in changes)])
    if wrong := await call.app.history.verified(first):
        raise FlipsnackError(
            f"The history was altered: {wrong}. What it says of that change is not to be trusted.",
            "Tell the person; look with get_collection how the collection is now.",
        )


def how_it_was(changes: Sequence[Undone]) -> str:
    """The next step where a change cannot be undone."""
    if len(changes) != 1:
        return "Tell the person."
    return f"Tell the person. How it was is told by {typed_there('history --json')}."


def typed_there(words: str) -> str:
    """A command, and whose terminal it is for: people who are told apart have none of the server's machine."""
    whose = "the terminal of whoever runs this server" if CALLER.get().principal else "a terminal"
    return f"`{as_typed(words)}` in {whose}"


async def looks_at(call: ToolCall, changes: Sequence[Undone]) -> tuple[dict[str, Collection], dict[str, str]]:
    """How they are now: each by itself where they are few, else as the list tells; and their days, where those are needed.

    Only the list knows days, and only a day tells collections of one title apart.
    """
    meant = Choice(tuple(one.now for one in changes))
    if len(changes) > LOOKS_FOR_A_PLAN:
        rows = await choose(call.context, meant)
        return {row.collection_hash: Listed.of(row) for row in rows}, days_by_hash(rows)
    found = dict[str, Collection]()
    for change in changes:
        try:
            found[change.now] = await call.context.send(GetCollection(collection_hash=change.now))
        except NotFoundError:
            continue
    titles = {seen.title for seen in found.values()}
    return found, days_by_hash(await choose(call.context, meant)) if len(titles) < len(found) else {}


def days_by_hash(rows: Iterable[CollectionSummary]) -> dict[str, str]:
    """The day of each, by its hash."""
    return {row.collection_hash: day_of(row) for row in rows}
