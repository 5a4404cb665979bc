"""One call of an action: its parameters read strictly, and all that its handler may touch."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from flipsnack_mcp.sandbox.account import STATUSES, Account
from flipsnack_mcp.sandbox.account import Collection as FlipsnackCollection
from flipsnack_mcp.sandbox.dates import parsed_day
from flipsnack_mcp.sandbox.faults import Faults
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.packages import Packages
from flipsnack_mcp.sandbox.requests.envelope import Refusal
from flipsnack_mcp.sandbox.requests.uploads import Document

# Sandbox's own choice: a value that cannot be read is a bad request (40), an unknown parameter is ignored,
# and an optional parameter with an empty value counts as not sent.
_TRUE = ("true", "1")
_FALSE = ("false", "0")


@dataclass(frozen=True)
class Call:
    """A call that has passed the gate."""

    action: str
    params: dict[str, str]
    files: tuple[Document, ...]
    now: float
    base: str
    """Scheme and host under which the caller reached the sandbox."""
    account: Account
    pace: Pace
    faults: Faults
    packages: Packages
    inclusive_to: bool

    def mandatory(self, name: str) -> str:
        value = self.params.get(name, "")
        if not value:
            raise Refusal(30)
        return value

    def collection(self) -> FlipsnackCollection:
        return self.account.find(self.mandatory("collectionHash"))

    def settled_collection(self) -> FlipsnackCollection:
        """Find a collection for an action that is not available while one of its flipbooks is processing."""
        found = self.collection()
        if found.processing(self.now):
            raise Refusal(38)
        return found

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        text = self.params.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
            raise Refusal(40)
        return int(text)

    def yes(self, name: str) -> bool:
        text = self.params.get(name, "")
        if text and text not in _TRUE + _FALSE:
            raise Refusal(40)
        return text in _TRUE

    def one_of(self, name: str, values: Collection[str], default: str) -> str:
        text = self.params.get(name) or default
        if text != default and text not in values:
            raise Refusal(40)
        return text

    def status(self, default: str) -> str:
        return self.one_of("collectionStatus", STATUSES, default)

    def day(self, name: str, default: date) -> date:
        text = self.params.get(name, "")
        if not text:
            return default
        found = parsed_day(text)
        if found is None:
            raise Refusal(40)
        return found


Handler: TypeAlias = Callable[[Call], dict[str, Any] | None]
"""Carries an action out and gives the `data` of its answer; refuses by raising `Refusal`."""
