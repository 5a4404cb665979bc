"""The small document that all replicas change in turn, on Redis: read, decided upon, and set where nobody else did since.

While the server cannot be reached, each replica goes on with what it saw last, as far as its habits and its share allow;
what it did meanwhile it adds when the server is back.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import anyio

from flipsnack_mcp.redis_address import RedisAddress
from flipsnack_mcp.store.document_text import DocumentT, Fits, LastSeen, document_as_text
from flipsnack_mcp.store.records import StoreUnusable, T
from flipsnack_mcp.store.redis.failures import redis_held
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.presence import Presence, TurnTaken
from flipsnack_mcp.store.redis.scripts import DOCUMENTS

log = logging.getLogger(__name__)

MINUTE_AT_MOST = 60.0
"""Seconds for which what is in a document counts."""
TO_TAKE_TURNS = 5.0
KeptT_contra = TypeVar("KeptT_contra", contravariant=True)


class Habits(Protocol[KeptT_contra]):
    """What becomes of a document where the server is gone, or has forgotten it."""

    def begin_apart(self, document: KeptT_contra, now: float) -> None:
        """It is changed from now on by this replica alone."""

    def come_back(self, document: KeptT_contra, apart: KeptT_contra) -> None:
        """Add what was done in one that was used apart."""

    def count_as_used(self, document: KeptT_contra, now: float, seconds: float) -> None:
        """What was in it is not known: it counts as all there can be."""


class NoHabits:
    """For a document of which nothing has to be kept within limits."""

    def begin_apart(self, document: object, now: float) -> None:
        """Go on as before."""

    def come_back(self, document: object, apart: object) -> None:
        """What was done meanwhile is lost."""

    def count_as_used(self, document: object, now: float, seconds: float) -> None:
        """Begin anew."""


class RedisDocument(Generic[DocumentT]):
    """Keeps a document in Redis."""

    def __init__(
        self,
        address: RedisAddress,
        name: str,
        first: DocumentT,
        fits: Fits[DocumentT],
        habits: Habits[DocumentT],
        presence: Presence,
    ) -> None:
        self._link, self._presence, self._name = RedisLink(address), presence, name
        self._habits, self._seen, self._blank = habits, LastSeen(first, fits), LastSeen(first, fits)
        self._token, self._changed_at = "", float("-inf")
        self._apart = self._warned = False
        self._turn = anyio.Lock()

    @property
    def sharers(self) -> int:
        """Among how many replicas the allowance in it is divided at the moment; none may take anything where it is 0."""
        return self._presence.sharers

    @property
    def trouble(self) -> tuple[str, str]:
        """Why it was lost sight of, and what can be done about it."""
        return self._presence.trouble

    async def change(self, decide: Callable[[DocumentT, float], T]) -> T:
        """Run `decide`, which is plain code without await and may be run again, on the document and the time."""
        self._presence.documents[self] = None
        async with self._turn:
            if self._presence.waits:
                return self._alone(decide)
            began = self._presence.here
            try:
                return await self._together(decide)
            except StoreUnusable as error:
                self._presence.failed(began, error)
                self._warn(error)
                return self._alone(decide)

    async def look(self) -> None:
        """See what others do: what is seen now is all that is known should the server go."""
        await self.change(lambda *_: None)

    async def close(self) -> None:
        """Let go of the connection. A later change opens it again."""
        self._presence.documents.pop(self, None)
        await self._link.close()

    async def _together(self, decide: Callable[[DocumentT, float], T]) -> T:
        latest = anyio.current_time() + TO_TAKE_TURNS
        told = await self._ask(alive=False)
        while anyio.current_time() < latest:
            document, token, text = self._read(told)
            answer = decide(document, told.now)
            new = document_as_text(document)
            if new != text or self._apart:  # by that it is seen that it can be written again
                was, token = token, f"{number_in(token) + 1} {secrets.token_hex(8)}"
                told = await self._ask(alive=True, commit={"name": self._name, "was": was, "token": token, "text": new})
            if told.status != b"conflict":
                self._keep(document, new, token, told.now)
                return answer
        raise redis_held(self._link.address.shown, TO_TAKE_TURNS)

    def _keep(self, document: DocumentT, text: str, token: str, now: float) -> None:
        """This is how it stands."""
        if token != self._token:
            self._token, self._changed_at = token, now
        self._seen.keep(document, text)
        self._apart = self._warned = False

    async def _ask(self, *, alive: bool, **commit: Any) -> TurnTaken:
        question = self._presence.asked([self._name], alive=alive, **commit)
        told = TurnTaken.of(await self._link.run(DOCUMENTS, "clock", question))
        self._presence.heard(told, alive=alive)
        return told

    def _read(self, told: TurnTaken) -> tuple[DocumentT, str, str]:
        """The document as it is to be decided upon, and the token and text under which it stands there."""
        raw = (told.found[0] or b"\n").decode(errors="replace")
        was, _, text = raw.partition("\n")
        found, fresh = self._seen.found(text), told.now - self._changed_at < MINUTE_AT_MOST
        document = (self._seen if fresh else self._blank).lent() if found is None else found
        if self._apart:
            self._habits.come_back(document, self._seen.lent())
        elif fresh and number_in(was) < number_in(self._token):
            self._habits.count_as_used(document, told.now, MINUTE_AT_MOST)
        if told.emptied is not None and (left := told.emptied + MINUTE_AT_MOST - told.now) > 0:
            self._habits.count_as_used(document, told.now, left)
        return document, was, text

    def _alone(self, decide: Callable[[DocumentT, float], T]) -> T:
        now = self._presence.now
        if not self._apart:
            self._apart = True
            self._seen.change(self._habits.begin_apart, now)
        return self._seen.change(decide, now)

    def _warn(self, error: StoreUnusable) -> None:
        if not self._warned:
            log.warning("the request budget is not shared with other replicas: %s", error.happened)
        self._warned = True


def number_in(token: str) -> int:
    """How many turns there were before, as its token tells: fewer than were seen before are an older document."""
    number = token.partition(" ")[0]
    return int(number) if number.isdecimal() else 0
