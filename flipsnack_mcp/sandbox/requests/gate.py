"""What every request must pass before its action is looked at: credentials, limits, verb and signature.

The documentation gives no order. Sandbox's own choice: unreadable (40), a mandatory parameter missing (30), unknown
key (41), too many calls (31, 32), unknown action (42), wrong verb or host (40), signature (44).
"""

import hmac
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import md5

from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.requests.arriving import Received
from flipsnack_mcp.sandbox.requests.envelope import Refusal

_UNSIGNED = ("signature", "file")


def signature(secret: str, params: Mapping[str, str]) -> str:
    """Sign parameters as documented: md5 of the secret and of each name and value, sorted by name, raw."""
    # Sandbox's own choice: sorted by bytes, and empty values take part.
    signed = sorted((name, value) for name, value in params.items() if name not in _UNSIGNED)
    text = secret + "".join(name + value for name, value in signed)
    return md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Windows:
    """Sliding windows over the calls of the account's key; refused calls count as well."""

    pace: Pace
    _arrivals: deque[float] = field(default_factory=deque)

    def arrive(self, at: float) -> int:
        """Count a call and give the code that it deserves for coming too early, or 0."""
        if not (self.pace.calls_per_second or self.pace.calls_per_minute):
            return 0
        while self._arrivals and self._arrivals[0] <= at - 60:
            self._arrivals.popleft()
        self._arrivals.append(at)
        in_second = sum(1 for earlier in self._arrivals if earlier > at - 1)
        if 0 < self.pace.calls_per_second < in_second:
            return 31
        if 0 < self.pace.calls_per_minute < len(self._arrivals):
            return 32
        return 0


@dataclass(frozen=True)
class Gate:
    """The checks, with the credentials of the one account."""

    api_key: str
    api_secret: str
    actions: Collection[str]
    uploads: Collection[str]

    def check(self, received: Received, crowded: int) -> None:
        """Refuse what must not pass; `crowded` is the code that the windows gave on arrival."""
        if not received.readable or received.verb not in {"GET", "POST"}:
            raise Refusal(40)
        self._check_caller(received.params)
        if crowded:
            raise Refusal(crowded)
        self._check_action(received)
        expected = signature(self.api_secret, received.params)
        if not hmac.compare_digest(expected.encode(), received.params["signature"].encode()):
            raise Refusal(44)

    def _check_caller(self, params: Mapping[str, str]) -> None:
        # Sandbox's own choice: an empty mandatory parameter is a missing one.
        if not all(params.get(name) for name in ("apiKey", "signature", "action")):
            raise Refusal(30)
        if params["apiKey"] != self.api_key:
            raise Refusal(41)

    def _check_action(self, received: Received) -> None:
        if received.action not in self.actions:
            raise Refusal(42)
        wanted = ("upload", "POST") if received.action in self.uploads else ("api", "GET")
        if (received.host, received.verb) != wanted:
            raise Refusal(40)
