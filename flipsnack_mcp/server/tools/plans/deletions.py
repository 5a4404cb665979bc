"""delete_collections: first only a plan, then exactly that plan, confirmed as a whole, each looked at before it goes."""

from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api import Effect, FlipsnackError
from flipsnack_mcp.server.tools.arguments import ConfirmationCode, GivenId, WaitSeconds
from flipsnack_mcp.server.tools.choosing import ChoosingInput, PlanningInput, chosen_and_left
from flipsnack_mcp.server.tools.plans.answers import PlanStatus
from flipsnack_mcp.server.tools.plans.going_on import go_on, keep_plan
from flipsnack_mcp.server.tools.plans.updating import left_alone
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.plans.deleting import draft_deletions, with_their_documents

MOST_DELETED = 50


class DeleteCollectionsInput(PlanningInput, ChoosingInput):
    """Delete or remove several, many or all of these flipbooks (catalogues) in bulk or batch, at most 50, for good. First it only plans; then plan_id alone, and a person confirms all at once."""

    tool_name = "delete_collections"
    tool_title = "Delete many collections"
    effect = Effect.DESTROYS
    over = "collection.deleteCollection, many times"

    plan_id: Annotated[GivenId | None, Field(description="To carry out")] = None
    confirmation: ConfirmationCode | None = None
    wait_seconds: WaitSeconds = 30

    @override
    def objection(self) -> str:
        which = "say which collections: give collections, query, only_status, created_after or created_before"
        return super().objection() or ("" if self.chooses else which)


async def delete_collections(call: ToolCall, arguments: DeleteCollectionsInput) -> PlanStatus | InputRequiredResult:
    """Make a plan; or, once a person said yes to all of it, have it carried out in the background, and watch."""
    if arguments.plan_id is None:
        return await make_deletion_plan(call, arguments.choice)
    return await go_on(call, arguments.plan_id, arguments.confirmation, arguments.wait_seconds)


async def make_deletion_plan(call: ToolCall, choice: Choice) -> PlanStatus:
    """What would go, as it is now; nothing is deleted."""
    rows, to_nothing = await chosen_and_left(call, choice)
    if len(rows) > MOST_DELETED:
        raise FlipsnackError(
            f"{len(rows)} collections are meant; one plan deletes at most {MOST_DELETED}.",
            "Choose fewer of them, and make a plan for the rest after it.",
        )
    draft = await with_their_documents(call.context, draft_deletions(rows))
    return await keep_plan(call, draft, [*to_nothing, *left_alone(draft)], choice.when_none_fits)
