"""What a person is shown before something is destroyed, and what of it must still be true when it is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, DeleteFlipbook, GetCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError
from flipsnack_mcp.api.text import cleaned, quoted
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import direct_link

LONGEST_TO_TYPE = 60
FLIPBOOKS_SHOWN = 5


class AlreadyGoneError(FlipsnackError):
    """What should be destroyed does not exist any more."""

    retry = "There is nothing to try again."


@dataclass(frozen=True)
class Preview:
    """A target as it is now."""

    text: str
    expected: str
    """What the person has to type."""
    target: str
    """Exactly what would be destroyed."""
    seen: str
    """Fingerprint of what must not change meanwhile. Views are shown, but change by themselves."""


async def preview_of(errand: Errand, action: Any) -> Preview:
    """Fetch the target and describe it.

    Raises:
        AlreadyGoneError: There is no such collection or flipbook.
    """
    collection = await present(errand, action.collection_hash)
    flipbook = action.flipbook_hash if isinstance(action, DeleteFlipbook) else ""
    if flipbook and flipbook not in {book.flipbook_hash for book in collection.flipbooks}:
        raise AlreadyGoneError(
            f"Collection {action.collection_hash} has no flipbook {flipbook}.",
            "Look at its flipbooks with get_collection.",
        )
    return Preview(
        text=await described(errand, collection, action),
        expected=to_type(collection),
        target=f"{action.collection_hash}/{flipbook}",
        seen=fingerprint(collection),
    )


async def present(errand: Errand, collection_hash: str) -> Collection:
    """The collection, which has to exist."""
    try:
        found = await errand.send(GetCollection(collection_hash=collection_hash))
    except NotFoundError:
        raise AlreadyGoneError(
            f"There is no collection {collection_hash}: it was deleted before, has a new hash since it was published, or never existed.",
            "Look for it by its title with list_collections.",
        ) from None
    return found.model_copy(update={"collection_hash": found.collection_hash or collection_hash})


async def described(errand: Errand, collection: Collection, action: Any) -> str:
    """The preview in sentences."""
    link = collection.direct_link or await direct_link(errand, collection.collection_hash, collection.title)
    title = quoted(collection.title) if collection.title else "without a title"
    facts = [
        f"status {cleaned(collection.status, 20) or 'unknown'}",
        *flipbook_facts(collection),
        await views(errand, collection),
    ]
    if link:
        facts.append(f"link {cleaned(link, 200)}")
    of = f"flipbook {action.flipbook_hash} of " if isinstance(action, DeleteFlipbook) else ""
    facts_told = ", ".join(facts)
    return f"{action.doing} {of}the collection {title} ({collection.collection_hash}): {facts_told}. {consequence(collection, action)}"


def flipbook_facts(collection: Collection) -> list[str]:
    """How many flipbooks, and which."""
    books = [book.flipbook_hash for book in collection.flipbooks if book.flipbook_hash]
    if not collection.flipbooks:
        return ["no flipbooks"]
    more = f" and {len(books) - FLIPBOOKS_SHOWN} more" if len(books) > FLIPBOOKS_SHOWN else ""
    names = ", ".join(cleaned(book, 64) for book in books[:FLIPBOOKS_SHOWN])
    return [f"{len(collection.flipbooks)} flipbook(s) {names}{more}"]


async def views(errand: Errand, collection: Collection) -> str:
    """How often it was read, as far as Flipsnack tells."""
    try:
        stats = await errand.send(GetCollectionStats(collection_hash=collection.collection_hash))
    except FlipsnackError:
        return "views unknown"
    return "views unknown" if stats.views is None else f"{stats.views} views"


def consequence(collection: Collection, action: Any) -> str:
    """What stops working."""
    if isinstance(action, DeleteFlipbook):
        return "The collection stays; this document in it is gone for good."
    if not isinstance(action, DeleteCollection):
        return "The collection stays; the picture has to be uploaded again to get it back."
    if collection.status == "editable":
        return "It is a draft; it is gone for good."
    return "Its link and every embed of it stop working, for good."


def to_type(collection: Collection) -> str:
    """The title, or the hash where the title is empty or too long to type."""
    title = cleaned(collection.title).replace('"', "'")
    return title if title and len(title) <= LONGEST_TO_TYPE else collection.collection_hash


def fingerprint(collection: Collection) -> str:
    """The same as long as what the person saw is true."""
    facts = [collection.collection_hash, collection.title, collection.status]
    return hashlib.sha256(
        json.dumps([*facts, sorted(book.flipbook_hash for book in collection.flipbooks)]).encode()
    ).hexdigest()
