"""update_collections: what shall become of which collections, as a plan."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, Field
from typing_extensions import override

from flipsnack_mcp.api import Effect, FlipsnackError, FreeText, Status, few_named, quoted, refuse_half_characters
from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.parameters import Description
from flipsnack_mcp.server.tools.arguments import ConfirmationCode, GivenId, WaitSeconds
from flipsnack_mcp.server.tools.choosing import ChoosingAnyInput, PlanningInput, chosen_and_left
from flipsnack_mcp.server.tools.plans.answers import PlanStatus
from flipsnack_mcp.server.tools.plans.going_on import go_on, keep_plan
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.finding import as_known
from flipsnack_mcp.workflows.plans.drafts import LONGEST_TITLE, PlanDraft, Rule, draft_plan

MOST_IN_A_PLAN = 1000
"""Collections: more would take the key for an hour."""
LONGEST_DESCRIPTION = 300
HTML_CODE = re.compile("&(?:amp|lt|gt|quot|#0?39);")
CODED = (
    "New titles with codes of HTML, such as &amp;: {}; they are sent as they stand here. Where Flipsnack shows an & so, "
    "that makes it &amp;amp;: change one first, and look."
)
"""Nothing is decoded: it is not documented whether Flipsnack writes titles so, and a person may have."""
CHANGES = ("find", "replace", "prefix", "suffix", "remove", "description", "status")
Words = Annotated[str, Field(max_length=LONGEST_TITLE), AfterValidator(refuse_half_characters), FreeText(exact=True)]
Ends = Annotated[str, Field(max_length=LONGEST_TITLE), AfterValidator(refuse_half_characters), FreeText()]


class UpdateCollectionsInput(PlanningInput, ChoosingAnyInput):
    """Rename, publish, unlist, hide or take offline several or many flipbooks (catalogues) at once (batch). Set a status or description, change or add text in the titles of all. Overwrites. First it only plans; plan_id alone carries it out."""

    tool_name = "update_collections"
    tool_title = "Bulk rename or change"
    effect = Effect.WRITES
    over = "collection.update, many times"
    overwrites = True
    idempotent = True

    find: Annotated[Words | None, Field(description="Title text")] = None
    replace: Annotated[Words | None, Field(description="Empty removes")] = None
    prefix: Annotated[Ends | None, Field(description="Put before titles")] = None
    suffix: Annotated[Ends | None, Field(description="Put behind")] = None
    remove: Annotated[Ends | None, Field(description="Taken off a title's ends")] = None
    description: Annotated[Description | None, Field(description="New, for all")] = None
    status: Annotated[Status | None, Field(description="New status")] = None
    plan_id: Annotated[GivenId | None, Field(description="To carry out")] = None
    confirmation: ConfirmationCode | None = None
    wait_seconds: WaitSeconds = 30

    @property
    def rule(self) -> Rule:
        """What shall become of each."""
        ends = (getattr(self, name) or "" for name in ("prefix", "suffix", "remove"))
        return Rule(self.find, self.replace or "", self.status, self.description, *ends)

    @override
    def objection(self) -> str:
        if objection := super().objection():
            return objection
        if all(getattr(self, name) is None for name in CHANGES):
            return "say what to change: find and replace, prefix, suffix, remove, description or the new status"
        if not self.find and (self.find is not None or self.replace is not None):
            return "say which text of the titles to replace: give find"
        if self.find is not None and self.replace is None:
            return "say what to put in its place: give replace; an empty one removes the text"
        if not self.chooses and not self.everything:
            return "say which collections: give collections, query, only_status, created_after, created_before or everything"
        return ""


async def update_collections(call: ToolCall, arguments: UpdateCollectionsInput) -> PlanStatus | InputRequiredResult:
    """Make a plan; or have one carried out in the background, and watch."""
    if arguments.plan_id is None:
        return await make_plan(call, arguments)
    return await go_on(call, arguments.plan_id, arguments.confirmation, arguments.wait_seconds)


async def make_plan(call: ToolCall, arguments: UpdateCollectionsInput) -> PlanStatus:
    """What the rule would make of the collections that are meant; nothing is changed."""
    rows, to_nothing = await chosen_and_left(call, arguments.choice)
    draft = draft_plan(arguments.rule, rows)
    if len(draft.items) > MOST_IN_A_PLAN:
        raise FlipsnackError(
            f"{len(draft.items)} collections would change; one plan takes at most {MOST_IN_A_PLAN}.",
            "Choose fewer of them.",
        )
    said = [*notes(call, draft, to_nothing, arguments.description), *not_found(arguments.rule, rows)]
    return await keep_plan(call, draft, said, arguments.choice.when_none_fits)


def notes(call: ToolCall, draft: PlanDraft, to_nothing: Sequence[str], described: str | None = None) -> list[str]:
    """What the person should know before they agree to a plan."""
    published = sum(one.publishes for one in draft.items)
    offline = sum(one.goes_offline for one in draft.items)
    coded = sum(bool(HTML_CODE.search(one.new_title or "")) for one in draft.items)
    said = {
        f"Drafts that are published: {published}; each gets a new hash and link.": published,
        f"Collections that go offline: {offline}; their links and every embed of them stop working, and "
        f"{call.app.confirmation.foretold}.": offline,
        f"Each gets the description {quoted(described or '', LONGEST_DESCRIPTION)} in place of its own.": described
        is not None,
        CODED.format(coded): coded,
    }
    counted = [text for text, count in said.items() if count]
    return [*counted, *to_nothing, *left_alone(draft)]


def not_found(rule: Rule, rows: Sequence[CollectionSummary]) -> list[str]:
    """Which text stands nowhere; and where one does with other capitals: a person reads it, and it is left."""
    small = replace(rule, find=rule.find and rule.find.casefold())
    titles, said = [row.title for row in rows], list[str]()
    left = [row for row in rows if not rule.finds(row.title) and small.finds(row.title.casefold())]
    if rule.find and titles and not left and not any(map(rule.finds, titles)):
        said.append("The text to find stands in no title of these.")
    if rule.remove and titles and titles == [*map(Rule(remove=rule.remove).title_of, titles)]:
        said.append("No title of these begins or ends with the text to remove.")
    return [*said, *few_named("Left, as the text to find has other capitals there", [as_known(row) for row in left])]


def left_alone(draft: PlanDraft) -> list[str]:
    """What of it nothing becomes, and why."""
    return few_named("Left as they are", [f"{as_known(row)}, as {reason}" for row, reason in draft.refused])
