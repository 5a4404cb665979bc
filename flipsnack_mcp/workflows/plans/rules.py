"""A plan over many collections: what each was, what it shall be, how far that is, and who may go on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import StatusName
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, UpdateCollection
from flipsnack_mcp.store.clock import Stamp, is_fresh

GOOD_FOR = 24 * 3600.0
"""Seconds after which a plan is no longer worth holding to."""
YES_HOLDS = 600.0
"""Seconds for which a person's yes holds for what is still to be deleted or taken offline."""
YES_IS_OLD = "What deletes collections or takes them offline goes on only within ten minutes of a person's yes: it needs a new one."
TAKEN_BACK = "A person said no after the yes: what is left stays. Do not ask again unless they bring it up."
PLAN_IS_OLD = "The plan is more than a day old, or the clock was set since it was made."
ItemState = Literal["planned", "sending", "done", "failed", "skipped", "unclear"]
BESIDE_THE_LIST = ("description", "width", "height")
"""What an update changes and Flipsnack's list does not tell."""
OPEN = frozenset[ItemState]({"planned", "sending"})
DELETING, UNDOING = "delete_collections", "undo_change"
"""The tools whose plans delete, and put back what was."""


class Listed(Collection):
    """A collection as Flipsnack's list tells it: what is `BESIDE_THE_LIST` stands at its default there."""

    @classmethod
    def of(cls, row: CollectionSummary) -> Self:
        """What a row says."""
        same = row.model_dump(include={"collection_hash", "title", "status", "direct_link"})
        return cls.model_validate(same)


class Item(BaseModel):
    """One collection of a plan: how it was when it was planned, what it shall be, and how far that is."""

    model_config = ConfigDict(frozen=True)

    number: int
    collection_hash: str
    title: str
    status: str
    new_title: str | None = None
    new_status: StatusName | None = None
    new_description: str | None = None
    new_width: int | None = None
    new_height: int | None = None
    day: str = ""
    """When it was published, or made: what tells it from its namesakes."""
    known: dict[str, Any] = {}
    """What else of it was looked at when it was planned, by the names of a collection's fields."""
    state: ItemState = "planned"
    said: str = ""
    """How it failed, or what a person should know."""
    new_hash: str = ""
    again: bool = False
    """Whether it is taken up once more when a call next carries out the plan."""
    begun: bool = False
    """Whether its update may have been sent."""
    twins: tuple[str, ...] = ()
    """The collections it could be mistaken for once it has a new hash, listed before it was sent."""
    entry: int = 0
    """The entry of the history that holds how it was."""
    checked: bool = True
    """Not, from when Flipsnack took its update until a list shows what became of it."""
    deletes: bool = False
    """Whether it is to go for good; what follows is shown of one that is, as it was when it was planned."""
    created_date: str | None = None
    publish_date: str | None = None
    direct_link: str | None = None
    flipbooks: tuple[str, ...] | None = None
    """Its documents; None where nobody looked at them."""
    pages: int | None = None
    views: int | None = None

    @property
    def action(self) -> UpdateCollection:
        """The one request that makes all of the change."""
        given = {"title": self.new_title, "status": self.new_status, **self.beside_the_list}
        return UpdateCollection.model_validate({"collection_hash": self.collection_hash, **given})

    @property
    def beside_the_list(self) -> dict[str, Any]:
        """The new values of what the list does not tell of a collection."""
        given = {name: getattr(self, f"new_{name}") for name in BESIDE_THE_LIST}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def target(self) -> tuple[str, str]:
        """Title and status as they shall be."""
        title = self.title if self.new_title is None else self.new_title
        return title, self.new_status or self.status

    @property
    def publishes(self) -> bool:
        """Whether a draft becomes public or unlisted, and so gets a new hash."""
        return self.status == "editable" and self.target[1] != "editable"

    @property
    def goes_offline(self) -> bool:
        """Whether it takes a person's yes: it is gone afterwards, or its public link stops working."""
        return self.deletes or (self.status != "editable" and self.new_status == "editable")

    @property
    def needs_yes(self) -> bool:
        """Whether that is still to be done. A deletion that may have been sent is not sent again, only looked up."""
        return self.goes_offline and (self.again or self.state in OPEN) and not (self.deletes and self.begun)

    @property
    def looked_at(self) -> bool:
        """Whether it is looked at by itself before it is changed, and not in the list."""
        return self.goes_offline or bool(self.beside_the_list) or bool(self.known)

    @property
    def needs_list(self) -> bool:
        """Whether a list has to be read before it is changed."""
        return not self.looked_at or self.publishes

    @property
    def calls(self) -> int:
        """How many times Flipsnack is asked for it, lists aside."""
        return 2 if self.looked_at else 1

    @property
    def is_listed(self) -> bool:
        """Whether a list can show that it was changed."""
        return self.new_title is not None or self.new_status is not None

    @property
    def is_worth_telling(self) -> bool:
        """Whether what came of it is more than that it is as it was planned."""
        return self.state != "done" or self.deletes or bool(self.new_hash or self.said)

    def counted_as(self, plan: "Plan") -> str:
        """Under which name it stands in the allowance."""
        return f"{plan.plan_id}/{self.number}"

    @property
    def counted_for(self) -> str:
        """What stands there."""
        return f"delete {self.collection_hash}" if self.deletes else f"take {self.collection_hash} offline"

    def is_as_planned(self, seen: Collection) -> bool:
        """Whether nobody has changed it since the plan was made."""
        same = (seen.title, seen.status) == (self.title, self.status) and holds(self.known, seen)
        return same and self.flipbooks in {None, hashes_of(seen)}

    def is_done(self, seen: Collection) -> bool:
        """Whether it is already what it shall be, as far as that was seen."""
        return not self.deletes and (seen.title, seen.status) == self.target and holds(self.beside_the_list, seen)


def holds(values: Mapping[str, Any], seen: Collection) -> bool:
    """Whether a collection has these values of what the list does not tell, or only the list was looked at."""
    return isinstance(seen, Listed) or all(getattr(seen, name) == value for name, value in values.items())


def hashes_of(seen: Collection) -> tuple[str, ...]:
    """Its documents, in one order whatever order they came in."""
    return tuple(sorted(one.flipbook_hash for one in seen.flipbooks))


class Plan(BaseModel):
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
        return {one.counted_as(self.plan): one.counted_for for one in self.offline}

    @property
    def spared(self) -> tuple[str, ...]:
        """What of that was certainly not sent, by its names in the allowance."""
        return tuple(one.counted_as(self.plan) for one in self.offline if not one.begun)

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
        return allowed.changes and (not self.offline or self.plan.confirmed in {*allowed.yeses, ""})

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
