"""One request and its answer: on which terms, sent and read with an end to each, and what a missing answer means."""

import math
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx2
from anyio import CapacityLimiter, current_time, to_thread
from typing_extensions import override

from flipsnack_mcp.api import errors, wire
from flipsnack_mcp.api.action import Action, Effect, ResultT_co
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.network import Departure, Floor
from flipsnack_mcp.api.network.failures import failure_of
from flipsnack_mcp.api.pace import Slot
from flipsnack_mcp.api.upload import Document, Sent, ignore

LARGEST_ANSWER = 8 * 1024 * 1024
LARGE = 64 * 1024
"""From so many bytes on an answer is read in a thread: no honest one is so large but a list of a hundred or pages."""
ANSWER_SECONDS, UPLOAD_ANSWER_SECONDS = 60.0, 180.0
"""In which a whole answer has to come, be it in drops: after a question, and after the last byte of a document."""
# These errors are raised before a byte of the request is on its way, also by transports that tell nothing of it.
NEVER_LEFT = (
    httpx2.InvalidURL,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.ProxyError,
)

Waits = Callable[[str, float], Awaitable[None]]
"""Told why a call waits and for about how many seconds."""


@dataclass(frozen=True)
class Terms:
    """On which terms a request is made."""

    lane: Lane = Lane.INTERACTIVE
    """`BACKGROUND` for polls and batches, which let a person's question pass."""
    deadline: float = math.inf
    """On anyio's clock; nothing is waited for or tried again beyond it."""
    waits: Waits = ignore
    """Told why and for how long the request waits."""
    sent: Sent = ignore
    """Told how many bytes of a document are on their way."""
    place: Slot | None = None
    """A place in the budget that was taken before."""
    leave_by: float = math.inf
    """On anyio's clock; a request that has not left by then does not leave any more."""

    @property
    def just_once(self) -> bool:
        """Whether it is a part of something that whoever asks repeats as a whole: see `workflows.last_look`."""
        return self.place is not None or self.leave_by < math.inf

    @property
    def is_late(self) -> bool:
        """Whether a request must not leave any more."""
        return current_time() > self.leave_by


ANYTIME = Terms()


class DepartureInTime(Departure):
    """A departure that does not take place once it is too late: to open a connection can take longer than a look holds."""

    def __init__(self, terms: Terms) -> None:
        super().__init__()
        self._terms = terms

    @override
    def leaves(self) -> None:
        if self._terms.is_late:
            raise errors.LookTooOldError


class Exchange:
    """One request and its answer, with an end: that of the call, of a document that does not move, of drops for an answer."""

    def __init__(self, action: Action[Any], document: Document | None, terms: Terms) -> None:
        self.action, self.document, self._terms = action, document, terms
        self.departure = DepartureInTime(terms)
        self._floor = Floor(terms.deadline)
        if document is None:
            self._floor.wait(UPLOAD_ANSWER_SECONDS if action.uploads else ANSWER_SECONDS)

    async def sent(self, done: int, total: int) -> None:
        """Bytes of the document are on their way."""
        self._floor.moved(done)
        if done == total:
            self._floor.wait(UPLOAD_ANSWER_SECONDS)
        await self._terms.sent(done, total)

    async def made(self, request: AbstractAsyncContextManager[httpx2.Response], slot: Slot) -> tuple[bytes, int]:
        """Send the request and read the answer; a lost connection or the end of its time is an UnreachableError."""
        try:
            with self._floor.scope:
                async with request as response:
                    await slot.settle()
                    return await capped(response, self.action), response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:  # a damaged record of TLS comes as it is
            # `from None`: the text of these errors can hold the signed URL.
            if isinstance(error, httpx2.InvalidURL) and str(error).endswith("too long"):
                raise wire.too_large_for("an address, where all that is asked stands in one", self.action) from None
            raise no_answer(self.action, never_left=isinstance(error, NEVER_LEFT)) from None
        if not self.departure.left:
            raise failure_of(TimeoutError(), self.departure)
        raise no_answer(self.action, never_left=False)


def no_answer(action: Action[Any], *, never_left: bool) -> errors.UnreachableError:
    """Say what a missing answer means for the account, by the action's effect."""
    if never_left:
        return errors.UnreachableError("Flipsnack could not be reached.", "Check the internet connection.")
    if action.effect is Effect.READS:
        return errors.UnreachableError(
            "Flipsnack did not answer in time, or the connection broke.", "Make the same call again."
        )
    return errors.UnreachableError(
        "The connection to Flipsnack broke, or its answer did not come in time, after the request was on its way.",
        "Look with get_collection or list_collections what is there before trying again.",
        changed=errors.Changed.PERHAPS,
        retry="Do not simply repeat it.",
    )


async def decoded(
    action: Action[ResultT_co], body: bytes, status: int, secrets: tuple[str, ...], in_turn: CapacityLimiter
) -> ResultT_co:
    """The result in an answer; large ones are read in a thread, one after the other, and no other call waits for them."""
    if len(body) < LARGE:
        return wire.decode(action, body, status, secrets)
    try:
        return await to_thread.run_sync(wire.decode, action, body, status, secrets, limiter=in_turn)
    except errors.FlipsnackError as error:
        # By the way it came it holds the body and itself, for as long as nobody looks for such circles.
        raise error.with_traceback(None) from None


async def capped(response: httpx2.Response, action: Action[Any]) -> bytes:
    """Read the body, up to a size no honest answer has."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise wire.unreadable(action, "it is longer than any honest answer")
    return bytes(body)
