"""Deleting many collections: what is planned, and each of them deleted once and only as it was shown."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio

from flipsnack_mcp.api import Changed, FlipsnackError, NotFoundError
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, DeleteCollection, GetCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.workflows.changing import delete, is_gone
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import day_of
from flipsnack_mcp.workflows.last_look import LastLook, NotAsSeenError
from flipsnack_mcp.workflows.plans.drafts import PlanDraft
from flipsnack_mcp.workflows.plans.item import Item, hashes_of, pages_of
from flipsnack_mcp.workflows.plans.outcomes import DONE, ItemFacts, of_failure
from flipsnack_mcp.workflows.plans.undoing import GONE

FEW = 5
"""Collections of a plan that are looked at one by one when it is made; of more only the list tells."""
TIME_TO_SEE = 12.0
"""Seconds for that."""
SHOWN = frozenset({"collection_hash", "title", "status", "created_date", "publish_date", "direct_link"})
CHANGED = "It changed since it was shown, so it was left alone."
GONE_BEFORE = "It was already gone before its turn came."
GONE_MEANWHILE = "Somebody else deleted it while its own deletion was on the way."
STILL_THERE = (
    "Its deletion may have been sent, and no answer came; it is still there. It is not sent again: look at it first."
)


def draft_deletions(rows: Iterable[CollectionSummary]) -> PlanDraft:
    """The plan by which these go for good."""
    shown = ({**row.model_dump(include=set(SHOWN)), "day": day_of(row), "deletes": True} for row in rows)
    items = (Item.model_validate({"number": number, **one}) for number, one in enumerate(shown))
    return PlanDraft(tuple(items), 0, ())


async def with_their_documents(context: CallContext, draft: PlanDraft) -> PlanDraft:
    """The same plan, with the documents and views of each where they are few, and without those that are gone already."""
    if len(draft.items) > FEW:
        return draft
    found: dict[int, Item | None] = {one.number: one for one in draft.items}

    async def look(item: Item) -> None:
        found[item.number] = await with_documents(context.within(TIME_TO_SEE), item)

    async with anyio.create_task_group() as looking:
        for item in draft.items:
            looking.start_soon(look, item)
    gone = [one for one in draft.items if found[one.number] is None]
    left = [(CollectionSummary(collection_hash=one.collection_hash, title=one.title), GONE) for one in gone]
    there = enumerate(filter(None, found.values()))
    items = tuple(one.model_copy(update={"number": number}) for number, one in there)
    return replace(draft, items=items, refused=(*draft.refused, *left))


async def with_documents(context: CallContext, item: Item) -> Item | None:
    """An item with what two looks tell of it, as far as they can be had; nothing where it is not there, though listed."""
    known, found = item.collection_hash, dict[str, Any]()
    try:
        seen = await context.send(GetCollection(collection_hash=known))
    except NotFoundError:
        return None
    except FlipsnackError:
        return item  # whether it may go tells the last look
    found |= {"flipbooks": hashes_of(seen), "pages": pages_of(seen)}
    with suppress(FlipsnackError):
        found["views"] = (await context.send(GetCollectionStats(collection_hash=known))).views
    return item.model_copy(update=found)


async def deletion(context: CallContext, item: Item, last: LastLook) -> ItemFacts:
    """Delete a collection if it still is as it was shown; what is to be noted about it.

    Raises:
        FlipsnackError: Nothing was deleted.
    """
    try:
        await delete(context, DeleteCollection(collection_hash=item.collection_hash), last)
    except NotAsSeenError:
        return {"state": "failed", "said": STILL_THERE} if item.begun else {"state": "skipped", "said": CHANGED}
    except NotFoundError as error:
        if item.begun:
            return DONE
        if last.seen is None:
            return {"state": "skipped", "said": GONE_BEFORE}
        gone = await is_gone_meanwhile(context, item)
        return {"state": "failed", "said": GONE_MEANWHILE} if gone else of_failure(item, error)
    except FlipsnackError as error:
        if error.changed is Changed.NOTHING:
            raise
        return of_failure(item, error)
    return DONE


async def is_gone_meanwhile(context: CallContext, item: Item) -> bool:
    """Whether a collection that was just seen is surely there no more: code 43 is also what is not allowed."""
    return bool(await is_gone(context, DeleteCollection(collection_hash=item.collection_hash)))


async def as_shown(context: CallContext, item: Item) -> Collection:
    """The collection of an item, which has to be as it was shown; whose deletion may have been sent is not sent again."""
    seen = await context.send(GetCollection(collection_hash=item.collection_hash))
    if item.begun or not item.is_as_planned(seen):
        raise NotAsSeenError
    return seen
