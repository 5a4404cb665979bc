"""What tools over many take: which collections are meant, over which days, and by its id alone a plan made before."""

from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api import Day, FreeText, few_named
from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.api.parameters import check_period
from flipsnack_mcp.server.tools.arguments import Collections, Statuses, ToolInput
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.finding import UNSEEN, Choice, as_known, chosen_of_all, date_in

BESIDE_A_PLAN = ("confirmation", "wait_seconds")
"""What may be given with the id of a plan."""

LEFT_OUT = "Named, but not in the account or left out by a filter"
UNDATED = "Left out, as it cannot be read on which day they were made"
EXCLUDES_NOTHING = "Named in exclude, but not among those that are meant without it"


def check_days(given: Any) -> Any:
    """What was given, where a day can lie between its days."""
    if given.created_after and given.created_before and given.created_after > given.created_before:
        raise ValueError("`created_after` lies after `created_before`: exchange them")
    return given


class ChoosingInput(ToolInput):
    """A tool over many collections. Everything that is given has to be true of each."""

    collections: Annotated[Collections | None, Field(description="Hashes, links")] = None
    query: Annotated[str | None, Field(max_length=200, description="Whole title words"), FreeText()] = None
    only_status: Annotated[Statuses | None, Field(description="Filter: current status")] = None
    created_after: Annotated[Day | None, Field(description="First day")] = None
    created_before: Annotated[Day | None, Field(description="Last day")] = None
    exclude: Annotated[Collections | None, Field(description="Left out")] = None

    days_in_order = model_validator(mode="after")(check_days)

    @property
    def choice(self) -> Choice:
        """Which collections are meant."""
        named, query = tuple(dict.fromkeys(self.collections or ())), (self.query or "").strip() or None
        filters = tuple(self.only_status or ()), self.created_after, self.created_before
        return Choice(named, query, *filters, tuple(dict.fromkeys(self.exclude or ())))

    @property
    def chooses(self) -> bool:
        """Whether it is said which collections are meant; what is left out alone does not say that."""
        return replace(self.choice, exclude=()) != Choice()


class ChoosingAnyInput(ChoosingInput):
    """A tool over many collections that may also be all there are."""

    everything: Annotated[bool, Field(description="All of the account")] = False


class PeriodInput(ToolInput):
    """A tool over the days of a period, or over those that are usual."""

    start_date: Annotated[Day | None, Field(description="YYYY-MM-DD")] = None
    end_date: Annotated[Day | None, Field(description="Last day")] = None

    @model_validator(mode="after")
    def whole_period(self) -> Self:
        """Both ends of a period, in order."""
        start, end = self.start_date, self.end_date
        if (start is None) != (end is None):
            raise ValueError("give both start_date and end_date, or neither")
        check_period(self)
        return self


class PlanningInput(ToolInput):
    """A tool that first only plans; given the `plan_id` of its answer, and no more, it carries exactly that out."""

    @property
    def _given(self) -> set[str]:
        return {name for name in self.model_fields_set if getattr(self, name) is not None}

    @property
    @override
    def changes_something(self) -> bool:
        return "plan_id" in self._given  # else it only plans

    @model_validator(mode="after")
    def a_plan_or_what_to_plan(self) -> Self:
        """Either a plan alone, or what to make one of."""
        if objection := self._objection_to_plan() if "plan_id" in self._given else self.objection():
            raise ValueError(objection)
        return self

    def _objection_to_plan(self) -> str:
        beside = [name for name in BESIDE_A_PLAN if name in type(self).model_fields]
        known = "`plan_id` is carried out as it was planned: give only {} with it, or leave it out to plan anew"
        known = known.format(" or ".join(beside))
        return known if self._given - {"plan_id", *beside} else ""

    def objection(self) -> str:
        """Why no plan can be made of what was given, or nothing."""
        return "a confirmation is for a plan: give its plan_id too" if "confirmation" in self._given else ""


async def chosen_and_left(call: ToolCall, choice: Choice) -> tuple[list[CollectionSummary], list[str]]:
    """The collections that are meant, and in words which names came to nothing and what the list did not show.

    Also those in `exclude`: whoever wants one spared has to learn that nothing spares it under that hash.
    """
    with_spared = replace(choice, exclude=())
    every, unseen = await chosen_of_all(call.context, replace(with_spared, created_after=None, created_before=None))
    rows = [row for row in every if with_spared.fits(row)]
    undated = [as_known(row) for row in every if date_in(row.created_date or "") is None and not with_spared.fits(row)]
    meant = [row for row in rows if row.collection_hash not in choice.exclude]
    known = {row.collection_hash for row in rows}
    spared = [one for one in choice.exclude if one not in known]
    missing = [one for one in choice.collections if one not in known or one in choice.exclude]
    said = [*([UNSEEN.format(unseen)] if unseen else []), *few_named(UNDATED, undated)]
    return meant, [*said, *few_named(LEFT_OUT, missing), *few_named(EXCLUDES_NOTHING, spared)]
