"""What a person is shown before something is destroyed, and what of it must still be true when it is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from flipsnack_mcp.api.actions.collections import (
    Collection,
    DeleteCollection,
    DeleteFlipbook,
    GetCollection,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError
from flipsnack_mcp.api.text import cleaned, quoted
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import direct_link

LONGEST_TO_TYPE = 60
FLIPBOOKS_SHOWN = 5
EXTRAS = 6.0
"""Seconds for what is good to know but not needed: views and link."""


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


class InQuestion(Protocol):
    """What a person is asked about: one target, or many at once."""

    @property
    def name(self) -> str:
        """Exactly what would be destroyed; known without asking Flipsnack."""

    async def preview(self) -> Preview:
        """What there is now, described for a person."""

    async def glance(self) -> Preview:
        """Only what must not have changed."""


@dataclass
class Target:
    """What would be destroyed; looked at as often as needed, never from memory."""

    errand: Errand
    action: Any
    collection: Collection = field(default_factory=Collection)
    """As it was at the last look."""

    @property
    def name(self) -> str:
        """Exactly what would be destroyed; known without asking Flipsnack."""
        return f"{self.action.collection_hash}/{getattr(self.action, 'flipbook_hash', '')}"

    async def preview(self) -> Preview:
        """Fetch the target and describe it for a person.

        Raises:
            AlreadyGoneError: There is no such collection or flipbook.
        """
        collection = await self._present()
        return self._preview(collection, await described(self.errand, collection, self.action))

    async def glance(self) -> Preview:
        """Fetch only what must not have changed."""
        return self._preview(await self._present(), "")

    async def _present(self) -> Collection:
        collection = await present(self.errand, self.action.collection_hash)
        flipbook = getattr(self.action, "flipbook_hash", "")
        if flipbook and flipbook not in {book.flipbook_hash for book in collection.flipbooks}:
            raise AlreadyGoneError(
                f"Collection {self.action.collection_hash} has no flipbook {flipbook}.",
                "Look at its flipbooks with get_collection.",
            )
        self.collection = collection
        return collection

    def _preview(self, collection: Collection, text: str) -> Preview:
        return Preview(text, to_type(collection), self.name, fingerprint(collection))


async def present(errand: Errand, collection_hash: str) -> Collection:
    """The collection, which has to exist."""
    try:
        return await errand.send(GetCollection(collection_hash=collection_hash))
    except NotFoundError:
        raise AlreadyGoneError(
            f"There is no collection {collection_hash}: it was deleted before, has a new hash since it was published, or never existed.",
            "Look for it by its title with list_collections.",
        ) from None


async def described(errand: Errand, collection: Collection, action: Any) -> str:
    """The preview in sentences."""
    quickly = errand.within(EXTRAS)
    link = collection.direct_link or await direct_link(quickly, collection.collection_hash, collection.title)
    title = quoted(collection.title) if collection.title else "without a title"
    facts = [status_fact(collection), *flipbook_facts(collection), await views(quickly, collection)]
    if link:
        facts.append(f"link {quoted(link, 200)}")
    of = f"flipbook {action.flipbook_hash} of " if isinstance(action, DeleteFlipbook) else ""
    facts_told = ", ".join(facts)
    return f"{action.doing} {of}the collection {title} ({collection.collection_hash}): {facts_told}. {consequence(collection, action)}"


def status_fact(collection: Collection) -> str:
    """Its status; in quotes where it is none that Flipsnack documents."""
    known = collection.status in {"public", "unlisted", "editable"}
    return f"status {collection.status if known else quoted(collection.status, 20)}"


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
    if isinstance(action, UpdateCollection):
        return (
            "Its link and every embed of it stop working until it is published again, which may give it another link."
        )
    if not isinstance(action, DeleteCollection):
        return "The collection stays; what is deleted of it can only be made or uploaded again."
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
