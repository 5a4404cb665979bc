"""What stands over every answer: that it is the sandbox's, and whose account it is about; and the last net under it."""

from dataclasses import dataclass

from flipsnack_mcp.api import JsonObject
from flipsnack_mcp.server.safety.redaction import Redactor

NONE_NAMED = "the first, none was named"


@dataclass(frozen=True)
class Heading:
    """In whose name something is answered."""

    redactor: Redactor
    sandbox: bool
    account: str = ""
    """Its name, where a server has several."""
    why: str = ""
    """Why it was this account, where it was not named."""
    lacks: frozenset[str] = frozenset()
    """Tools that cannot be called there, so that no sentence may send anybody to them."""

    def over_text(self, text: str) -> str:
        """A text without credentials, under what has to be said of it."""
        named = f"[account {self.account}{f': {self.why}' if self.why else ''}] " if self.account else ""
        return f"{'[sandbox] ' if self.sandbox else ''}{named}{self.redactor.text(text)}"

    def over_data(self, data: JsonObject) -> JsonObject:
        """The same for structured data, which is redacted already."""
        named: JsonObject = {"account": self.account} if self.account else {}
        return {**named, **data} | ({"sandbox": True} if self.sandbox else {})
