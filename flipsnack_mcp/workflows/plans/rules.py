"""What one rule makes of many collections: a plan, which changes nothing. Pure; whoever carries it out holds to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import StatusName, shows_nothing
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, UpdateCollection
from flipsnack_mcp.store.clock import Stamp, is_fresh
from flipsnack_mcp.workflows.plans.titles import replaced

LONGEST_TITLE = 300
GOOD_FOR = 24 * 3600.0
"""Seconds after which a plan is no longer worth holding to."""
YES_HOLDS = 600.0
"""Seconds for which a person's yes holds for what is still to be deleted or taken offline."""
YES_IS_OLD = "What deletes collections or takes them offline goes on only within ten minutes of a person's yes: it needs a new one."
PLAN_IS_OLD = "The plan is more than a day old, or the clock was set since it was made."
ItemState = Literal["planned", "sending", "done", "failed", "skipped", "unclear"]
OPEN = frozenset[ItemState]({"planned", "sending"})
DELETING = "delete_collections"
"""The tool whose plans delete."""


class Item(BaseModel):
    """One collection of a plan: how it was when it was planned, what it shall be, and how far that is."""

    model_config = ConfigDict(frozen=True)

    number: int
    collection_hash: str
    title: str
    status: str
    new_title: str | None = None
    new_status: StatusName | None = None
    state: ItemState = "planned"
    said: str = ""
    """How it failed, or what a person should know."""
    new_hash: str = ""
    again: bool = False
    """Whether it is taken up once more when a call next carries out the plan."""
    begun: bool = False
    """Whether its update may have been sent."""
    twins: tuple[str, ...] = ()
    """The collections it could be mistaken for once it has a new hash, listed just before it was sent."""
    deletes: bool = False
    """Whether it is to go for good; then what follows is how a person knows it, as it was when it was planned."""
    created_date: str | None = None
    publish_date: str | None = None
    direct_link: str | None = None
    flipbooks: tuple[str, ...] | None = None
    """Its documents; None where nobody looked at them."""
    views: int | None = None

    @property
    def action(self) -> UpdateCollection:
        """The one request that makes all of the change."""
        return UpdateCollection(collection_hash=self.collection_hash, title=self.new_title, status=self.new_status)

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

    def counted_as(self, plan: "Plan") -> str:
        """Under which name it stands in the allowance."""
        return f"{plan.plan_id}/{self.number}"

    @property
    def doing(self) -> str:
        """What is done to it, in a message of how far the plan is."""
        return "delete" if self.deletes else "update"

    @property
    def counted_for(self) -> str:
        """What stands there."""
        return f"delete {self.collection_hash}" if self.deletes else f"take {self.collection_hash} offline"

    def is_as_planned(self, seen: Collection) -> bool:
        """Whether nobody has changed it since the plan was made."""
        same = (seen.title, seen.status) == (self.title, self.status)
        return same and self.flipbooks in {None, hashes_of(seen)}

    def is_done(self, seen: Collection) -> bool:
        """Whether it is already what it shall be."""
        return (seen.title, seen.status) == self.target


def hashes_of(seen: Collection) -> tuple[str, ...]:
    """Its documents, in one order whatever order they came in."""
    return tuple(sorted(one.flipbook_hash for one in seen.flipbooks))


class Plan(BaseModel):
    """What was shown to the person, and is carried out exactly so. Its items are kept beside it."""

    model_config = ConfigDict(frozen=True)

    plan_id: str
    account: str
    made: float
    count: int
    tool: str = "update_collections"
    """The one tool that carries it out."""
    unchanged: int = 0
    confirmed: str = ""
    """Whose yes it was, where collections go or go out of public view; it holds for the whole plan."""
    confirmed_at: float | None = None
    """When that was; version 0.1.0 did not write it down, and it was after the plan was made."""
    made_shown: float | None = None
    """What the clock on the wall showed when it was made, and next when it was confirmed."""
    confirmed_shown: float | None = None
    started: bool = False
    """Whether it is to go on by itself. Version 0.1.0 told people that nothing more is changed between two calls."""
    stopped: str = ""
    """Why it does not go on."""


@dataclass(frozen=True)
class Permissions:
    """What the settings of a process allow it to do for a plan."""

    changes: bool
    yeses: frozenset[str]
    """By which ways a person's yes counts for what goes offline."""
    deletes: bool = False


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
    def is_over(self) -> bool:
        """Whether carrying it out would change nothing."""
        return not self.left and not any(one.again for one in self.items)

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
        tool = allowed.deletes if self.plan.tool == DELETING else allowed.changes
        return tool and (not self.offline or self.plan.confirmed in {*allowed.yeses, ""})

    @property
    def objection(self) -> str:
        """Why nobody may go on with it without being asked to, or nothing."""
        if self.is_old:
            return PLAN_IS_OLD
        return YES_IS_OLD if self.offline and not self.is_confirmed else ""


@dataclass(frozen=True)
class Rule:
    """What shall become of every chosen collection."""

    find: str | None = None
    replace: str = ""
    status: StatusName | None = None

    def title_of(self, title: str) -> str:
        """The title that a title becomes. Blanks that are left over at its ends go: Flipsnack may take them off too."""
        new = replaced(title, self.find, self.replace) if self.find else title
        if new == title:
            return title
        new = new if title[:1].isspace() else new.lstrip()
        return new if title[-1:].isspace() else new.rstrip()


@dataclass(frozen=True)
class PlanDraft:
    """What a rule makes of some collections."""

    items: tuple[Item, ...]
    unchanged: int
    refused: tuple[tuple[CollectionSummary, str], ...]
    """Collections that are left alone, and why."""
    tool: str = "update_collections"


def draft_plan(rule: Rule, rows: Iterable[CollectionSummary]) -> PlanDraft:
    """The collections that would change, those that would not, and those of which the rule would make nonsense."""
    items: list[Item] = []
    refused: list[tuple[CollectionSummary, str]] = []
    unchanged = 0
    for row in rows:
        new_title = rule.title_of(row.title)
        changed = changed_fields(row, rule, new_title)
        if reason := "" if new_title == row.title else title_objection(new_title):
            refused.append((row, reason))
        elif changed:
            facts = {"collection_hash": row.collection_hash, "title": row.title, "status": row.status}
            items.append(Item.model_validate({"number": len(items), **facts, **changed}))
        else:
            unchanged += 1
    return PlanDraft(tuple(items), unchanged, tuple(refused))


def changed_fields(row: CollectionSummary, rule: Rule, new_title: str) -> dict[str, str]:
    """The fields in which a collection differs from what the rule wants."""
    title = {"new_title": new_title} if new_title != row.title else {}
    return title | ({"new_status": rule.status} if rule.status not in (None, row.status) else {})


def title_objection(title: str) -> str:
    """Why a title cannot be given to a collection."""
    if shows_nothing(title):
        return "its title would be empty"
    if len(title) > LONGEST_TITLE:
        return f"its title would have more than {LONGEST_TITLE} characters"
    try:
        title.encode()
    except UnicodeEncodeError:
        return "its title holds half a character"
    return ""
