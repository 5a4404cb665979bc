"""How a request is refused before the protocol: by its status for whatever stands between, in JSON-RPC for the client.

Clients of all makers show or raise the message of a JSON-RPC error whatever its status, and official ones put the id of
their request in the place of none; of a plain text most keep only the status.
"""

import json
from dataclasses import dataclass

from starlette.types import Send

NOTHING_DONE = "Nothing was done."
TURNED_AWAY = -32010
"""In the range that MCP leaves to servers (-32000 to -32019); the first of them are the SDKs' own."""


@dataclass(frozen=True)
class TurnedAway:
    """Why a request is not carried out."""

    status: int
    words: str
    again: int = 0
    """Seconds after which it can be sent again; 0 where that would not help."""
    closes: bool = False
    """Whether the connection ends with it."""

    @property
    def error(self) -> dict[str, object]:
        """What the client reads."""
        waits = {"data": {"retry_after": self.again}} if self.again else {}
        return {"jsonrpc": "2.0", "id": None, "error": {"code": TURNED_AWAY, "message": self.words, **waits}}

    async def tell(self, send: Send) -> None:
        """Answer with it."""
        body = json.dumps(self.error).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
        if self.again:
            headers["retry-after"] = str(self.again)
        if self.closes:
            headers["connection"] = "close"
        raw = [(name.encode(), text.encode()) for name, text in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
