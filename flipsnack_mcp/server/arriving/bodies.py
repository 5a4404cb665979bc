"""What a client posts over HTTP and the SDK cannot read: the same second look that lines on stdio get."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from mcp import types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from flipsnack_mcp.server.arriving.lines import NO_JSON, look_at_text, refused

HALF = "This message holds half a character, such as \\ud83d alone. Nothing was done. Send it again without."
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class RereadBodies:
    """An application before which every posted body is looked at. It gets whole bodies only."""

    app: App

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        posted = await receive()
        if posted["type"] != "http.request":
            return await self.app(scope, after(posted, receive), send)
        meant, answers = look_at_body(posted["body"])
        if answers:
            return await refuse(answers, send)
        return await self.app(scope, after({**posted, "body": meant}, receive), send)


def look_at_body(body: bytes) -> tuple[bytes, tuple[types.JSONRPCError, ...]]:
    """What goes on to the SDK, or what goes straight back."""
    with suppress(ValidationError):  # a message as it should be needs no second look, and goes on as it came
        if isinstance(types.jsonrpc_message_adapter.validate_json(body, by_name=False), types.JSONRPCRequest):
            return body, ()
    look = look_at_text(body.decode(errors="replace"))
    if look.answers:
        return b"", look.answers
    if not isinstance(look.message, SessionMessage):  # blanks, by which a client means nothing on stdio
        return b"", refused([None], types.PARSE_ERROR, NO_JSON).answers
    message = look.message.message
    meant = json.dumps(message.model_dump(by_alias=True, exclude_unset=True), ensure_ascii=False)
    try:
        return meant.encode(), ()
    except UnicodeEncodeError:
        return b"", refused([getattr(message, "id", None)], types.INVALID_PARAMS, HALF).answers


def after(first: Message, receive: Receive) -> Receive:
    """What is received, with this before it."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


async def refuse(answers: tuple[types.JSONRPCError, ...], send: Send) -> None:
    """One answer by itself; several, to a batch, as a batch."""
    said = [one.model_dump(mode="json", exclude_unset=True) for one in answers]
    body = json.dumps(said[0] if len(said) == 1 else said).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(HTTPStatus.BAD_REQUEST), "headers": headers})
    await send({"type": "http.response.body", "body": body})
