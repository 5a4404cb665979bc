"""Deleting, so that a lost connection is looked into instead of guessed at."""

from __future__ import annotations

from typing import Any

from flipsnack_mcp.api.action import Action, ResultT_co
from flipsnack_mcp.api.actions.collections import DeleteCollection, DeleteFlipbook, GetCollection
from flipsnack_mcp.api.errors import Changed, FlipsnackError, NotFoundError, UnreachableError, UnreadableAnswerError
from flipsnack_mcp.workflows.errand import Errand


async def delete(errand: Errand, action: Action[ResultT_co]) -> ResultT_co:
    """Delete once. When the answer is lost, look whether the target is still there; never send it again."""
    try:
        return await errand.leaving_time.send(action)
    except (UnreachableError, UnreadableAnswerError) as error:
        if error.changed is Changed.NOTHING:
            raise
        gone = await is_gone(errand, action)
        if gone is None:
            raise
        if gone:
            return action.read({})
        raise FlipsnackError(
            "The answer to the deletion was lost; what should be deleted is still there.",
            "Make the same call again without a confirmation, so that the person is asked anew.",
            retry="You can try again.",
        ) from None


async def is_gone(errand: Errand, action: Action[Any]) -> bool | None:
    """Whether the target of a deletion no longer exists; None where that cannot be found out."""
    if not isinstance(action, DeleteCollection | DeleteFlipbook):
        return None
    try:
        found = await errand.send(GetCollection(collection_hash=action.collection_hash))
    except NotFoundError:
        return True
    except FlipsnackError:
        return None
    if isinstance(action, DeleteCollection):
        return False
    there = {book.flipbook_hash for book in found.flipbooks}
    # A flipbook without a hash has it under a name we do not know: it could be this one.
    return None if "" in there else action.flipbook_hash not in there
