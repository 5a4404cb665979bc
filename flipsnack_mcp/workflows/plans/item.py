"""One collection of a plan: what it was, what it shall be, and how far that is. Pure."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import StatusName
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, UpdateCollection

ItemState = Literal["planned", "sending", "done", "failed", "skipped", "unclear"]
OPEN = frozenset[ItemState]({"planned", "sending"})
BESIDE_THE_LIST = ("description", "width", "height")
"""What an update changes and Flipsnack's list does not tell."""


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
    """Whether it is to go for good. What follows tells it from others, as it was when it was planned, where that is shown."""
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

    def counted_as(self, plan_id: str) -> str:
        """Under which name it stands in the allowance."""
        return f"{plan_id}/{self.number}"

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


def pages_of(seen: Collection) -> int | None:
    """How many pages its documents have, where that is known of each; the list knows of none."""
    pages = [one.pages for one in seen.flipbooks if one.pages is not None]
    return sum(pages) if len(pages) == len(seen.flipbooks) and not isinstance(seen, Listed) else None
