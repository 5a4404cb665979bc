"""What one rule makes of many collections: a plan, which changes nothing. Pure; whoever carries it out holds to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, UpdateCollection
from flipsnack_mcp.api.parameters import StatusName

LONGEST_TITLE = 300
DAY = 24 * 3600.0
State = Literal["planned", "sending", "done", "failed", "skipped", "unclear"]


class Item(BaseModel):
    """One collection of a plan: how it was when it was planned, what it shall be, and how far that is."""

    model_config = ConfigDict(frozen=True)

    number: int
    collection_hash: str
    title: str
    status: str
    new_title: str | None = None
    new_status: StatusName | None = None
    state: State = "planned"
    said: str = ""
    """How it failed, or what a person should know."""
    new_hash: str = ""
    again: bool = False
    """Whether the next call takes it up once more."""
    begun: bool = False
    """Whether its update may have been sent."""
    twins: tuple[str, ...] = ()
    """The collections it could be mistaken for once it has a new hash, listed just before it was sent."""
    owner: str = ""
    beat: float = 0.0
    """The owner's last sign of life."""

    @property
    def action(self) -> UpdateCollection:
        """The one request that makes all of the change."""
        given = {"title": self.new_title, "status": self.new_status}
        return UpdateCollection.model_validate(
            {"collection_hash": self.collection_hash, **{name: one for name, one in given.items() if one is not None}}
        )

    @property
    def target(self) -> tuple[str, str]:
        """Title and status as they shall be."""
        return (
            self.title if self.new_title is None else self.new_title,
            self.status if self.new_status is None else self.new_status,
        )

    @property
    def publishes(self) -> bool:
        """Whether a draft becomes public or unlisted, and so gets a new hash."""
        return self.status == "editable" and self.target[1] != "editable"

    @property
    def goes_offline(self) -> bool:
        """Whether its public link stops working."""
        return self.status != "editable" and self.new_status == "editable"

    def is_as_planned(self, seen: Collection) -> bool:
        """Whether nobody has changed it since the plan was made."""
        return (seen.title, seen.status) == (self.title, self.status)

    def is_done(self, seen: Collection) -> bool:
        """Whether it is already what it shall be."""
        return (seen.title, seen.status) == self.target


class Plan(BaseModel):
    """What was shown to the person, and is carried out exactly so. Its items are kept beside it."""

    model_config = ConfigDict(frozen=True)

    plan_id: str
    account: str
    made: float
    count: int
    unchanged: int = 0
    confirmed: str = ""
    """Whose yes it was, where collections go out of public view; it holds for the whole plan."""

    def too_old(self, now: float) -> bool:
        """Whether what it says about the account is no longer worth holding to."""
        return now - self.made > DAY


@dataclass(frozen=True)
class Rule:
    """What shall become of every chosen collection."""

    find: str | None = None
    replace: str = ""
    status: StatusName | None = None

    def title_of(self, title: str) -> str:
        """The title that a title becomes. Blanks that are left over at its ends go: Flipsnack may take them off too."""
        replaced = title.replace(self.find, self.replace) if self.find else title
        return title if replaced == title else replaced.strip()


@dataclass(frozen=True)
class Draft:
    """What a rule makes of some collections."""

    items: tuple[Item, ...]
    unchanged: int
    refused: tuple[tuple[CollectionSummary, str], ...]
    """Collections that are left alone, and why."""


def planned(rule: Rule, rows: Iterable[CollectionSummary]) -> Draft:
    """The collections that would change, those that would not, and those of which the rule would make nonsense."""
    items: list[Item] = []
    refused: list[tuple[CollectionSummary, str]] = []
    unchanged = 0
    for row in rows:
        new_title = rule.title_of(row.title)
        changed = given(row, rule, new_title)
        if reason := "" if new_title == row.title else objection(new_title):
            refused.append((row, reason))
        elif changed:
            facts = {"collection_hash": row.collection_hash, "title": row.title, "status": row.status}
            items.append(Item.model_validate({"number": len(items), **facts, **changed}))
        else:
            unchanged += 1
    return Draft(tuple(items), unchanged, tuple(refused))


def given(row: CollectionSummary, rule: Rule, new_title: str) -> dict[str, str]:
    """The fields in which a collection differs from what the rule wants."""
    title = {"new_title": new_title} if new_title != row.title else {}
    return title | ({"new_status": rule.status} if rule.status not in (None, row.status) else {})


def objection(title: str) -> str:
    """Why a title cannot be given to a collection."""
    if not title.strip():
        return "its title would be empty"
    if len(title) > LONGEST_TITLE:
        return f"its title would have more than {LONGEST_TITLE} characters"
    try:
        title.encode()
    except UnicodeEncodeError:
        return "its title holds half a character"
    return ""
