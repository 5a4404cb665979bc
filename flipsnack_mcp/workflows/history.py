"""What was changed, by whose yes, and how it was before: a local trail in which nothing can be altered unnoticed.

Each entry carries the hash of the one before it. The metadata saved before a change or a deletion is what a person
needs to put things right by hand.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from flipsnack_mcp.store.records import Body, Records, Store

HISTORY_ENTRY, HEAD = "history", "history-head"
HISTORY_KEPT = 90 * 24 * 3600.0
FIRST = "0" * 64
NOTHING_YET: Body = {"number": 0, "hash": FIRST, "at": 0.0}
"""The head of a trail without entries."""


class Event(BaseModel):
    """One line of the trail. Values of arguments stand in it only where they name the target."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: float
    """By the clock on the wall, for a person."""
    account: str
    tool: str
    target: str
    decision: str
    """`allowed`, `refused` or `done`, `failed`, `unclear`; of a plan `begun`, `done` or `stopped`; of an upload `uploading` too."""
    confirmed: str = ""
    """Whose yes it was and how: `form`, `code`, `approve`, `allow`; empty where none was needed."""
    said: str = ""
    """Why it was refused or how it failed, in short."""
    before: dict[str, Any] = {}
    """The metadata of what is changed or destroyed, as it was."""
    after: dict[str, Any] = {}
    """What a change made of it: the fields that it changed, and the hash that it has since."""
    of: int = 0
    """Of an end: the entry that says how it was before."""
    work: str = ""
    """The plan that it is a part of."""
    caller: str = ""
    """Who had it done, where callers are told apart."""
    veiled: tuple[str, ...] = ()
    """What of `before` is not as it was, since credentials were taken out of it."""
    previous: str = FIRST
    previous_at: float = 0.0
    """When the entry before it was written, by the store's time: what can be missing only because it has expired is older than that."""
    hash: str = ""

    def sealed(self, previous: str) -> Self:
        """The same entry, chained to the one before it."""
        linked = self.model_copy(update={"previous": previous, "hash": ""})
        return linked.model_copy(update={"hash": digest(linked.model_dump(mode="json"))})


class Head(BaseModel):
    """What the next entry is chained to, as it is stored."""

    number: int
    hash: str
    at: float


def digest(stored: Body) -> str:
    """The hash over everything but the hash itself, as it is stored: an entry stays whole when `Event` gets a field."""
    body = {name: value for name, value in stored.items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class History:
    """The trail of one account."""

    store: Store
    account: str
    redact: Callable[[Body], Body] = dict
    """Takes credentials out, should any have got into what is written."""
    who: Callable[[], str] = str
    """Tells who calls; what goes on in the background says itself who had it begun."""

    async def add(self, **facts: Any) -> int:
        """Append an entry and give its number."""
        return await self.store.transact(lambda records: self.write(records, **facts))

    def write(self, records: Records, **facts: Any) -> int:
        """The same, together with what else is written."""
        head = head_of(records, self.account)
        number = int(head["number"]) + 1
        written = {"number": number, "at": records.wall, "account": self.account, "previous_at": head["at"]}
        safe = self.redact({"caller": self.who(), **facts})
        was, told = facts.get("before", {}), safe.get("before", {})
        veiled = [name for name, value in was.items() if told.get(name) != value]
        event = Event.model_validate({**written, **safe, "veiled": veiled}).sealed(str(head["hash"]))
        records.put(HISTORY_ENTRY, place_of(event), event.model_dump(mode="json"), keep=HISTORY_KEPT)
        records.put(HEAD, self.account, {"number": number, "hash": event.hash, "at": records.now})
        return number

    async def events(self) -> list[Event]:
        """Everything that is kept and can be read, oldest first."""
        return readable_of(await self.store.transact(lambda records: kept_of(records, self.account)))

    async def hash_since(self, collection_hash: str) -> str:
        """Which hash it has since a server on this store published it, or changed it otherwise; nothing where it is none else."""
        now = collection_hash
        for one in await self.events():
            now = str(one.after.get("collection_hash") or now) if one.target == now else now
        return "" if now == collection_hash else now

    async def verified(self, since: int = 1) -> str:
        """What is wrong with the chain from an entry on, or nothing. Its start may have expired; its end may not be missing."""

        def work(records: Records) -> str:
            kept = [one for one in kept_of(records, self.account) if one[0] >= f"{self.account}/{since:09}"]
            return broken(kept, head_of(records, self.account), records.now, whole=since == 1)

        return await self.store.transact(work)


@dataclass(frozen=True)
class Trail:
    """What is kept of the history of one account."""

    account: str
    events: list[Event]
    """Oldest first, as far as they can be read."""
    wrong: str
    """What is wrong with the chain, or nothing."""


async def every_trail(store: Store) -> list[Trail]:
    """The trails of all accounts that have one."""
    every, heads, now = await store.transact(
        lambda records: (records.all(HISTORY_ENTRY), dict(records.all(HEAD)), records.now)
    )
    kept: dict[str, list[tuple[str, Body]]] = {account: [] for account in heads}
    for name, body in sorted(every, key=itemgetter(0)):
        kept.setdefault(name.partition("/")[0], []).append((name, body))
    return [
        Trail(account, readable_of(entries), broken(entries, heads.get(account, NOTHING_YET), now))
        for account, entries in kept.items()
    ]


def head_of(records: Records, account: str) -> Body:
    """What the next entry is chained to."""
    return records.get(HEAD, account) or NOTHING_YET


def kept_of(records: Records, account: str) -> list[tuple[str, Body]]:
    """The entries of an account by their names, which are numbered."""
    return sorted((name, body) for name, body in records.all(HISTORY_ENTRY) if name.startswith(f"{account}/"))


def place_of(event: Event) -> str:
    """The name of its record."""
    return f"{event.account}/{event.number:09}"


def readable_of(kept: Iterable[tuple[str, Body]]) -> list[Event]:
    """The entries that nobody made something else of."""
    return [one for one in (readable(body) for _, body in kept) if one]


def readable(body: Body) -> Event | None:
    """An entry, unless somebody made something else of it."""
    try:
        return Event.model_validate(body)
    except ValidationError:
        return None


def broken(kept: list[tuple[str, Body]], head: Body, now: float, *, whole: bool = True) -> str:
    """The first place where the chain does not hold, or its rest where not the whole of it is given."""
    events: list[Event] = []
    for name, body in kept:
        event = readable(body)
        if event is None or place_of(event) != name or digest(body) != event.hash:
            return f"entry {name.rpartition('/')[2].lstrip('0')} was altered or put in"
        events.append(event)
    return (missing_before(events, now) if whole else "") or torn(events) or missing_after(events, head, now)


def missing_before(events: list[Event], now: float) -> str:
    """The first entry that is kept follows nothing, or something that has expired."""
    first = events[0] if events else None
    if first and first.number > 1 and now - first.previous_at <= HISTORY_KEPT:
        return f"entries before {first.number} are missing"
    return ""


def torn(events: list[Event]) -> str:
    """Each entry follows the one before it."""
    for earlier, later in pairwise(events):
        if later.number != earlier.number + 1 or later.previous != earlier.hash:
            return f"between entries {earlier.number} and {later.number} something was removed or put in"
    return ""


def missing_after(events: list[Event], head: Body, now: float) -> str:
    """The last entry is the one that was written last, unless even that has expired."""
    if not is_head(head):
        return "what is kept of its end was altered"
    if not events:
        return "all entries are missing" if head["number"] and now - float(head["at"]) <= HISTORY_KEPT else ""
    last = events[-1]
    return (
        "" if (last.number, last.hash) == (head["number"], head["hash"]) else f"entries after {last.number} are missing"
    )


def is_head(body: Body) -> bool:
    """Whether nobody made something else of it."""
    try:
        Head.model_validate(body, strict=True)
    except ValidationError:
        return False
    return True
