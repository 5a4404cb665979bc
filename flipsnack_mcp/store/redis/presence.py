"""Which replicas use a Redis server, and what one of them may take for granted while it is cut off from there.

Each gives a sign of life every two seconds, with a look at the documents it uses. So when the server goes, all know how many
they are and what the others did until a moment ago; whoever came just then may be known to nobody, and takes nothing.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, Protocol

import anyio

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.scripts import DOCUMENTS

REPLICA_BEAT = 2.0
LIVES_FOR = 3 * REPLICA_BEAT
"""Seconds after its last sign of life in which a replica counts."""
GROWN_UP = 2 * REPLICA_BEAT
"""Seconds after which all others have seen a new one."""
LATEST_NEWS = 2 * REPLICA_BEAT
"""How old what a replica saw last may be, for what it takes by itself."""
DOCUMENT_KEPT = 180.0
"""Seconds; a document that nobody changed for so long says nothing any more."""


class TurnTaken(NamedTuple):
    """What the server says with each document."""

    status: bytes
    now: float
    mark: str
    emptied: float | None
    """When somebody noticed that all was lost."""
    live: tuple[str, ...]
    """The replicas that gave a sign of life."""
    found: list[bytes | None]

    @classmethod
    def of(cls, answer: list[Any]) -> "TurnTaken":
        """Read the script's answer."""
        status, now, mark, emptied, live, found = answer
        names = tuple(one.decode() for one in live)
        return cls(status, float(now), mark.decode(), float(emptied) if emptied else None, names, found)


class Looks(Protocol):
    """Whatever wants to know in time what others do."""

    async def look(self) -> None:
        """See how it stands."""


class Presence:
    """This process among the replicas on one server. `clock` runs evenly, and is this machine's own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.documents = dict["Looks", None]()
        """What is looked at with each sign of life."""
        self._clock = clock
        self._mark = ""
        self._live: tuple[str, ...] = ()
        self._ahead = 0.0
        self._since = self._signed = self._back_since = self._tried = float("-inf")
        self._cut_off: int | None = None
        self._were = 0
        self.trouble = "", ""
        """What was wrong last, and what can be done about it."""
        self._cause = ""

    def asked(self, names: list[str], *, alive: bool, **more: Any) -> dict[str, Any]:
        """What the script is asked; `alive` where it is a sign of life as well."""
        sign = {"alive": self.name} if alive else {}
        draw = {"mark": self._mark, "draw": secrets.token_hex(8)}
        return {"names": names, "lives": LIVES_FOR, "keep": int(DOCUMENT_KEPT * 1000), **draw, **sign, **more}

    def heard(self, told: TurnTaken, *, alive: bool) -> None:
        """The server answered; only one that takes signs of life can be used."""
        here = self._clock()
        self._ahead, self._mark, self._live = told.now - here, told.mark, told.live
        if not alive:
            return
        if here - self._signed > LIVES_FOR:
            self._since = here  # the others have forgotten it, or never knew it
        if self._cut_off is not None:
            self._back_since, self._were, self._cut_off = here, self._cut_off, None
        self._signed = here

    def failed(self, began: float, error: StoreUnusable) -> None:
        """It did not, when asked at that time."""
        self._tried = self._clock()
        self.trouble, self._cause = (error.happened, error.next_step), error.cause
        if self._cut_off is None:
            known = self._signed - self._since >= GROWN_UP and began - self._signed <= LATEST_NEWS
            self._cut_off = len(self._live) if known else 0

    @property
    def cut_off_because(self) -> str:
        """Why signs of life are not taken, which are changes as well; nothing where they are."""
        return self._cause if self._cut_off is not None else ""

    @property
    def here(self) -> float:
        """This machine's own time."""
        return self._clock()

    @property
    def waits(self) -> bool:
        """Whether the server is gone, and it is too soon to look again."""
        return self._cut_off is not None and self._clock() - self._tried < REPLICA_BEAT

    @property
    def now(self) -> float:
        """The store's time, as far as it can be told without it."""
        return self._clock() + self._ahead

    @property
    def sharers(self) -> int:
        """Among how many an allowance is divided: one where all count together, none where nobody knows.

        It stays so for a moment after the server came back: what the others did meanwhile stands there once they are back too.
        """
        if self._cut_off is not None:
            return self._cut_off
        return self._were if self._clock() - self._back_since < LIVES_FOR else 1


async def give_sign(link: RedisLink, presence: Presence) -> None:
    """One sign of life, and a look at all documents that are in use."""
    began = presence.here
    try:
        told = TurnTaken.of(await link.run(DOCUMENTS, "clock", presence.asked([], alive=True)))
        presence.heard(told, alive=True)
    except StoreUnusable as error:
        presence.failed(began, error)
    for one in [*presence.documents]:
        await one.look()


async def stay_present(link: RedisLink, presence: Presence) -> None:
    """Give signs of life until cancelled; then the others need not wait to see that there are fewer."""
    try:
        while True:
            await give_sign(link, presence)
            await anyio.sleep(REPLICA_BEAT)
    finally:
        with anyio.move_on_after(1, shield=True), suppress(StoreUnusable):
            await link.run(DOCUMENTS, "clock", presence.asked([], alive=False, leaves=presence.name))


@cache
def presence_on(url: str) -> Presence:
    """This process on a server: all stores and documents there are of one replica."""
    del url
    return Presence()


async def why_no_changes(state: str) -> str:
    """Why the server that `state` names takes no changes: a sign of life is one. Nothing where it takes them."""
    address = redis_address(state)
    link, presence = RedisLink(address), presence_on(address.url)
    try:
        await give_sign(link, presence)
    finally:
        await link.close()
    return presence.cut_off_because
