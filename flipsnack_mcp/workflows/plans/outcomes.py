"""What is noted about an item of a plan, whatever became of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from flipsnack_mcp.api import Changed, FlipsnackError
from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.workflows.changing import differences
from flipsnack_mcp.workflows.plans.item import Item, Listed
from flipsnack_mcp.workflows.plans.listing import Listing
from flipsnack_mcp.workflows.plans.rules import Plan

CHANGED_SINCE = "It changed since the plan was made, so it was left alone."
ALREADY = "It was already so before its turn came."
NO_LONGER_THERE = "It is no longer there under this hash, so it was left alone."
NEITHER = "It was being changed when a call broke off, and is now neither as before nor as planned: look at it."
NEW_HASH_UNKNOWN = "It was published, but its new hash was not found: look for its title."
TWO_ALIKE = "It was published, but another one of that title and status is new too, so its new hash cannot be told: look at both."
NOT_FOUND = "Flipsnack took the change, but the collection was not found afterwards: look for its title."
NOT_TOLD_YET = "Flipsnack took the change, and does not tell all of it yet: look at the collection once more."

MOST_FAILURES, MOST_IN_A_ROW = 5, 3

ItemFacts = dict[str, Any]
DONE: ItemFacts = {"state": "done", "said": "", "again": False, "checked": True}


def facts_of(plan: Plan, item: Item | None = None) -> dict[str, Any]:
    """What the history says of a change, or of the whole plan, besides how it ended."""
    target = item.collection_hash if item else plan.plan_id
    whose = {"confirmed": plan.confirmed, "caller": plan.caller}
    return {"tool": plan.tool, "target": target, "work": plan.plan_id, **whose}


def left_as(item: Item) -> dict[str, Any]:
    """How a change that was made left the collection: what it changed, and its hash; nothing of one that is gone."""
    new = {"title": item.new_title, "status": item.new_status, **item.beside_the_list}
    made = {name: value for name, value in new.items() if value is not None}
    there = item.state == "done" and not item.deletes
    return {"collection_hash": item.new_hash or item.collection_hash, **made} if there else {}


def of_other(item: Item, seen: Collection) -> ItemFacts:
    """For an item that is not as planned: done by a job that broke off, or touched by somebody."""
    if item.is_done(seen):
        return DONE if item.begun else {"state": "skipped", "said": ALREADY}
    return {"state": "unclear", "said": NEITHER} if item.begun else {"state": "skipped", "said": CHANGED_SINCE}


def of_answer(item: Item, answer: Collection) -> ItemFacts:
    """For an item whose update Flipsnack took: what came of it a list tells later, as far as a list does."""
    new_hash = answer.collection_hash if answer.collection_hash != item.collection_hash else ""
    return {**DONE, "new_hash": new_hash, "checked": not item.is_listed}


def of_failure(item: Item, error: FlipsnackError) -> ItemFacts:
    """For an item whose update failed: the next call takes it up again, and looks first."""
    if error.changed is Changed.PERHAPS:
        return {"state": "unclear", "said": error.happened, "again": True, "checked": not item.publishes}
    return {"state": "failed", "said": error.happened, "again": True, "begun": item.begun}


def of_listing(item: Item, listing: Listing, unchecked: Iterable[Item]) -> ItemFacts | None:
    """For an item that was changed, by the list after; None where the list does not show it as it should be."""
    row = listing.rows.get(item.new_hash or item.collection_hash)
    if row and item.is_done(Listed.of(row)):
        return DONE
    old = listing.rows.get(item.collection_hash)
    if old and not row and item.is_done(Listed.of(old)):
        return {**DONE, "new_hash": ""}  # the answer had a hash that is none of the account's
    return of_published(item, listing, unchecked) if item.publishes and not row else None


def of_published(item: Item, listing: Listing, unchecked: Iterable[Item]) -> ItemFacts:
    """For a draft that is no longer there under its hash: of its title and status one row has to be new."""
    new = [one for one in listing.with_target(item) if one not in item.twins]
    alike = [one for one in unchecked if one.target == item.target and one.publishes]
    if len(new) == 1 and len(alike) <= 1:
        return {**DONE, "new_hash": new[0]}
    if item.state == "done" or new:
        return {**DONE, "said": TWO_ALIKE if new else NEW_HASH_UNKNOWN}
    return {"state": "unclear", "said": NEW_HASH_UNKNOWN, "checked": True}


def is_unseen(item: Item, listing: Listing, unchecked: Iterable[Item]) -> bool:
    """Whether an item was published and no row of the list can be what it became."""
    facts = of_listing(item, listing, unchecked)
    return facts is not None and facts["said"] == NEW_HASH_UNKNOWN


def of_vanished(item: Item, listing: Listing) -> ItemFacts:
    """For an item that is not there under its hash: published by a job that broke off, or gone."""
    if item.begun and item.publishes:
        return of_published(item, listing, ())
    return {"state": "skipped", "said": NO_LONGER_THERE}


def of_closer_look(item: Item, seen: Collection) -> ItemFacts:
    """For an item that the list did not show as it should be, by a look at itself."""
    if item.is_done(seen):
        return DONE
    if item.state != "done":
        return {"checked": True}
    said = " ".join(differences(item.action, seen))
    return {"state": "failed" if said else "done", "said": said or NOT_TOLD_YET, "checked": True}


class Tried(Protocol):
    """A collection or a document that a plan was to make something of."""

    @property
    def state(self) -> str: ...
    @property
    def said(self) -> str: ...


def is_failure(item: Tried) -> bool:
    """Whether it did not become what was planned, as far as anybody knows, though that was tried."""
    return item.state in {"failed", "unclear"}


@dataclass
class Failures:
    """How many failures there were since the plan was last taken up, and how many of them in a row."""

    most: float = MOST_FAILURES
    count: int = 0
    in_a_row: int = 0

    def after(self, item: Tried) -> str:
        """Why to stop, once there were too many."""
        failed = is_failure(item)
        self.count += failed
        self.in_a_row = self.in_a_row + 1 if failed else 0
        if self.in_a_row >= MOST_IN_A_ROW:
            return f"Stopped after {self.in_a_row} failures in a row. The last one: {item.said}"
        return f"Stopped after {self.count} failures. The last one: {item.said}" if self.count >= self.most else ""
