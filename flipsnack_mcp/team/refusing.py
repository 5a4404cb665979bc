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
ANOTHER_SESSION = "It is over, or none of yours. Send `initialize` without Mcp-Session-Id to begin another."
AFTER_WORDS = {
    "Session not found": ANOTHER_SESSION,
    "Not Found: Session has been terminated": ANOTHER_SESSION,
    "Bad Request: Missing session ID": "Send `initialize` first, and with all that follows the Mcp-Session-Id of its answer.",
    "Conflict: Only one SSE stream is allowed per session": "Listen to the one that is open, or end it first.",
    "Not Acceptable: Client must accept text/event-stream": "Name that in the header Accept.",
    "Method Not Allowed": "This address answers POST, and within a session GET and DELETE.",
    "Method Not Allowed: Session termination not supported": "There is no session here that could be ended.",
    "Too many open sessions": "Try again in a minute.",
}
"""What is to be done, where the SDK says only what is wrong. Its own words stay: there are clients that know them."""


@dataclass(frozen=True)
class InWords:
    """An application whose refusals all say what to do."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        heads = list[Message]()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                heads.append(message)
                return
            if heads:
                head = heads.pop()
                if body := words_for(head["status"], message.get("body", b"")):
                    head, message = with_length(head, body), {**message, "body": body}
                await send(head)
            await send(message)

        await self.app(scope, receive, sent)


def words_for(status: int, body: bytes) -> bytes:
    """What is to stand in a refusal in place of this; nothing where that says enough."""
    if not body:
        return as_body(status, WORDLESS[status]) if status in WORDLESS else b""
    try:
        said = json.loads(body)["error"]["message"]
        return as_body(status, f"{said}. {NOTHING_DONE} {AFTER_WORDS[said]}")
    except (ValueError, LookupError, TypeError):
        return b""


def as_body(status: int, words: str) -> bytes:
    """A refusal in these words."""
    return json.dumps(TurnedAway(status, words).error).encode()


def with_length(head: Message, body: bytes) -> Message:
    """The head of an answer with this body."""
    kept = [one for one in head["headers"] if one[0] not in {b"content-length", b"content-type"}]
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {**head, "headers": [*kept, *said]}
