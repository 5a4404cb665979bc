"""A stream that a client takes up again where it broke off: nothing that went by is kept, so it begins anew.

The SDK has no answer at all to such a request where it keeps no events, and a client gets a 500.
"""

from dataclasses import dataclass

from flipsnack_mcp.server.arriving.bodies import App, Message, Receive, Send

SEEN_LAST = b"last-event-id"


@dataclass(frozen=True)
class BegunAnew:
    """An application that is not told what a client saw last."""

    app: App

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [one for one in scope["headers"] if one[0] != SEEN_LAST]}
        await self.app(scope, receive, send)
