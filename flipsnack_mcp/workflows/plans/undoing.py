"""Undoing what the history tells of: a plan that puts back what still is as a change left it. Pure; nothing is asked here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from pydantic import ValidationError

from flipsnack_mcp.api import hash_and_title, quoted
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, UpdateCollection
from flipsnack_mcp.workflows.history import Event
from flipsnack_mcp.workflows.plans.drafts import PlanDraft, title_objection
from flipsnack_mcp.workflows.plans.item import BESIDE_THE_LIST, Item, Listed, pages_of

FIELDS = ("title", "status", *BESIDE_THE_LIST)
"""What an update changes, and an undoing puts back."""
LONGEST_TITLE_TOLD = 80
RECOGNISED_BY = ("title", "status", "direct_link")
"""What tells a collection from others, as far as a look at it does."""
GONE = "it is no longer there under that hash: look for its title"
DELETED = (
    "what is deleted cannot be brought back through Flipsnack's API. Its document can be uploaded again "
    "with create_collection, which gives it another link"
)
OVERWRITTEN = "what was overwritten or deleted there Flipsnack does not tell: set it anew with the same tool"
UPLOADED = "an upload is not undone but deleted, with delete_collection, after the person agreed"
NOTHING_OF_THE_ACCOUNT = "it changed nothing in the account"
ADDED = "a document that was added is taken out with delete_flipbook, after the person agreed"
CANNOT = {
    **dict.fromkeys(("delete_collection", "delete_collections", "delete_flipbook"), DELETED),
    **dict.fromkeys(("create_collection", "create_collections"), UPLOADED),
    "add_flipbook": ADDED,
    **dict.fromkeys(("stop_work", "list_leads"), NOTHING_OF_THE_ACCOUNT),
    **dict.fromkeys(("update_collection", "update_collections", "undo_change"), ""),
}
"""Why, and what can be done instead, by tool; nothing where it can be. Of tools that are not here it is not known what they overwrite."""
REFUSED = "it was refused, so nothing was changed by it"
NOT_MADE = "it changed nothing, as far as is known: look at the collection"
UNKNOWN_END = "what came of it is not on record: an older version wrote it, or it was broken off"
UNCLEAR = "whether it was made was not clear, so how it left things is not on record: look at the collection"
NOT_CHANGED = (
    "a look after it showed title, description, status and size as they were; what else was set Flipsnack does not tell"
)

NOT_AS_BEFORE = "how it was before is not on record, or is nothing that an update may say"
ANY_HASH = "abc1234"


@dataclass(frozen=True)
class Undone:
    """One change that is to be undone: its entries in the history."""

    begun: Event
    """Says how it was."""
    after: Mapping[str, Any]
    """How the change left it; nothing where that is not known."""
    now: str
    """The hash that the collection has today, as far as the history knows."""
    ended: str = ""
    """How that change ended, in one word of the history."""

    @property
    def title(self) -> str:
        """By which it is found, as the change left it."""
        return str(self.after.get("title") or self.begun.before.get("title", ""))

    @property
    def left(self) -> dict[str, Any]:
        """What it changed, as it left that."""
        lost = self.lost
        return {name: self.after[name] for name in FIELDS if name in self.after and name not in lost}

    @property
    def lost(self) -> list[str]:
        """What it changed and cannot be so again: nobody knows how it was, or no update may say so."""
        before, veiled = self.begun.before, self.begun.veiled
        known = {name for name in FIELDS if name not in veiled and may_be_given(name, before.get(name))}
        return [name for name in FIELDS if name in self.after and name not in known]

    @property
    def unknown(self) -> str:
        """Why nothing of it can be put back."""
        return NOT_AS_BEFORE if self.lost else {"failed": NOT_MADE, "unclear": UNCLEAR}.get(self.ended, UNKNOWN_END)


def may_be_given(name: str, value: object) -> bool:
    """Whether an update may say so of a collection: Flipsnack tells statuses, sizes and texts that it is not asked for.

    What stands against a title is told by itself.
    """
    try:
        given = UpdateCollection.model_validate({"collection_hash": ANY_HASH, name: value})
    except ValidationError:
        return name == "title"
    return value is not None and getattr(given, name) == value


def undone_by(events: Sequence[Event], meant: Event) -> list[Undone]:
    """The changes that an entry stands for: one, or all of a plan; each with its last end."""
    begun = {one.number: one for one in events if one.decision == "allowed"}
    if meant.work and meant.target == meant.work:
        chosen = [one for one in begun.values() if one.work == meant.work]
    else:
        chosen = [one for one in (begun.get(meant.of or meant.number),) if one]
    moved = moves_in(events)
    found = [
        Undone(one, after_of(events, one), hashes_since(one.target, moved)[-1], last_end(events, one)) for one in chosen
    ]
    # What a plan tried again counts by the try that made it, and by the last one where none did.
    return list({one.begun.target: one for one in sorted(found, key=lambda one: bool(one.after))}.values())


def last_end(events: Iterable[Event], begun: Event) -> str:
    """How a change ended, by the last that was written of it."""
    return next((one.decision for one in reversed(list(events)) if one.of == begun.number), "")


def after_of(events: Iterable[Event], begun: Event) -> dict[str, Any]:
    """How a change left its collection, by all that was written of its end."""
    ends = (one.after for one in events if one.of == begun.number)
    return reduce(or_, ends, dict[str, Any]())


def moves_in(events: Iterable[Event]) -> dict[str, str]:
    """The hash that each collection had after it was last changed under another."""
    return {one.target: one.after["collection_hash"] for one in events if one.after.get("collection_hash")}


def hashes_since(known: str, moved: Mapping[str, str]) -> list[str]:
    """The hashes that a collection has had since, today's last: every publication gave it another."""
    seen = [known]
    while (later := moved.get(known, known)) not in seen:
        seen.append(later)
        known = later
    return seen


def why_not(meant: Event, changes: Sequence[Undone]) -> str:
    """Why an entry cannot be undone, and what can be done instead; nothing where it can, or is still to be looked into."""
    if meant.decision == "refused":
        return REFUSED
    reason = CANNOT.get(meant.tool, OVERWRITTEN)
    failed = all(one.ended == "failed" for one in changes) if changes else meant.decision == "failed"
    if failed and reason in {DELETED, OVERWRITTEN}:
        return NOT_MADE
    if reason:
        return reason
    if not changes:
        return NOT_MADE
    if all(not one.after for one in changes):
        return next(one.unknown for one in changes)
    return "" if any(one.left for one in changes) else nothing_left(changes)


def nothing_left(changes: Iterable[Undone]) -> str:
    """Why there is nothing to put back of changes that were made."""
    return NOT_AS_BEFORE if any(one.lost for one in changes) else NOT_CHANGED


def draft_undoing(
    changes: Iterable[Undone], looks: Mapping[str, Collection], days: Mapping[str, str] | None = None
) -> tuple[PlanDraft, list[str]]:
    """What can be put back, and in words what cannot. Of what was not looked at by itself the plan's own look decides."""
    items, refused, said, unchanged = list[Item](), list[tuple[CollectionSummary, str]](), list[str](), 0
    for change in changes:
        seen = looks.get(change.now)
        row = CollectionSummary(collection_hash=change.now, title=change.title)
        if seen is None or not change.left:
            refused.append((row, GONE if seen is None else change.unknown))
            continue
        back, other = put_back(change, seen)
        if objection := title_objection(back["title"]) if "title" in back else "":
            refused.append((row, objection))
            continue
        said += [f"{name} of {hash_and_title(change.now, seen.title)}" for name in (*other, *change.lost)]
        if back:
            items.append(item_of(len(items), change, seen, back, (days or {}).get(change.now, "")))
        else:
            unchanged += 1
    return PlanDraft(tuple(items), unchanged, tuple(refused)), said


def put_back(change: Undone, seen: Collection) -> tuple[dict[str, Any], list[str]]:
    """The fields as they were, where they still are as the change left them; and the names of the others."""
    back, other = dict[str, Any](), list[str]()
    for name, left in change.left.items():
        was, told = change.begun.before[name], not isinstance(seen, Listed) or name not in BESIDE_THE_LIST
        if told and getattr(seen, name) != left:
            other += [name] if getattr(seen, name) != was else []
        elif was != left:
            back[name] = was
    return back, other


def already_back(events: Sequence[Event], changes: Iterable[Undone], looks: Mapping[str, Collection]) -> list[str]:
    """What is as it was before those changes, and the entry of the history that put it back, where one did."""
    there = [(one, looks[one.now]) for one in changes if one.left and one.now in looks]
    return [
        f"{quoted(seen.title, LONGEST_TITLE_TOLD)} ({one.now})"
        + (f", put back by entry {number} of the history" if (number := entry_that_put_back(events, one)) else "")
        for one, seen in there
        if put_back(one, seen) == ({}, [])
    ]


def entry_that_put_back(events: Sequence[Event], change: Undone) -> int:
    """The entry of the last change after it that left something as it was before; 0 where none is known."""
    known = {*hashes_since(change.begun.target, moves_in(events))}
    before = {
        name: change.begun.before[name] for name, left in change.left.items() if change.begun.before[name] != left
    }
    later = (one for one in reversed(events) if one.number > change.begun.number and one.target in known)
    back = (one for one in later if any(one.after.get(name) == was for name, was in before.items()))
    return next((one.of or one.number for one in back if one.of != change.begun.number), 0)


def item_of(number: int, change: Undone, seen: Collection, back: Mapping[str, Any], day: str) -> Item:
    """One collection of the plan, which has to be as the change left it when its turn comes."""
    known = {name: change.left[name] for name in back if name in BESIDE_THE_LIST}
    facts = {
        "number": number,
        "collection_hash": change.now,
        **seen.model_dump(include=set(RECOGNISED_BY)),
        "pages": pages_of(seen),
        "day": day,
    }
    return Item.model_validate({**facts, "known": known, **{f"new_{name}": value for name, value in back.items()}})
