"""The requests of a client that have no answer yet: who has ended what it writes may still read, as what a pipe leads to."""

from dataclasses import dataclass, field

import anyio
from mcp import types

LAST_ANSWERS = 1.5
"""Seconds for them. A client that has gone is not heard to go, and ends the process by force after two."""

ENDLESS = "subscriptions/listen"
"""What is never answered as long as somebody listens."""


@dataclass
class Unanswered:
    """The ids of requests that were handed on and neither answered nor cancelled."""

    ids: set[types.RequestId] = field(default_factory=set[types.RequestId])
    _fewer: anyio.Event = field(default_factory=anyio.Event)

    def heard(self, message: types.JSONRPCMessage) -> None:
        """Note what the client said."""
        if isinstance(message, types.JSONRPCRequest) and message.method != ENDLESS:
            self.ids.add(message.id)
        elif isinstance(message, types.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._end((message.params or {}).get("requestId"))

    def told(self, message: types.JSONRPCMessage) -> None:
        """Note what it was told."""
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._end(message.id)

    async def all_told(self) -> None:
        """Wait until nothing is under way, or the time for it is over."""
        with anyio.move_on_after(LAST_ANSWERS):
            while self.ids:
                self._fewer = anyio.Event()
                await self._fewer.wait()

    def _end(self, number: object) -> None:
        self.ids -= {number}
        self._fewer.set()
