"""How a request is refused before the protocol: by its status for whatever stands between, in JSON-RPC for the client.

Clients of all makers show or raise the message of a JSON-RPC error whatever its status, and official ones put the id of
their request in the place of none; of a plain text most keep only the status.
"""

import json
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


WORDLESS = {
    405: f"This address answers POST only. {NOTHING_DONE} A client of MCP posts its messages here, each by itself.",
    406: f"The header Accept has to name both application/json and text/event-stream. {NOTHING_DONE}",
}
"""What the SDK says by a status alone."""


@dataclass(frozen=True)
class InWords:
    """An application whose refusals all have words."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def sent(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                body = words_for(message)
            elif body:
                message = {**message, "body": body}
            await send(with_length(message, body))

        await self.app(scope, receive, sent)


def words_for(answer: Message) -> bytes:
    """What is to stand in an answer in which nothing would; nothing where something does."""
    words = WORDLESS.get(answer["status"], "")
    is_empty = (b"content-length", b"0") in answer["headers"]
    return json.dumps(TurnedAway(answer["status"], words).error).encode() if words and is_empty else b""


def with_length(message: Message, body: bytes) -> Message:
    """The head of an answer with this body; anything else as it is."""
    if message["type"] != "http.response.start" or not body:
        return message
    kept = [one for one in message["headers"] if one[0] != b"content-length"]
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {**message, "headers": [*kept, *said]}
