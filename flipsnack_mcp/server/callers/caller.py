"""Who calls, and what that one may do: everybody and everything, but where a server on HTTP asks who it is."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What a caller can be allowed; a tool needs the right of its effect."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    LEADS = "leads"
    LEADS_REVEAL = "leads-reveal"


EVERY_RIGHT = frozenset(Right)


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in."""

    name: str = ""
    """For the history; empty where nobody is told apart."""
    principal: str = ""
    """Who that is whatever they are called: what is theirs alone is bound to it."""
    rights: frozenset[Right] = EVERY_RIGHT
    accounts: frozenset[str] | None = None
    """By what the store knows them; None for all of the server's."""

    def may(self, right: Right) -> bool:
        """Whether it has this right."""
        return right in self.rights

    def may_use(self, account: str) -> bool:
        """Whether this account is one of its own."""
        return self.accounts is None or account in self.accounts

    def may_act_on(self, principal: str) -> bool:
        """Whether what that one had begun is theirs to stop or to go on with; where nobody is told apart, everything is."""
        return not self.principal or principal in {"", self.principal}


EVERYBODY = Caller()
CALLER: ContextVar[Caller] = ContextVar("caller", default=EVERYBODY)
"""Who made the request that is handled."""
IN_SCOPE = "flipsnack_mcp.caller"
"""Where an HTTP request says whose it is. A session lives longer than the requests in it, and each counts by itself."""
