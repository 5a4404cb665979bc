"""The one client that all tools share: pace, send, retry by effect, decode."""

import logging
import math
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
import httpx2

from flipsnack_mcp import __version__
from flipsnack_mcp.api import errors, retry, wire
from flipsnack_mcp.api.action import Action, Effect, ResultT_co
from flipsnack_mcp.api.budget import Lane, Wait
from flipsnack_mcp.api.pace import OnWait, Pacer, Slot
from flipsnack_mcp.api.upload import Document, Sent, Upload, ignore

# A filter, not a level: whoever turns debugging on for everything must not turn this on.
TALKATIVE = ("httpx2", *(f"httpcore2{part}" for part in ("", ".connection", ".http11", ".http2", ".proxy", ".socks")))
LARGEST_ANSWER = 8 * 1024 * 1024
# A large upload may be counted when it ends, not when it starts: it keeps its place in the budget until answered.
UPLOAD_HOLD = 3600.0
# These errors are raised before a byte of the request is on its way.
NEVER_LEFT = (
    httpx2.InvalidURL,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.ProxyError,
)

OWN_BUDGET, SHARED_BUDGET = "request budget of the key", "budget shared with"
"""Why a call waits that only waits for its turn: the first, or the second and how many."""
Waits = Callable[[str, float], Awaitable[None]]
"""Told why a call waits and for about how many seconds."""


@dataclass(frozen=True)
class Access:
    """Where Flipsnack is and who asks."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    api_url: str = "https://api.flipsnack.com/v1/"
    upload_url: str = "https://upload.flipsnack.com/v1/"


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


ANYTIME = Terms()


class Flipsnack:
    """Asks Flipsnack, within the request budget, over one pool of connections."""

    def __init__(
        self, access: Access, pacer: Pacer, transport: Callable[[], httpx2.AsyncBaseTransport] | None = None
    ) -> None:
        self._access = access
        self._pacer = pacer
        self._transport = transport
        self._http: httpx2.AsyncClient | None = None
        self.changing: Callable[[], Awaitable[None]] = ignore
        """Called before and after each request that may change the account."""

    @property
    def http(self) -> httpx2.AsyncClient:
        """The pool of connections, opened at the first use: its TLS context alone takes 30 ms."""
        if self._http is None:
            self._http = quiet_client(self._transport() if self._transport else None)
        return self._http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()
        await self._pacer.close()

    async def send(
        self, action: Action[ResultT_co], document: Document | None = None, terms: Terms = ANYTIME
    ) -> ResultT_co:
        """Carry out one action; a document wins over the action's `file_url`.

        Raises:
            FlipsnackError: Any of the tree in `errors`.
        """
        if terms.just_once:
            return await self._once(action, document, terms)
        if action.effect is Effect.READS:
            return await self._with_retries(action, document, terms)
        await self.changing()
        try:
            return await self._with_retries(action, document, terms)
        finally:
            await self.changing()

    async def _with_retries(self, action: Action[ResultT_co], document: Document | None, terms: Terms) -> ResultT_co:
        attempt, in_doubt = 0, False
        while True:
            attempt += 1
            try:
                return await self._once(action, document, terms)
            except errors.FlipsnackError as error:
                # A refusal of a later try does not undo what an earlier one, whose answer was lost, may have done.
                in_doubt = in_doubt or error.changed is errors.Changed.PERHAPS
                error.changed = errors.Changed.PERHAPS if in_doubt else error.changed
                if not await self.stepped_back(action, error, attempt, terms):
                    raise

    async def stepped_back(
        self, action: Action[Any], error: errors.FlipsnackError, attempt: int, terms: Terms = ANYTIME
    ) -> bool:
        """Wait until it may be tried once more; False where it may not, or not in the call's time."""
        pause = retry.pause_before(attempt, error)
        late = anyio.current_time() + pause >= terms.deadline
        if attempt == retry.MAX_TRIES or late or not retry.may_repeat(action, error):
            return False
        if isinstance(error, errors.RateLimitedError):
            await self._pacer.pause(pause)
            await terms.waits("another program uses the same key", pause)
            return True
        await terms.waits("Flipsnack did not answer as it should", pause)
        await anyio.sleep(pause)
        return True

    @asynccontextmanager
    async def pair(self, terms: Terms) -> AsyncIterator[list[Slot]]:
        """Two places in the budget for requests that follow each other; one where the limits never have room for two."""
        async with self._pacer.pair(terms.lane, on_wait=told_by(terms)) as places:
            yield places

    async def _once(self, action: Action[ResultT_co], document: Document | None, terms: Terms) -> ResultT_co:
        if anyio.current_time() >= terms.deadline:
            raise errors.OutOfTimeError(0)
        values = wire.encode(action, self._access.key, self._access.secret)
        request = self._request(values, action, document, terms)
        async with self._slot(terms, UPLOAD_HOLD if document else None) as slot:
            if late(terms):
                await slot.give_back()
                raise errors.LookTooOldError
            body, status = await exchanged(request, slot, action, terms.deadline)
        secrets = (self._access.key, self._access.secret, values["signature"])
        return wire.decode(action, body, status, secrets)

    def _slot(self, terms: Terms, hold: float | None) -> AbstractAsyncContextManager[Slot]:
        if terms.place is not None:
            return terms.place.calling(hold or 0.0)
        return self._pacer.slot(terms.lane, on_wait=told_by(terms), hold=hold)

    def _request(
        self, values: dict[str, str], action: Action[Any], document: Document | None, terms: Terms
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        last_moment = {"trace": stop_if_late(terms)} if terms.leave_by < math.inf else {}
        if not action.uploads:
            return self.http.stream("GET", self._access.api_url, params=values, extensions=last_moment)
        body = Upload(values, document, terms.sent)
        timeout = httpx2.Timeout(60.0, connect=10.0)
        return self.http.stream(
            "POST",
            self._access.upload_url,
            content=body,
            headers=body.headers,
            timeout=timeout,
            extensions=last_moment,
        )


def late(terms: Terms) -> bool:
    """Whether a request must not leave any more."""
    return anyio.current_time() > terms.leave_by


def stop_if_late(terms: Terms) -> Callable[[str, object], Awaitable[None]]:
    """A look at the clock when a connection is there and the first byte is about to go: to open one can take seconds."""

    async def look(event: str, _: object) -> None:
        if event.endswith("send_request_headers.started") and late(terms):
            raise errors.LookTooOldError

    return look


def told_by(terms: Terms) -> OnWait:
    """Pass on how long the budget makes a request wait, and stop at once where that is too long."""

    async def told(wait: Wait) -> None:
        at = anyio.current_time() + wait.forecast
        if at > terms.deadline:
            raise errors.OutOfTimeError(wait.forecast)
        if at > terms.leave_by:
            raise errors.LookTooOldError
        await terms.waits(budget_of(wait.others), wait.forecast)

    return told


def budget_of(others: int) -> str:
    """Say whose budget a call waits for."""
    return f"{SHARED_BUDGET} {others} other {'process' if others == 1 else 'processes'}" if others else OWN_BUDGET


def in_line(why: str) -> bool:
    """Tell whether a call that waits only waits for its turn."""
    return why.startswith((OWN_BUDGET, SHARED_BUDGET))


async def exchanged(
    request: AbstractAsyncContextManager[httpx2.Response], slot: Slot, action: Action[Any], deadline: float
) -> tuple[bytes, int]:
    """Send a request and read its answer; a lost connection or the end of the call's time is an UnreachableError."""
    try:
        with anyio.CancelScope(deadline=deadline):
            async with request as response:
                await slot.settle()
                return await capped(response, action), response.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:  # a damaged record of TLS comes as it is
        # `from None`: the text of these errors can hold the signed URL.
        raise no_answer(action, never_left=isinstance(error, NEVER_LEFT)) from None
    raise no_answer(action, never_left=False)


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


async def capped(response: httpx2.Response, action: Action[Any]) -> bytes:
    """Read the body, up to a size no honest answer has."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise wire.unreadable(action, "it is longer than any honest answer")
    return bytes(body)


def never(_: logging.LogRecord) -> bool:
    """Let no record through."""
    return False


def quiet_client(transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """An HTTP client that writes no addresses to any log: they carry the key and a signature that never expires."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(never)
    return httpx2.AsyncClient(
        transport=transport,
        timeout=httpx2.Timeout(15.0, connect=10.0),
        headers={"User-Agent": f"flipsnack-mcp/{__version__}"},
        follow_redirects=False,
    )
