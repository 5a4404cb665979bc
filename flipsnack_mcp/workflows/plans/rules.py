"""A plan over many collections: what of it is left, for how long it is worth holding to, and who may go on. Pure."""

from dataclasses import dataclass

from pydantic import ConfigDict

from flipsnack_mcp.store.clock import Stamp, is_fresh
from flipsnack_mcp.workflows.begun import BegunWork, StillMay, nobody_is_asked
from flipsnack_mcp.workflows.plans.item import OPEN, Item

GOOD_FOR = 24 * 3600.0
"""Seconds after which a plan is no longer worth holding to."""
YES_HOLDS = 600.0
"""Seconds for which a person's yes holds for what is still to be deleted or taken offline."""
YES_IS_OLD = "What deletes collections or takes them offline goes on only within ten minutes of a person's yes: it needs a new one."
TAKEN_BACK = "A person said no after the yes: what is left stays. Do not ask again unless they bring it up."
PLAN_IS_OLD = "The plan is more than a day old, or the clock was set since it was made."
DELETING, UNDOING = "delete_collections", "undo_change"
"""The tools whose plans delete, and put back what was."""


class Plan(BegunWork):
    """What was shown to the person, and is carried out exactly so. Its items are kept beside it."""

    model_config = ConfigDict(frozen=True)

    plan_id: str
    account: str
    tool: str = "update_collections"
    """Which made it, and carries it out."""
    made: float
    count: int
    unchanged: int = 0
    confirmed: str = ""
    """Whose yes it was, where collections go or go out of public view; it holds for the whole plan."""
    confirmed_at: float | None = None
    """When that was; version 0.1.0 did not write it down, and it was after the plan was made."""
    made_shown: float | None = None
    """What the clock on the wall showed when it was made, and next when it was confirmed."""
    confirmed_shown: float | None = None
    taken_back: bool = False
    """Whether a person said no after that."""
    started: bool = False
    """Whether it is to go on by itself. Version 0.1.0 told people that nothing more is changed between two calls."""
    stopped: str = ""
    """Why it does not go on."""
    history_id: int | None = None
    """The entry of the history by which all of it can be undone."""

    @property
    def doing(self) -> str:
        """What is done to each, in a message of how far it is."""
        return "delete" if self.tool == DELETING else "update"


@dataclass(frozen=True)
class Permissions:
    """What the settings of a process allow it to do for a plan."""

    changes: bool
    yeses: frozenset[str]
    """By which ways a person's yes counts for what goes offline."""
    still_may: StillMay = nobody_is_asked


@dataclass(frozen=True)
class PlanSnapshot:
    """A plan with its items, as all of it is at one moment of the store's clock."""

    plan: Plan
    items: tuple[Item, ...]
    now: float
    wall: float | None = None

    @property
    def left(self) -> tuple[Item, ...]:
        """What nobody has tried yet, or somebody is at."""
        return tuple(one for one in self.items if one.state in OPEN)

    @property
    def unchecked(self) -> tuple[Item, ...]:
        """What was sent, and not yet seen to be as planned."""
        return tuple(one for one in self.items if not (one.checked or one.state in OPEN))

    @property
    def is_under_way(self) -> bool:
        """Whether there is something to do for whoever carries it out."""
        return bool(self.left or self.unchecked)

    @property
    def is_over(self) -> bool:
        """Whether carrying it out would change nothing."""
        return not self.is_under_way and not any(one.again for one in self.items)

    @property
    def offline(self) -> tuple[Item, ...]:
        """What is still to be deleted or to go offline."""
        return tuple(one for one in self.items if one.needs_yes)

    @property
    def counted(self) -> dict[str, str]:
        """The same, as the allowance counts it."""
        return {one.counted_as(self.plan.plan_id): one.counted_for for one in self.offline}

    @property
    def spared(self) -> tuple[str, ...]:
        """What of that was certainly not sent, by its names in the allowance."""
        return tuple(one.counted_as(self.plan.plan_id) for one in self.offline if not one.begun)

    @property
    def is_old(self) -> bool:
        """Whether what the plan says about the account is no longer worth holding to."""
        return not is_fresh(self._made, self._seen, GOOD_FOR)

    @property
    def is_confirmed(self) -> bool:
        """Whether a person's yes still holds; not after a clock was set back."""
        given = None if self.plan.confirmed_at is None else Stamp(self.plan.confirmed_at, self.plan.confirmed_shown)
        return bool(self.plan.confirmed) and is_fresh(given or self._made, self._seen, YES_HOLDS)

    @property
    def _made(self) -> Stamp:
        return Stamp(self.plan.made, self.plan.made_shown)

    @property
    def _seen(self) -> Stamp:
        return Stamp(self.now, self.wall)

    def is_allowed(self, allowed: Permissions) -> bool:
        """Whether a process with these settings may go on with it; to what nobody said yes to there is an objection anyway."""
        settings_allow = allowed.changes and (not self.offline or self.plan.confirmed in {*allowed.yeses, ""})
        return settings_allow and allowed.still_may(self.plan.principal, destroys=bool(self.offline))

    @property
    def objection(self) -> str:
        """Why nobody may go on with it without being asked to, or nothing."""
        if self.is_old:
            return PLAN_IS_OLD
        return self.no_yes if self.offline and not self.is_confirmed else ""

    @property
    def no_yes(self) -> str:
        """Why no yes holds, where none does."""
        return TAKEN_BACK if self.plan.taken_back else YES_IS_OLD
