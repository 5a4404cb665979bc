"""Changing and deleting collections: what was asked, and what Flipsnack made of it, also where its answer was lost."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.api import Action, Changed, FlipsnackError, NotFoundError, ResultT_co, as_text, errors
from flipsnack_mcp.api.actions import collections, publishing
from flipsnack_mcp.api.actions.collections import Collection, GetCollection, UpdateCollection
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import published_last
from flipsnack_mcp.workflows.last_look import LastLook

COMPARED = ("title", "description", "status", "width", "height")
NOT_SEEN_AFTERWARDS = (
    "Flipsnack took the change, but the collection was not found afterwards: look for its new hash by title."
)
TAKEN_UNTOLD = (
    "Flipsnack took the change, and does not tell this of the collection: {}. It has to be looked at in Flipsnack."
)
NOT_LOOKED_AT = "Flipsnack took the change; how it is now could not be looked at: look for its title."


class StillThereError(FlipsnackError):
    """A deletion got no answer that can be read, and a moment later its target was still there: it may go yet."""

    retry = "Do not simply repeat it."

    def __init__(self, happened: str) -> None:
        super().__init__(
            f"{happened} A moment later what should be deleted was still there; a slow Flipsnack may delete it yet.",
            "Look with get_collection in a minute; if it is still there then, make the same call without a confirmation, "
            "so that the person is asked anew.",
            changed=Changed.PERHAPS,
        )


@dataclass(frozen=True)
class Difference:
    """One field before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Updated:
    """What an update did."""

    before: Collection
    after: Collection
    changes: tuple[Difference, ...]
    warnings: tuple[str, ...]


async def change(context: CallContext, action: UpdateCollection, last: LastLook) -> Updated:
    """Update a collection and look what came of it; publishing a draft gives it a new hash, which is looked up."""
    try:
        answer = await send_change(context, action, last)
    except FlipsnackError as error:
        before = last.seen
        if error.changed is Changed.NOTHING or before is None:
            raise
        after = None
        with suppress(FlipsnackError):
            after = await looked_at(context, before, Collection(), action)
        if after is None or not changes(before, after):
            raise
        lost = "The answer to the change was lost; this is how the collection is now."
        return Updated(before, after, changes(before, after), (lost, *differences(action, after)))
    before = last.seen or Collection(collection_hash=action.collection_hash)
    asked, said = asked_of(action, before), NOT_SEEN_AFTERWARDS
    try:
        after = await looked_at(context, before, answer, action)
    except FlipsnackError:  # nothing speaks against the hash that the answer named
        named = {"collection_hash": answer.collection_hash or before.collection_hash}
        after, asked, said = None, asked.model_copy(update=named), NOT_LOOKED_AT
    if after is None:
        return Updated(before, asked, changes(before, asked), (said,))
    return Updated(before, after, changes(before, after), (*differences(action, after), *untold(action, after)))


async def send_change(context: CallContext, action: UpdateCollection, last: LastLook) -> Collection:
    """Send an update; one that takes a collection offline destroys its link, and follows its last look at once."""
    if action.status == "editable":
        return await last.then_send(context.leaving_time, action)
    await last.take(context)
    return await context.leaving_time.send(action)


async def looked_at(
    context: CallContext, before: Collection, answer: Collection, action: UpdateCollection
) -> Collection | None:
    """The collection after its update, under its old hash, the answer's, or the one its title is listed with."""
    for known in filter(None, dict.fromkeys((answer.collection_hash, before.collection_hash))):
        try:
            return await context.send(GetCollection(collection_hash=known))
        except NotFoundError:
            continue
    return await under_new_hash(context, action.title or before.title, action.status or before.status)


async def under_new_hash(context: CallContext, title: str, status: str) -> Collection | None:
    """The newest collection of that title and status, as far as there is exactly one."""
    try:
        rows = [row for row in await published_last(context, title) if row.status == status]
        return await context.send(GetCollection(collection_hash=rows[0].collection_hash)) if len(rows) == 1 else None
    except FlipsnackError:
        return None


def asked_of(action: UpdateCollection, before: Collection) -> Collection:
    """The collection as it should be now."""
    given = {name: getattr(action, name) for name in COMPARED if getattr(action, name) is not None}
    return before.model_copy(update=given)


def changes(before: Collection, after: Collection) -> tuple[Difference, ...]:
    """What differs between two looks."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in COMPARED)
    return tuple(Difference(name, shown(old), shown(new)) for name, old, new in pairs if old != new)


def differences(action: publishing.CreateCollection | UpdateCollection, after: Collection) -> tuple[str, ...]:
    """Where Flipsnack made something else of what was asked."""
    wrong = [
        name
        for name in comparable_in(after)
        if getattr(action, name) is not None and getattr(after, name) not in {None, ""} | {getattr(action, name)}
    ]
    return tuple(
        f"Flipsnack shows another {name} than was asked for: look at the collection once more." for name in wrong
    )


def untold(action: UpdateCollection, after: Collection) -> tuple[str, ...]:
    """What was asked for and Flipsnack does not tell of a collection: that nothing was changed of it would not be true."""
    names = [name for name in COMPARED if getattr(action, name) and getattr(after, name) in {None, ""}]
    return (TAKEN_UNTOLD.format(", ".join(names)),) if names else ()


def comparable_in(seen: Collection) -> list[str]:
    """What can be compared of it. While it converts, it may tell that as its status."""
    return [name for name in COMPARED if name != "status" or seen.status.lower() != "processing"]


def shown(value: object) -> str:
    """A value for a before/after line."""
    return "" if value is None else as_text(value)


async def delete(context: CallContext, action: Action[ResultT_co], last: LastLook) -> ResultT_co:
    """Delete once. When the answer is lost, look whether the target is still there; never send it again."""
    try:
        return await last.then_send(context.leaving_time, action)
    except (errors.UnreachableError, errors.UnreadableAnswerError) as error:
        if error.changed is Changed.NOTHING:
            raise
        gone = await is_gone(context, action)
        if gone is None:
            raise
        if gone:
            return action.read({})
        raise StillThereError(error.happened) from None


async def is_gone(context: CallContext, action: Action[Any]) -> bool | None:
    """Whether the target of a deletion no longer exists; None where that cannot be found out."""
    if not isinstance(action, collections.DeleteCollection | collections.DeleteFlipbook):
        return None
    try:
        found = await context.send(GetCollection(collection_hash=action.collection_hash))
    except NotFoundError:
        return True
    except FlipsnackError:
        return None
    if isinstance(action, collections.DeleteCollection):
        return False
    there = {book.flipbook_hash for book in found.flipbooks}
    # A flipbook without a hash has it under a name we do not know: it could be this one.
    return None if "" in there else action.flipbook_hash not in there
