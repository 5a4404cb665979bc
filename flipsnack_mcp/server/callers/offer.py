"""What a server offers to whoever calls: their accounts, and of the tools those that they may call. All else is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from mcp import MCPError, types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from flipsnack_mcp.server.callers.caller import CALLER, IN_SCOPE, Caller, Right
from flipsnack_mcp.server.callers.rights import rights_needed
from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.server.safety.redaction import OF_THE_REQUEST
from flipsnack_mcp.server.toolsets import lacking, menu
from flipsnack_mcp.settings import Settings

NOT_KNOWN = "It is not known who makes this request, so nothing was done."
NO_ACCOUNT_OF_THEIRS = "None of this server's accounts may be used by whoever makes this request. Nothing was done."
REPEATED = (
    "This request repeats the token by which it was let in. Nothing was done. A token stands in its header alone."
)
TOLD_FIRST = frozenset({"initialize", "server/discover"})
"""What is answered with the instructions."""
MOST_OFFERS = 1000
"""Kept: there is one for each set of accounts and rights that anybody has."""


@dataclass(frozen=True)
class Offer:
    """What one caller is offered."""

    settings: Settings
    """With their accounts alone."""
    rights: frozenset[Right]

    @cached_property
    def menu(self) -> dict[str, types.Tool]:
        """The tools they can see and call."""
        return menu(self.settings, self.rights)

    @property
    def readable(self) -> tuple[Settings, ...]:
        """The accounts of which they may see anything."""
        return self.settings.every if Right.READ in self.rights else ()

    @cached_property
    def instructions(self) -> str:
        """What they are told first."""
        return instructions(self.settings, lacking(self.settings, self.rights))


class Guard(Protocol):
    """What tells callers apart."""

    def still_may(self, principal: str, account: str, right: Right) -> bool:
        """Whether who that is may still have this done in an account, though they make no request."""


@dataclass
class Offers:
    """What a server offers, by who asks."""

    settings: Settings
    guard: Guard | None = None
    """None where nobody is told apart."""
    _made: dict[tuple[frozenset[str] | None, frozenset[Right]], Offer] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether accounts have names here, also for whoever may use one alone."""
        return len(self.settings.every) > 1

    def still_may(self, account: str, principal: str, /, *, destroys: bool = False, reads: bool = False) -> bool:
        """Whether work in the background may go on, by whom had it begun."""
        right = Right.READ if reads else Right.DELETE if destroys else Right.WRITE
        return self._has_still(account, principal, right)

    def still_gets(self, account: str, principal: str, tool: str) -> bool:
        """Whether what a tool showed somebody the way to may still be fetched: by who may still call it."""
        return all(self._has_still(account, principal, one) for one in rights_needed(tool) or (Right.READ,))

    def _has_still(self, account: str, principal: str, right: Right) -> bool:
        return not principal or self.guard is None or self.guard.still_may(principal, account, right)

    @property
    def now(self) -> Offer:
        """To whoever makes the request that is handled.

        Raises:
            MCPError: They have no account here.
        """
        caller = CALLER.get()
        known = self._made.get((caller.accounts, caller.rights))
        if known is None:
            known = Offer(with_accounts_of(self.settings, caller), caller.rights)
            if len(self._made) < MOST_OFFERS:
                self._made[caller.accounts, caller.rights] = known
        return known

    async def know_the_caller(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Outermost: whose request this is, also within a session that goes on; and what they are told first."""
        before = CALLER.set(self._caller_of(ctx))
        try:
            check_no_token(ctx.params)
            result = await call_next(ctx)
            if ctx.method in TOLD_FIRST and isinstance(result, Mapping) and "instructions" in result:
                return {**result, "instructions": self.now.instructions}
            return result
        finally:
            CALLER.reset(before)

    def _caller_of(self, ctx: ServerRequestContext[Any, Any]) -> Caller:
        """Raise where people are told apart, and nobody was by the time this request arrived here."""
        scope: Mapping[str, object] = getattr(ctx.request, "scope", {})
        caller = scope.get(IN_SCOPE)
        if isinstance(caller, Caller):
            return caller
        if ctx.request is not None and self.settings.team:
            raise MCPError(types.INVALID_REQUEST, NOT_KNOWN)
        return CALLER.get()


def check_no_token(params: Mapping[str, Any] | None) -> None:
    """Raise where a request says by what its caller was let in: as a title it would get to Flipsnack and into the store."""
    if (shown := OF_THE_REQUEST.get()) and any(map(repr(params).__contains__, shown)):
        raise MCPError(types.INVALID_PARAMS, REPEATED)


def with_accounts_of(settings: Settings, caller: Caller) -> Settings:
    """The settings with the accounts that this caller may use, and no other.

    Raises:
        MCPError: There is none: no settings without an account may come of it, for those mean the one of the process.
    """
    theirs = tuple(one for one in settings.every if caller.may_use(one.account))
    if not theirs:
        raise MCPError(types.INVALID_REQUEST, NO_ACCOUNT_OF_THEIRS)
    return settings if theirs == settings.every else replace(settings, accounts=theirs)
