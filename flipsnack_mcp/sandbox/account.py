"""The state of the account: its collections, their flipbooks, and what becomes of their hashes."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.requests.envelope import Refusal

STATUSES: Final = ("public", "editable", "unlisted")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_HEX: Final = "0123456789abcdef"


@dataclass
class Item:
    """One flipbook of a collection. Its conversion is over at `ready_at`."""

    hash: str
    title: str
    pages: int
    ready_at: float = 0.0
    fails: bool = False

    def status(self, now: float) -> str:
        if now < self.ready_at:
            return "processing"
        return "failed" if self.fails else "complete"


@dataclass(frozen=True)
class Packaging:
    """The offline package of a collection: under way until `ready_at`, then there or failed."""

    ready_at: float
    fails: bool = False


@dataclass
class Collection:
    """One collection. A test may change any of it, but `hash` is also its key in the account."""

    hash: str
    title: str
    status: str
    created_at: float
    description: str | None = None
    width: int = 650
    height: int = 385
    published_at: float | None = None
    items: list[Item] = field(default_factory=list)
    logo: str = ""
    background: str = ""
    packaging: Packaging | None = None
    visits_key: str = ""
    """What the statistics are derived from: they must outlive the change of the hash at publishing."""
    unread: bool = False
    """Nobody has ever opened it, and nobody will."""

    def __post_init__(self) -> None:
        self.visits_key = self.visits_key or self.hash

    def processing(self, now: float) -> bool:
        return any(item.status(now) == "processing" for item in self.items)

    def complete_items(self, now: float) -> list[Item]:
        return [item for item in self.items if item.status(now) == "complete"]

    def publication(self) -> float | None:
        """Give the moment of publication; a collection that a test turned public by hand has its creation's."""
        if self.published_at is None and self.status != "editable":
            return self.created_at
        return self.published_at

    def described(self, now: float) -> str:
        """Give the description; without one, conversion takes it from the document's first words."""
        if self.description is not None:
            return self.description
        # Sandbox's own choice: it does not read documents, so the "first words" are made up from the title.
        return f"{self.title}: the first words of the document." if self.complete_items(now) else ""


class Account:
    """All collections of one account. `collections` may be read and changed directly."""

    # Sandbox's own choice: a made-up profile.
    profile = "hearthandfield"

    def __init__(self, clock: Callable[[], float], pace: Pace, account_id: str) -> None:
        self.account_id = account_id
        """The number that links of the player carry."""
        self.collections: dict[str, Collection] = {}
        self.uploads_left = pace.uploads_left
        self._clock = clock
        self._pace = pace
        self._issued: set[str] = set()
        # A fixed seed: the same steps give the same hashes in every run.
        self._random = random.Random(20260921)  # noqa: S311 - made-up hashes of a sandbox, no secrets

    def add(
        self,
        *,
        title: str,
        status: str = "public",
        pages: int = 12,
        description: str | None = "",
        created_at: float | None = None,
        conversion: str = "complete",
        collection_hash: str = "",
    ) -> Collection:
        """Add a collection of one flipbook; `conversion` is "complete", "failed" or "processing" (from now on)."""
        created = self._clock() if created_at is None else created_at
        collection = Collection(
            hash=collection_hash or self.new_hash(),
            title=title,
            status=status,
            created_at=created,
            description=description,
            published_at=None if status == "editable" else created,
        )
        ready_at = self._clock() + self._pace.conversion_seconds if conversion == "processing" else created
        collection.items.append(Item(self.new_item_hash(), title, pages, ready_at, fails=conversion == "failed"))
        self.keep(collection)
        return collection

    def keep(self, collection: Collection) -> None:
        self._issued.add(collection.hash)
        self.collections[collection.hash] = collection

    def find(self, collection_hash: str) -> Collection:
        """Find a collection or refuse: 43 when it has been deleted, 46 when there never was one of this hash."""
        found = self.collections.get(collection_hash)
        if found is None:
            raise Refusal(43 if collection_hash in self._issued else 46)
        return found

    def with_item(self, item_hash: str) -> Collection | None:
        """Find the collection that holds this flipbook, converted."""
        now, every = self._clock(), self.collections.values()
        return next((one for one in every if any(item.hash == item_hash for item in one.complete_items(now))), None)

    def delete(self, collection_hash: str) -> None:
        self.find(collection_hash)
        self._issued.add(collection_hash)
        del self.collections[collection_hash]

    def publish(self, collection: Collection, status: str) -> None:
        """Publish an editable collection: its temporary hash gives way to a new, final one."""
        # Sandbox's own choice: the temporary hash is forgotten (46), not kept as an alias.
        self._issued.discard(collection.hash)
        self.collections.pop(collection.hash, None)
        collection.hash = self.new_hash()
        collection.status = status
        collection.published_at = self._clock()
        self.keep(collection)

    def new_hash(self) -> str:
        """Make a collection hash that looks like the documented ones (fxh4k89, vc90n3cvxn)."""
        while True:
            length = self._random.randint(7, 10)
            made = self._random.choice(_LETTERS[:26]) + "".join(self._random.choices(_LETTERS, k=length - 1))
            if made not in self._issued:
                return made

    def new_item_hash(self) -> str:
        """Make a flipbook hash that looks like the documented ones: 25 hexadecimal digits, an i, 6 digits."""
        return "".join(self._random.choices(_HEX, k=25)) + f"i{self._random.randrange(10**6):06d}"
