"""Who a request over HTTP is of: by a token of the file, or by one that an authorization server has signed."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.routing import Route
from starlette.types import Scope

from flipsnack_mcp.server.callers.caller import Caller, Right
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication import challenges
from flipsnack_mcp.team.authentication.allowed import BY_CLAIM, accounts_for, accounts_of, is_meant
from flipsnack_mcp.team.authentication.challenges import Challenges, NotLetInError, audience_of
from flipsnack_mcp.team.authentication.scopes import scopes_worth_asking_for
from flipsnack_mcp.team.authentication.stepping_up import Posted, scopes_lacking
from flipsnack_mcp.team.authentication.tokens import (
    BEGINS_WITH,
    LONGEST_TOKEN,
    TokensFile,
    TokensUnusableError,
    as_caller,
)
from flipsnack_mcp.team.authentication.unknowable import CannotTellError

if TYPE_CHECKING:
    from flipsnack_mcp.team.authentication.signed import SignedTokens

OF_THE_FILE = "flipsnack-mcp"
"""Who vouches for the tokens of the file, where the SDK asks for an issuer."""


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


def token_in(scope: Scope) -> str:
    """The one token that a request brings, in the one place where it may stand.

    Raises:
        NotLetInError: There is none, or there are several.
    """
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if not given:
        raise NotLetInError(401, challenges.UNTOLD)
    kind, _, token = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    token = token.strip()
    if kind.lower() != "bearer" or not token or not token.isascii():
        raise NotLetInError(401, challenges.NO_BEARER)
    return token
