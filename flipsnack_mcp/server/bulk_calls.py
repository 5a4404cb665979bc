"""What update_collections takes: a rule and a choice for a plan, or the plan that is to be carried out."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.parameters import Status
from flipsnack_mcp.server.calls import Confirmation, WaitSeconds
from flipsnack_mcp.server.choosing_calls import ChoosingCall
from flipsnack_mcp.workflows.choosing import Choice
from flipsnack_mcp.workflows.plans.rules import LONGEST_TITLE, Rule

WITH_A_PLAN = frozenset({"plan_id", "confirmation", "wait_seconds"})


def whole(text: str) -> str:
    """Text that can be sent: JSON allows half a character, UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character: send it again without") from None
    return text


Words = Annotated[str, AfterValidator(whole), Field(max_length=LONGEST_TITLE)]


class UpdateCollectionsCall(ChoosingCall):
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
    confirmation: Confirmation | None = None
    wait_seconds: WaitSeconds = 30

    @property
    def dry_run(self) -> bool:
        """Whether it only plans."""
        return self.plan_id is None

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
