"""The one client that all tools share: pace, send, retry by effect, decode."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self

import anyio
import httpx2

from flipsnack_mcp import __version__
from flipsnack_mcp.api import errors, retry, wire
from flipsnack_mcp.api.action import Action, Effect, ResultT_co
from flipsnack_mcp.api.budget import Wait
from flipsnack_mcp.api.counting.waiting import OnWait
from flipsnack_mcp.api.exchange import ANYTIME, Exchange, Terms, decoded
from flipsnack_mcp.api.links import same_origin
from flipsnack_mcp.api.network import PublicRoads, Roads, is_inside, is_loopback
from flipsnack_mcp.api.pace import Pacer, Slot
from flipsnack_mcp.api.sending import Sending, sending
from flipsnack_mcp.api.upload import Document, Upload, ignore

# A filter, not a level: whoever turns debugging on for everything must not turn this on.
TALKATIVE = ("httpx2", *(f"httpcore2{part}" for part in ("", ".connection", ".http11", ".http2", ".proxy", ".socks")))
# A large upload may be counted when it ends, not when it starts: it keeps its place in the budget until answered.
UPLOAD_HOLD = 3600.0

OWN_BUDGET, SHARED_BUDGET = "request budget of the key", "budget shared with"
"""Why a call waits that only waits for its turn: the first, or the second and how many."""


@dataclass(frozen=True)
class Access:
    """Where Flipsnack is and who asks."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    api_url: str = "https://api.flipsnack.com/v1/"
    upload_url: str = "https://upload.flipsnack.com/v1/"


class Flipsnack:
    """Asks Flipsnack, within the request budget, over one pool of connections."""

    def __init__(
        self, access: Access, pacer: Pacer, transport: Callable[[], httpx2.AsyncBaseTransport] | None = None
    ) -> None:
        self._access = access
        self._pacer = pacer
        self._transport = transport
        self._http: httpx2.AsyncClient | None = None
        self._elsewhere: httpx2.AsyncClient | None = None
        self._reading = anyio.CapacityLimiter(1)
        self.changing: Callable[[], Awaitable[None]] = ignore
        """Called before each request that may change the account; what it raises keeps that from being sent."""
        self.changed: Callable[[], Awaitable[None]] = ignore
        """Called after each of them, however it ended."""
        self.announce: Callable[[Action[Any]], Awaitable[None]] = ignore
        """Told then what it was."""

    @property
    def http(self) -> httpx2.AsyncClient:
        """The pool of connections, opened at the first use: its TLS context alone takes 30 ms."""
        if self._http is None:
            self._http = quiet_client(self._transport() if self._transport else Roads())
        return self._http

    @property
    def elsewhere(self) -> httpx2.AsyncClient:
        """For what Flipsnack gives an address of: public ones only, but for `own_address`; inside this process as `http`."""
        if self._transport:
            return self.http
        if self._elsewhere is None:
            own = self.own_address
            self._elsewhere = quiet_client(PublicRoads(Roads(), lambda url: bool(own) and same_origin(str(url), own)))
        return self._elsewhere

    async def at_package(self, *, own: bool) -> httpx2.AsyncClient:
        """For a package: what is in this network may be asked at the server that is asked itself, or where that is there too."""
        return self.http if own or self._transport or await is_inside(self._access.api_url) else self.elsewhere

    @property
    def own_address(self) -> str:
        """Where Flipsnack is asked, if that is an imitation on this machine; else nothing."""
        url = self._access.api_url
        return url if is_loopback(httpx2.URL(url).host) else ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for opened in filter(None, (self._http, self._elsewhere)):
            await opened.aclose()
        await self._pacer.close()

    async def send(
        self, action: Action[ResultT_co], document: Document | None = None, terms: Terms = ANYTIME
    ) -> ResultT_co:
        """Carry out one action; a document wins over the action's `file_url`.

        Raises:
            FlipsnackError: Any of the tree in `errors`.
        """
        with sending(action, self._access.upload_url if action.uploads else self._access.api_url) as seen:
            if terms.just_once:
                return await self._once(action, document, terms, seen)
            if action.effect is Effect.READS:
                return await self._read(action, terms, seen)
            await self.changing()
            try:
                return await self._with_retries(action, document, terms, seen)
            finally:
                await self.changed()
                await self.announce(action)

    async def _read(self, action: Action[ResultT_co], terms: Terms, seen: Sending) -> ResultT_co:
        try:
            return await self._with_retries(action, None, terms, seen)
        except errors.InvalidRequestError:
            if (less := action.narrowed()) is None:
                raise
            return await self._with_retries(less, None, terms, seen)

    async def _with_retries(
        self, action: Action[ResultT_co], document: Document | None, terms: Terms, seen: Sending
    ) -> ResultT_co:
        attempt, in_doubt = 0, False
        while True:
            attempt += 1
            try:
                return await self._once(action, document, terms, seen)
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
        if isinstance(error, errors.RateLimitedError | errors.TooManyRequestsError):
            await self._pacer.pause(pause)
            by_key = isinstance(error, errors.RateLimitedError)
            why = "another program uses the same key" if by_key else "Flipsnack asks for fewer requests"
            await terms.waits(why, pause)
            return True
        await terms.waits("Flipsnack did not answer as it should", pause)
        await anyio.sleep(pause)
        return True

    @asynccontextmanager
    async def pair(self, terms: Terms) -> AsyncIterator[list[Slot]]:
        """Two places in the budget for requests that follow each other; one where the limits never have room for two."""
        async with self._pacer.pair(terms.lane, on_wait=told_by(terms)) as places:
            yield places

    async def calls_left(self) -> int:
        """How many requests are left of the minute, for all processes on the key."""
        return await self._pacer.calls_left()

    async def _once(
        self, action: Action[ResultT_co], document: Document | None, terms: Terms, seen: Sending
    ) -> ResultT_co:
        with seen.trying():
            if (came := anyio.current_time()) >= terms.deadline:
                raise errors.OutOfTimeError(0)
            values = wire.encode(action, self._access.key, self._access.secret)
            async with self._slot(terms, UPLOAD_HOLD if document else None) as slot:
                seen.waited += anyio.current_time() - came
                if terms.is_late:
                    await slot.give_back()
                    raise errors.LookTooOldError
                seen.leaves()
                exchange = Exchange(action, document, terms)
                body, status = await exchange.made(self._request(values, exchange), slot)
            secrets = (self._access.key, self._access.secret, values["signature"])
            return await decoded(action, body, status, secrets, self._reading)

    def _slot(self, terms: Terms, hold: float | None) -> AbstractAsyncContextManager[Slot]:
        if terms.place is not None:
            return terms.place.calling(hold or 0.0)
        return self._pacer.slot(terms.lane, on_wait=told_by(terms), hold=hold)

    def _request(self, values: dict[str, str], exchange: Exchange) -> AbstractAsyncContextManager[httpx2.Response]:
        extensions = {"trace": exchange.departure}
        if not exchange.action.uploads:
            return self.http.stream("GET", self._access.api_url, params=values, extensions=extensions)
        body = Upload(values, exchange.document, exchange.sent)
        timeout = httpx2.Timeout(60.0, connect=10.0)
        return self.http.stream(
            "POST", self._access.upload_url, content=body, headers=body.headers, timeout=timeout, extensions=extensions
        )


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


def never(_: logging.LogRecord) -> bool:
    """Let no record through."""
    return False


def quiet_client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    """An HTTP client that writes no addresses to any log: they carry the key and a signature that never expires."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(never)
    return httpx2.AsyncClient(
        transport=transport,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # what a host set, it would be told again
        trust_env=False,  # whatever the environment says of the network is read by `Roads`
        timeout=httpx2.Timeout(15.0, connect=10.0),
        headers={"User-Agent": f"flipsnack-mcp/{__version__}"},
        follow_redirects=False,
    )
