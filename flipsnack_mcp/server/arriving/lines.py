"""What a client writes on stdio and the SDK cannot read: mended where its meaning is plain, else answered in words.

The SDK hands on an exception for such a line, and nobody answers that: the client would wait for ever.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

import anyio
from anyio.abc import AsyncResource
from mcp import types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError
from typing_extensions import override

from flipsnack_mcp.api import opened
from flipsnack_mcp.server.arriving.replayed import Unrepeated

if TYPE_CHECKING:
    from mcp.shared._stream_protocols import ReadStream

NO_JSON = "This is no JSON. Nothing was done. Send each message by itself, as JSON on one line."
TOO_DEEP = "This is nested deeper, or has a longer number, than this server reads. Nothing was done. Send the message without it, on one line."
NO_BATCH = "This server takes one message at a time, and no batches. Nothing was done. Send each message by itself."
NO_MESSAGE = 'This is no JSON-RPC message. Nothing was done. Send an object with "jsonrpc": "2.0", an id and a method.'
NO_ID = "The `id` of a request has to be text or a whole number. Nothing was done. Send it again with such an id."
NO_PARAMS = "`params` has to be an object. Nothing was done. Send the parameters by their names."
UNREAD_ANSWER = "The client's answer could not be read."


@dataclass(frozen=True)
class Look:
    """What becomes of a line."""

    message: SessionMessage | Exception | None = None
    """What goes on to the server."""
    answers: tuple[types.JSONRPCError, ...] = ()
    """What goes straight back."""


@dataclass(frozen=True)
class Reread(AsyncResource):
    """The SDK's stream of what was written, with a second look at what it could not read."""

    lines: "ReadStream[SessionMessage | Exception]"
    answers: Unrepeated

    async def receive(self) -> SessionMessage | Exception:
        """The next message for the server; what it need not see is answered meanwhile."""
        while True:
            look = second_look(await self._next())
            for answer in look.answers:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await self.answers.send(SessionMessage(answer))
            if look.message is not None:
                if isinstance(look.message, SessionMessage):
                    self.answers.unanswered.heard(look.message.message)
                return look.message

    async def _next(self) -> SessionMessage | Exception:
        try:
            return await self.lines.receive()
        except anyio.EndOfStream:  # to the SDK that is the end of all that is under way
            await self.answers.unanswered.all_told()
            raise

    @override
    async def aclose(self) -> None:
        """Read no more."""
        await self.lines.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


def second_look(item: SessionMessage | Exception) -> Look:
    """What a line means that was read, or was not."""
    if isinstance(item, SessionMessage):
        return look_at(item.message)
    if not isinstance(item, ValidationError):
        return Look(item)
    errors = item.errors(include_url=False)
    if errors[0]["type"] != "json_invalid":
        whole = [one["input"] for one in errors if len(one["loc"]) == 1 + (one["type"] == "missing")]
        return meaning_of(whole[0] if whole else None)
    text = str(errors[0]["input"]).removeprefix("\ufeff").strip()
    return meaning_of_text(text) if text else Look()


def meaning_of_text(text: str) -> Look:
    """What a line stands for that was not read as JSON; it may be some, and beyond what a reader takes."""
    try:
        return meaning_of(json.loads(text, parse_constant=refuse_constant))
    except json.JSONDecodeError:
        return refused([None], types.PARSE_ERROR, NO_JSON)
    except (ValueError, RecursionError):
        return refused([None], types.PARSE_ERROR, TOO_DEEP)


def look_at_text(text: str) -> Look:
    """What a message means that nobody has read yet."""
    try:
        return look_at(types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError as error:
        return second_look(error)


def look_at(message: types.JSONRPCMessage) -> Look:
    """A message as it was read. A request whose id is no id looks like a notification, of which MCP has no such."""
    if isinstance(message, types.JSONRPCNotification) and not message.method.startswith("notifications/"):
        return refused([None], types.INVALID_REQUEST, NO_ID)
    return Look(SessionMessage(message))


def meaning_of(value: object) -> Look:
    """What JSON stands for that was not read as a message."""
    if isinstance(value, list):
        members = cast("list[object]", value)
        ids = [
            one["id"] for one in members if isinstance(one, dict) and is_id(cast("dict[str, object]", one).get("id"))
        ]
        return refused(ids or [None], types.INVALID_REQUEST, NO_BATCH)
    if not isinstance(value, dict):
        return refused([None], types.INVALID_REQUEST, NO_MESSAGE)
    written = with_whole_characters(cast("dict[str, Any]", value))
    if "params" in written:
        written["params"] = opened(written["params"]) or {}
    try:
        return look_at(types.jsonrpc_message_adapter.validate_python(written, by_name=False))
    except ValidationError:
        return no_message(written)


def no_message(written: dict[str, Any]) -> Look:
    """An object that is no message even so. An answer is not answered: it ends the question it was meant for."""
    number = written.get("id")
    known = number if is_id(number) else None
    if "method" not in written and written.keys() & {"result", "error"}:
        error = types.ErrorData(code=types.INVALID_REQUEST, message=UNREAD_ANSWER)
        return Look(SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=known, error=error)))
    if isinstance(written.get("params", {}), dict):
        return refused([known], types.INVALID_REQUEST, NO_MESSAGE)
    return refused([known], types.INVALID_PARAMS, NO_PARAMS) if "id" in written else Look()


def refused(ids: Iterable[Any], code: int, words: str) -> Look:
    """The same answer to each of these."""
    error = types.ErrorData(code=code, message=words)
    return Look(None, tuple(types.JSONRPCError(jsonrpc="2.0", id=one, error=error) for one in ids))


def is_id(value: object) -> bool:
    """Whether a request can be answered under this id."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def with_whole_characters(written: dict[str, Any]) -> dict[str, Any]:
    """A message that can be written down. The arguments of a call stay: the tool says what is wrong with them."""
    whole = cast("dict[str, Any]", without_halves(written))
    params = written.get("params")
    if written.get("method") == "tools/call" and isinstance(params, dict) and "arguments" in params:
        whole["params"]["arguments"] = params["arguments"]
    return whole


def without_halves(value: object) -> object:
    """The same with U+FFFD for every half of a character, which JSON allows and UTF-8 does not."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [without_halves(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {str(without_halves(name)): without_halves(one) for name, one in members.items()}
    return value


def refuse_constant(_: str) -> NoReturn:
    """NaN and the infinities are no JSON, though Python reads them."""
    raise json.JSONDecodeError("no number of JSON", "", 0)
