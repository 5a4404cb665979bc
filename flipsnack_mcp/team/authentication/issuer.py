"""The keys that an authorization server publishes: fetched, kept for a while, and turned over with it."""

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx2

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.api.network import Roads
from flipsnack_mcp.reading import LOOPBACK
from flipsnack_mcp.team.authentication.keys import PublishedKey, keys_in
from flipsnack_mcp.team.authentication.unknowable import CannotTellError

log = logging.getLogger(__name__)

KEYS_FRESH = 300.0
"""Seconds after which keys are fetched again: one that is gone by then counts no more."""
KEYS_COUNT = 3600.0
"""Seconds for which they count where the server that publishes them cannot be reached."""
BETWEEN_TRIES = 30.0
"""Seconds between two looks at a server that did not answer."""
LOOKS_APART = 1.0
"""Seconds between two looks at one that does, for keys that nobody knows: tokens are anybody's text."""
ANSWERS_WITHIN = 5.0
LONGEST_DOCUMENT = 256 * 1024


class IssuerUnusableError(CannotTellError):
    """No keys can be had; its text is for who runs the server."""


@dataclass(frozen=True)
class Fetched:
    """What was published, and when it was fetched, on anyio's clock."""

    keys: tuple[PublishedKey, ...]
    at: float


class PublishedKeys:
    """The keys of one issuer."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._fetched: Fetched | None = None
        self._tried = -math.inf
        self._why = "it was not asked yet"
        """What came of the last look at them; nothing where they were there."""
        self._turn = anyio.Lock()

    async def count(self) -> int:
        """How many are published now.

        Raises:
            IssuerUnusableError: That cannot be told.
        """
        return len((await self._now()).keys)

    async def matching(self, kid: str | None, algorithm: str) -> list[PublishedKey]:
        """The keys that may have signed; where none is known, what is published is looked at once more.

        Whoever signed with a key that nobody knows is no stranger as long as that look fails: it may be a new one.

        Raises:
            IssuerUnusableError: Nothing is known, or nothing that still counts.
        """
        known = await self._now()
        if found := chosen(known, kid, algorithm):
            return found
        await self._fetch(known)
        found = chosen(await self._now(), kid, algorithm)
        if not found and self._why:
            raise self._unusable()
        return found

    async def newer(self, kid: str | None, algorithm: str, tried: Sequence[PublishedKey]) -> list[PublishedKey]:
        """The same where none of those that were tried has signed: one may be exchanged under its name, or have none."""
        await self._fetch(await self._now())
        return [one for one in chosen(await self._now(), kid, algorithm) if one not in tried]

    async def _now(self) -> Fetched:
        """What counts, fetched again where it is old; where it still counts, nobody waits for who is at that."""
        now, known = anyio.current_time(), self._fetched
        age = math.inf if known is None else now - known.at
        if age >= KEYS_FRESH and not (age < KEYS_COUNT and self._turn.locked()):
            await self._fetch(known)
            known = self._fetched
        if known is None or anyio.current_time() - known.at >= KEYS_COUNT:
            raise self._unusable()
        return known

    def _unusable(self) -> IssuerUnusableError:
        return IssuerUnusableError(f"No keys of the authorization server {self.issuer} can be had: {self._why}.")

    async def _fetch(self, before: Fetched | None) -> None:
        """Fetch them, unless somebody did while this waited for its turn, or they could not be had a moment ago.

        So soon after another look this one comes a little later, and is that of all who wait for it: what a key that
        nobody knew then has signed may be good by now.
        """
        async with self._turn:
            ago = anyio.current_time() - self._tried
            if self._fetched is not before or (self._why and ago < BETWEEN_TRIES):
                return
            await anyio.sleep(max(0.0, LOOKS_APART - ago))
            try:
                self._fetched, self._why = Fetched(await published_by(self.issuer), anyio.current_time()), ""
            except IssuerUnusableError as error:
                self._why = str(error)
                log.warning("the keys of %s could not be fetched: %s", self.issuer, error)
            self._tried = anyio.current_time()  # not where it was broken off, since whoever asked is gone


def chosen(known: Fetched, kid: str | None, algorithm: str) -> list[PublishedKey]:
    """The keys of that name that sign so; a token that names none has to leave no choice."""
    fitting = [one for one in known.keys if algorithm in one.algorithms]
    if kid is not None:
        return [one for one in fitting if one.kid == kid]
    return fitting if len(fitting) == 1 else []


async def published_by(issuer: str) -> tuple[PublishedKey, ...]:
    """The keys that an issuer publishes now.

    Raises:
        IssuerUnusableError: There are none to be had.
    """
    try:
        with anyio.fail_after(ANSWERS_WITHIN):
            async with httpx2.AsyncClient(
                transport=Roads(), trust_env=False, follow_redirects=False, timeout=ANSWERS_WITHIN
            ) as http:
                where = await address_of_keys(http, issuer)
                return keys_in(await document_at(http, where))
    except TimeoutError:
        raise IssuerUnusableError("it does not answer in time") from None


async def address_of_keys(http: httpx2.AsyncClient, issuer: str) -> str:
    """Where they are, by the first description that is of exactly this issuer."""
    reasons = list[str]()
    for place in described_at(issuer):
        try:
            found = await document_at(http, place)
        except IssuerUnusableError as error:
            reasons.append(str(error))
            continue
        if found.get("issuer") != issuer:
            reasons.append(
                "its description is of another issuer: FLIPSNACK_AUTH_ISSUER has to be written exactly as there"
            )
            continue
        where = found.get("jwks_uri")
        if isinstance(where, str) and may_be_asked(where, issuer):
            return where
        reasons.append("its description names no https address of keys")
    raise IssuerUnusableError(max(reasons, key=len))


def described_at(issuer: str) -> Iterator[str]:
    """Where an issuer describes itself: by RFC 8414, and by OpenID in the two ways that are in use."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    for name in ("oauth-authorization-server", "openid-configuration"):
        yield urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{path}", "", ""))
    if path:
        yield urlunsplit((parts.scheme, parts.netloc, f"{path}/.well-known/openid-configuration", "", ""))


def may_be_asked(address: str, issuer: str) -> bool:
    """Whether keys may come from there: nobody between may exchange them, so http is for this machine only."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    here = host in LOOPBACK and urlsplit(issuer).hostname in LOOPBACK
    return parts.scheme == "https" or (parts.scheme == "http" and here)


async def document_at(http: httpx2.AsyncClient, address: str) -> Mapping[str, Any]:
    """A small JSON object; no redirect is followed to it."""
    try:
        async with http.stream("GET", address, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != 200:
                raise IssuerUnusableError(f"it answers with status {answer.status_code}")
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > LONGEST_DOCUMENT:
                    raise IssuerUnusableError("what it answers is too long")
        found = json.loads(content)
    except (FlipsnackError, httpx2.HTTPError, OSError):
        raise IssuerUnusableError("it cannot be reached") from None
    except (ValueError, RecursionError):
        raise IssuerUnusableError("what it answers is no JSON") from None
    if not isinstance(found, dict):
        raise IssuerUnusableError("what it answers is no JSON object")
    return cast("Mapping[str, Any]", found)
