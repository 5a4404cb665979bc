"""Where a request over HTTP is let in or not, and learns whose it is. The token goes no further than here."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthCredentials
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from flipsnack_mcp.server.arriving.observing import note_caller
from flipsnack_mcp.server.callers.caller import CALLER, EVERYBODY, IN_SCOPE, Caller, Right
from flipsnack_mcp.server.safety.redaction import OF_THE_REQUEST
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication import challenges
from flipsnack_mcp.team.authentication.allowed import BY_CLAIM, accounts_for, accounts_of, is_meant
from flipsnack_mcp.team.authentication.challenges import CannotTellError, Challenges, NotLetInError, audience_of
from flipsnack_mcp.team.authentication.scopes import scopes_worth_asking_for
from flipsnack_mcp.team.authentication.stepping_up import Posted, scopes_lacking
from flipsnack_mcp.team.authentication.tokens import (
    BEGINS_WITH,
    LONGEST_TOKEN,
    TokensFile,
    TokensUnusableError,
    as_caller,
)
from flipsnack_mcp.team.ending import is_stream, streamed_within

if TYPE_CHECKING:
    from flipsnack_mcp.team.authentication.signed import SignedTokens

BETWEEN_LOOKS_AT_A_TOKEN = 10.0
"""Seconds, while somebody listens by it."""
OF_THE_FILE = "flipsnack-mcp"
"""Who vouches for the tokens of the file, where the SDK asks for an issuer."""


LET_IN = "flipsnack.let_in"
"""Under which a request knows who it is of."""


@dataclass(frozen=True)
class LetIn:
    """Somebody who was let in."""

    caller: Caller
    issuer: str
    subject: str
    scopes: tuple[str, ...] | None = None
    """What an authorization server granted; None for who has a token of the file."""

    @cached_property
    def user(self) -> AuthenticatedUser:
        """The same as the SDK knows it, which binds sessions and questions to it; without the token."""
        told = {"iss": self.issuer}
        known = AccessToken(
            token="", client_id=self.caller.principal, scopes=[*(self.scopes or ())], subject=self.subject, claims=told
        )
        return AuthenticatedUser(known)


def as_it_is(app: ASGIApp) -> ASGIApp:
    """Nobody is counted."""
    return app


@dataclass(frozen=True)
class Authentication:
    """Who may call a server with these settings."""

    settings: Settings

    @cached_property
    def tokens(self) -> TokensFile | None:
        """The tokens of the file, where one is named."""
        return TokensFile(self.settings.tokens) if self.settings.tokens else None

    @cached_property
    def signed(self) -> "SignedTokens | None":
        """The tokens of an authorization server, where one is named."""
        if not self.settings.auth_issuer:
            return None
        # 30 ms, for whoever has an authorization server.
        from flipsnack_mcp.team.authentication.issuer import PublishedKeys  # noqa: PLC0415
        from flipsnack_mcp.team.authentication.signed import SignedTokens  # noqa: PLC0415

        return SignedTokens(PublishedKeys(self.settings.auth_issuer), audience_of(self.settings))

    @cached_property
    def challenges(self) -> Challenges:
        """What is said to who is not let in."""
        return Challenges(self.settings)

    @property
    def routes(self) -> list[Route]:
        """What may be asked by anybody."""
        return self.challenges.routes

    @property
    def is_asked(self) -> bool:
        """Whether callers are told apart at all."""
        return bool(self.tokens or self.signed)

    def around(self, app: ASGIApp, counted: Callable[[ASGIApp], ASGIApp] = as_it_is) -> ASGIApp:
        """An application that nobody reaches who is not let in; `counted` has its say before a body is read."""
        return Door(self, counted(Inside(self, app)))

    def trouble(self) -> str:
        """Why the file lets nobody in; for who runs the server."""
        try:
            if self.tokens:
                self.tokens.read()
        except TokensUnusableError as error:
            return str(error)
        return ""

    @property
    def nobody_yet(self) -> bool:
        """Whether there is a file of tokens, or a place for one, and nobody in it."""
        return self.tokens is not None and not self.trouble() and not self.tokens.read().tokens

    def still_may(self, principal: str, account: str, right: Right) -> bool:
        """Whether who made a request once may still have this done: a token that was taken back stops its work too."""
        own = next(one for one in self.settings.every if one.account == account)
        issuer, _, subject = principal.partition(" ")
        if issuer == self.settings.auth_issuer:
            # What a claim said then is not known by now: as long as one is named, it may still say so.
            claims = {"iss": issuer, "sub": subject}
            return any(one.startswith(BY_CLAIM) or is_meant(one, claims) for one in own.callers)
        try:
            entry = self.tokens.of_principal(principal) if self.tokens else None
        except TokensUnusableError:
            return False
        accounts = accounts_of(entry, self.settings) if entry else frozenset[str]()
        return entry is not None and right in entry.may and (accounts is None or account in accounts)

    async def let_in(self, scope: Scope) -> tuple[LetIn, str]:
        """Who makes a request, and with which token.

        Raises:
            NotLetInError: It is nobody who may.
        """
        token = token_in(scope)
        of_file = self.tokens and (token.startswith(BEGINS_WITH) or not self.signed)
        let_in = self._by_file(token) if of_file else await self._by_signature(token)
        if let_in.caller.accounts is not None and not let_in.caller.accounts:
            raise NotLetInError(403, challenges.NONE_ALLOWED, "access_denied")
        return let_in, token

    def _by_file(self, token: str) -> LetIn:
        try:
            entry = self.tokens.holder_of(token) if self.tokens and len(token) <= LONGEST_TOKEN else None
        except CannotTellError:
            raise NotLetInError(503, challenges.NOT_TO_TELL, "temporarily_unavailable") from None
        if entry is None:
            raise NotLetInError(401, challenges.NOT_GOOD, "invalid_token")
        if self.tokens and self.tokens.is_over(entry):
            raise NotLetInError(401, challenges.TIME_IS_OVER, "invalid_token")
        caller = as_caller(entry, accounts_of(entry, self.settings))
        return LetIn(caller, OF_THE_FILE, caller.principal)

    async def _by_signature(self, token: str) -> LetIn:
        try:
            vouched = await self.signed.vouched(token) if self.signed else None
        except CannotTellError:
            raise NotLetInError(503, challenges.NOT_TO_TELL, "temporarily_unavailable") from None
        if vouched is None:
            raise NotLetInError(401, challenges.NOT_GOOD_HERE, "invalid_token")
        caller = vouched.as_caller(accounts_for(self.settings.every, vouched.claims))
        if not caller.rights:
            raise NotLetInError(403, challenges.NO_SCOPE, "insufficient_scope", self._every_scope(vouched.scopes))
        return LetIn(caller, str(vouched.claims["iss"]), str(vouched.claims["sub"]), vouched.scopes)

    def _every_scope(self, held: tuple[str, ...]) -> list[str]:
        """What somebody has and what is worth asking for: clients replace what they have by what they are told."""
        return [*dict.fromkeys((*held, *scopes_worth_asking_for(self.settings)))]

    async def check_scopes(self, let_in: LetIn, posted: Posted) -> None:
        """Raise where the call that is posted needs a scope that an authorization server could grant."""
        if let_in.scopes is None:
            return  # nobody grants more to a token of the file: the tool refuses in words, which a model can read
        if lacking := await scopes_lacking(let_in.caller, let_in.scopes, self.settings, posted):
            raise NotLetInError(403, lacking.said, "insufficient_scope", lacking.scopes)


@dataclass(frozen=True)
class Door:
    """An application behind its authentication."""

    authentication: Authentication
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.authentication.is_asked:
            await self._asked(scope, receive, send)
        else:
            await self.app({**scope, IN_SCOPE: EVERYBODY}, receive, send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            let_in, token = await self.authentication.let_in(scope)
        except NotLetInError as refused:
            await self.authentication.challenges.answer(refused)(scope, receive, send)
            return
        scope[IN_SCOPE] = let_in.caller  # for the layers outside as well, which write down what came of it
        note_caller(let_in.caller.name)
        inside = {**without_token(scope, let_in), LET_IN: let_in}
        with known_as(let_in, token):
            if is_stream(scope):
                await self._streamed(scope, partial(self.app, inside, receive), send)
            else:
                await self.app(inside, receive, send)

    async def _streamed(self, scope: Scope, answer: Callable[[Send], Awaitable[None]], send: Send) -> None:
        """An answer that may last for hours ends with its caller's token."""
        listened = anyio.CancelScope()
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._end_with_its_token, scope, listened)
            await streamed_within(listened, answer, send)
            beside.cancel_scope.cancel()

    async def _end_with_its_token(self, scope: Scope, listened: anyio.CancelScope) -> None:
        while not listened.cancel_called:
            await anyio.sleep(BETWEEN_LOOKS_AT_A_TOKEN)
            try:
                await self.authentication.let_in(scope)
            except NotLetInError as refused:
                if refused.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    listened.cancel()


@dataclass(frozen=True)
class Inside:
    """An application behind a door, where what is posted may need more than it took to come in."""

    authentication: Authentication
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        let_in = scope.get(LET_IN)
        if let_in is None:
            await self.app(scope, receive, send)
            return
        posted = Posted(scope, receive, self.authentication.settings.body_kilobytes * 1024)
        try:
            await self.authentication.check_scopes(let_in, posted)
        except NotLetInError as refused:
            await self.authentication.challenges.answer(refused)(scope, receive, send)
            return
        await self.app(scope, posted.again, send)


@contextmanager
def known_as(let_in: LetIn, token: str) -> Iterator[None]:
    """Whatever is done meanwhile is done for them, and their token is masked in every text."""
    caller, user = CALLER.set(let_in.caller), auth_context_var.set(let_in.user)
    masked = OF_THE_REQUEST.set((token,))
    try:
        yield
    finally:
        OF_THE_REQUEST.reset(masked)
        auth_context_var.reset(user)
        CALLER.reset(caller)


def without_token(scope: Scope, let_in: LetIn) -> Scope:
    """A request as it goes on: with who makes it instead of what they showed."""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    granted = AuthCredentials(let_in.scopes or ())
    return {**scope, "headers": kept, "user": let_in.user, "auth": granted}


def token_in(scope: Scope) -> str:
    """The one token that a request brings, in the one place where it may stand.

    Raises:
        NotLetInError: There is none, or there are several.
    """
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    kind, _, token = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    token = token.strip()
    if kind.lower() != "bearer" or not token or not token.isascii():
        raise NotLetInError(401, challenges.UNTOLD)
    return token
