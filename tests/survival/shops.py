"""Three accounts at three sandboxes: what each should hold by what was asked of it, and what its sandbox saw."""

import random
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.dates import DAY, day
from flipsnack_mcp.sandbox.visits import Period, Visits, daily

CREATE, UPDATE, DELETE = "collection.create", "collection.update", "collection.deleteCollection"
REFUSED_ALWAYS = {30, 31, 32, 40, 41, 42, 44}
"""Codes of requests that are another account's, unsigned or too many: none may ever arrive."""
UPLOADS = 100_000
PACE = Pace(conversion_seconds=0.2, package_seconds=0.1, calls_per_second=1000, calls_per_minute=1000)


@dataclass
class Book:
    """A collection as it should be."""

    title: str
    status: str
    busy: bool = False
    """A call is about it just now, or ended without a word on what became of it."""


@dataclass(frozen=True)
class Wish:
    """A change that a call asks for; without a hash a collection is made, without a title it is deleted."""

    shop: "Shop"
    hash: str = ""
    title: str = ""
    status: str = ""

    @property
    def request(self) -> tuple[str, str, str]:
        """What carries it out at the sandbox."""
        action = CREATE if not self.hash else UPDATE if self.title else DELETE
        return action, self.hash, self.title

    @property
    def needs_yes(self) -> bool:
        """Whether a person is asked: it is gone afterwards, or offline."""
        return bool(self.hash) and (not self.title or self.status == "editable")


@dataclass
class Shop:
    """An account, its sandbox, and the book that is kept of it."""

    name: str
    word: str
    """Stands in each of its titles and in no other's."""
    place: int
    folder: Path
    most_deletions: int
    sandbox: Sandbox = field(init=False)
    where: dict[str, str] = field(default_factory=dict[str, str])
    books: dict[str, Book] = field(default_factory=dict[str, Book])
    licensed: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """Changes that were asked for in a call that named this account, with the yes that they need."""
    named: set[str] = field(default_factory=set[str])
    """Hashes of others that were named together with this account."""
    unclear: list[Wish] = field(default_factory=list[Wish])

    def __post_init__(self) -> None:
        key = f"CROSSING-{self.name.upper()}KEY-{self.place}7832{self.word.upper()}"
        pace = replace(PACE, uploads_left=(self.place + 1) * UPLOADS)
        self.sandbox = Sandbox(api_key=key, api_secret=f"secret-of-{self.word}-{key}", account="empty", pace=pace)

    def fill(self, twins: int, each: int) -> None:
        """Twins look alike in all accounts, to the last hash; of the others a half has the hashes of the others' too."""
        born = time.time() - 60 * DAY
        for number in range(twins):
            self._begin(f"twin{number:03}x", f"Twin {number}", born)
        for number in range(each):
            begins = "same" if number % 2 else f"{self.name}own"
            self._begin(f"{begins}{number:03}x", f"{self.word} {number:03} mark", born + number)

    def _begin(self, hash_: str, title: str, born: float) -> None:
        made = self.sandbox.account.add(title=title, collection_hash=hash_, created_at=born)
        # Numbers that are added up wrongly show whose they are.
        made.visits_key = f"{self.name} {hash_}"
        self.books[hash_] = Book(title, "public")

    @property
    def number(self) -> str:
        """By which links of the player know the account."""
        return self.sandbox.account.account_id

    def link(self, hash_: str) -> str:
        """The address of a player."""
        return f"https://player.flipsnack.com?hash={b64encode(f'{self.number}+{hash_}'.encode()).decode()}"

    def free(self, begins: str = "", status: str = "") -> list[str]:
        """Collections that no call is about."""
        return [
            hash_
            for hash_, one in self.books.items()
            if not one.busy and hash_.startswith(begins) and status in {"", one.status}
        ]

    @contextmanager
    def held(self, hashes: list[str]) -> Iterator[list[str]]:
        """Nothing else is done with these."""
        books = [self.books[one] for one in hashes]
        for one in books:
            one.busy = True
        try:
            yield hashes
        finally:
            unclear = {one.hash for one in self.unclear}
            for hash_, book in zip(hashes, books, strict=True):
                book.busy = hash_ in unclear

    def views(self, hashes: list[str], period: tuple[date, date]) -> int:
        """What readers did with them, of the sandbox's own knowledge."""
        there = self.sandbox.account.collections
        of = [daily(there[one], Period(*period), time.time()) for one in hashes]
        return sum((sum(days, Visits()) for days in of), Visits()).views

    def a_period(self, chance: random.Random) -> tuple[date, date]:
        """Some days that are over."""
        start = day(time.time()) - timedelta(days=chance.randint(20, 50))
        return start, start + timedelta(days=chance.randint(0, 15))

    def carried_out(self, wish: Wish, new_hash: str = "") -> None:
        """It is so by now."""
        before = self.books.pop(wish.hash) if wish.hash else Book("", wish.status)
        if wish.title:
            self.books[new_hash or wish.hash] = Book(wish.title, wish.status or before.status)

    def settle(self) -> None:
        """Of what ended without a word the sandbox tells: it was carried out, or it was not; nothing else can be."""
        there, waiting = self.sandbox.account.collections, self.unclear
        self.unclear = []
        for wish in waiting:
            found = next((one for one, made in there.items() if wish.title and made.title == wish.title), "")
            if found or (not wish.title and wish.hash not in there):
                self.carried_out(wish, found)
            elif wish.hash:
                self.books[wish.hash].busy = False

    def differences(self) -> list[str]:
        """In what the account is other than it should be."""
        should = {hash_: (one.title, one.status) for hash_, one in self.books.items()}
        found = {hash_: (one.title, one.status) for hash_, one in self.sandbox.account.collections.items()}
        odd = sorted(should.items() ^ found.items())
        return [f"{self.name}: {hash_} {what} is {'not ' if hash_ not in found else ''}there" for hash_, what in odd]

    def changes(self) -> list[tuple[str, str, str]]:
        """What was carried out at the sandbox."""
        done = [one for one in self.sandbox.requests if one.executed and one.action in {CREATE, UPDATE, DELETE}]
        return [(one.action, one.params.get("collectionHash", ""), one.params.get("title", "")) for one in done]

    def destroyed(self) -> int:
        """What was deleted or taken offline."""
        offline = [one for one in self.sandbox.carried_out(UPDATE) if one.params.get("collectionStatus") == "editable"]
        return len(self.sandbox.carried_out(DELETE)) + len(offline)

    def crossings(self, others: list["Shop"]) -> list[str]:
        """What arrived at the sandbox that has no business there."""
        found = [f"{one} was carried out at {self.name}, unasked" for one in self.changes() if one not in self.licensed]
        often = Counter(one for one in self.changes() if one[0] != UPDATE)
        found += [f"{one} was carried out {times} times at {self.name}" for one, times in often.items() if times > 1]
        foreign = tuple(f"{one.name}own" for one in others)
        for one in self.sandbox.requests:
            wanted = one.params.get("collectionHash", "")
            if wanted.startswith(foreign) and wanted not in self.named:
                found.append(f"{self.name} was asked about {wanted}, which is another's")
            if one.code in REFUSED_ALWAYS:
                found.append(f"{self.name} answered {one.action} with {one.code}")
            found += [f"{self.name} was sent {other.word!r}" for other in others if other.word in str(one.params)]
        return found
