"""Looking at what would be destroyed: for the person who is asked, and again before it is done."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from flipsnack_mcp.api import Action, FlipsnackError, NotFoundError, quoted, wire_parameters
from flipsnack_mcp.api.actions import collections, statistics
from flipsnack_mcp.api.errors import UnreadableAnswerError
from flipsnack_mcp.server.consent.form import Preview, sentences_about, sentences_about_many, what_to_type
from flipsnack_mcp.server.consent.many import sentences_about_deletions
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import direct_link
from flipsnack_mcp.workflows.last_look import NotAsSeenError
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import Plan

EXTRAS = 6.0
"""Seconds for what is good to know but not needed: views and link."""


class AlreadyGoneError(FlipsnackError):
    """What should be destroyed does not exist any more."""

    retry = "There is nothing to try again."


@dataclass
class Destruction:
    """What would be destroyed; looked at as often as needed, never from memory."""

    context: CallContext
    action: Action[Any]
    more: tuple[str, ...] = ()
    """What would be done besides, as it is shown."""
    collection: collections.Collection = field(default_factory=collections.Collection)
    """As it was at the last look."""

    @property
    def name(self) -> str:
        """Exactly what would be destroyed; known without asking Flipsnack."""
        hashes = hashes_in(self.action)
        return f"{hashes['collection_hash']}/{hashes.get('flipbook_hash', '')}"

    @property
    def parts(self) -> tuple[str, ...]:
        """None: it is one."""
        return ()

    @property
    def covers(self) -> str:
        """The same for the same changes; those that are shown cut short count to their ends."""
        return hashed([self.more, wire_parameters(self.action)]) if self.more else ""

    async def known(self) -> Preview | None:
        """None: how it is now only a look at Flipsnack tells, and that comes last."""
        return None

    async def preview(self) -> Preview:
        """Fetch the target and describe it for a person.

        Raises:
            AlreadyGoneError: There is no such collection or flipbook.
        """
        seen = await self.glance()
        collection, quickly = self.collection, self.context.within(EXTRAS)
        link = collection.direct_link or await direct_link(quickly, collection.collection_hash, collection.title)
        text = sentences_about(collection, self.action, self.more, await views_of(quickly, collection), link)
        return seen.model_copy(update={"text": text})

    async def glance(self) -> Preview:
        """Fetch only what must not have changed."""
        seen = await self.look(self.context)
        facts = {"target": self.name, "covers": self.covers, "seen": fingerprint(seen), **what_to_type(seen)}
        return Preview(text="", **facts)

    async def look(self, context: CallContext, agreed: str = "") -> collections.Collection:
        """Fetch the target by one request; it has to be as it was agreed to, if anybody was asked."""
        hashes = hashes_in(self.action)
        collection = await existing(context, hashes["collection_hash"])
        flipbook = hashes.get("flipbook_hash")
        if flipbook and flipbook not in {book.flipbook_hash for book in collection.flipbooks}:
            raise AlreadyGoneError(
                f"The collection {quoted(collection.title, 80)} ({hashes['collection_hash']}) has no flipbook {flipbook}.",
                "Look at its flipbooks with get_collection.",
            )
        if agreed and fingerprint(collection) != agreed:
            raise NotAsSeenError
        self.collection = collection
        return collection

    async def look_at_draft(self, context: CallContext) -> collections.Collection:
        """Fetch the target, which has to be a draft: taking it offline takes nothing away."""
        seen = await self.look(context)
        if seen.status != "editable":
            raise NotAsSeenError
        return seen


@dataclass(frozen=True)
class Batch:
    """The collections of a plan that would be deleted or go offline. As planned: each is looked at again before that."""

    plan: Plan
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """The same for the same collections, in whatever plan: a person's no is about them."""
        doing = "delete" if self.deletes else "offline"
        return f"{doing}/{hashed(sorted(one.collection_hash for one in self.items))}"

    @property
    def parts(self) -> tuple[str, ...]:
        """What each of them is called alone: a no to all is a no to each."""
        return tuple(f"{one.collection_hash}/" for one in self.items)

    @property
    def deletes(self) -> bool:
        """Whether they would be gone for good."""
        return any(one.deletes for one in self.items)

    async def preview(self) -> Preview:
        """The plan, described for a person."""
        exactly = [[one.collection_hash, one.title, one.status, *one.target, one.beside_the_list] for one in self.items]
        documents = [one.flipbooks for one in self.items] if self.deletes else []
        facts = {"target": self.name, "covers": self.covers, "seen": hashed([*exactly, *documents])}
        sentences = sentences_about_deletions if self.deletes else sentences_about_many
        return Preview(text=sentences(self.items), parts=self.parts, **facts, **self._typed)

    @property
    def _typed(self) -> dict[str, str]:
        """Their number; of one alone its title."""
        if len(self.items) != 1:
            return {"expected": str(len(self.items))}
        (only,) = self.items
        return what_to_type(collections.Collection(collection_hash=only.collection_hash, title=only.title))

    @property
    def covers(self) -> str:
        """The plan: another one for the same collections is something else."""
        return self.plan.plan_id

    async def known(self) -> Preview:
        """The same: a plan does not change."""
        return await self.preview()


InQuestion = Destruction | Batch
"""What a person is asked about: one target, or many at once."""


def hashes_in(action: Action[Any]) -> dict[str, str]:
    """The collection that an action is about, and the flipbook where it is about one."""
    found = {name: getattr(action, name, None) for name in ("collection_hash", "flipbook_hash")}
    return {name: value for name, value in found.items() if value}


async def existing(context: CallContext, collection_hash: str) -> collections.Collection:
    """The collection, which has to exist, and of which itself something has to be told: nobody agrees to what is not seen."""
    try:
        found = await context.send(collections.GetCollection(collection_hash=collection_hash))
    except NotFoundError:
        raise AlreadyGoneError(
            f"There is no collection {collection_hash}: it was deleted before, has a new hash since it was published, or never existed.",
            "Look for it by its title with list_collections.",
        ) from None
    if found.is_blank:
        raise UnreadableAnswerError(
            f"Flipsnack told nothing of the collection {collection_hash}, neither title nor status nor flipbooks: nobody could recognise it.",
            "Tell the person, who can look at it in Flipsnack.",
        )
    if found.collection_hash != collection_hash:  # the one would be shown, and the other changed
        raise FlipsnackError(
            f"Asked for the collection {collection_hash}, Flipsnack told of {found.collection_hash}, {quoted(found.title, 80)}.",
            f'If that is the one that is meant, give collection_hash="{found.collection_hash}"; else tell the person.',
        )
    return found


async def views_of(context: CallContext, collection: collections.Collection) -> str:
    """How often it was read, as far as Flipsnack tells."""
    try:
        stats = await context.send(statistics.GetCollectionStats(collection_hash=collection.collection_hash))
    except FlipsnackError:
        return "views unknown"
    return "views unknown" if stats.views is None else as_many(stats.views, "view")


def fingerprint(collection: collections.Collection) -> str:
    """The same as long as what the person saw is true."""
    facts = [collection.collection_hash, collection.title, collection.status]
    return hashed([*facts, sorted(book.flipbook_hash for book in collection.flipbooks)])


def hashed(facts: object) -> str:
    """The same for the same facts."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
