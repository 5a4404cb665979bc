"""What a request's parameters mean, before the SDK seals or checks them: mended where that is plain, else refused in words.

Clients send `arguments` as text, values of prompts as numbers, tokens of no known kind; and some add names of their own
to every call, other ones each time, which would spoil what is sealed to the arguments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from mcp import MCPError, types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from pydantic import ValidationError

from flipsnack_mcp.api import Changed, as_text, cleaned, opened

ADDED_BY_CLIENTS = ("task_progress", "toolCallId", "sessionId", "action", "chatInput", "random_string")
"""By Cline, n8n and Cursor, after the model has spoken: it cannot correct them."""
SAYS_NOTHING = "Invalid request parameters"
"""The SDK's words for whatever it cannot read; within its steps, only for what comes before the greeting."""
NO_GREETING = "This session has not begun, and nothing was done. Send initialize first."
NO_OBJECT = f"`arguments` has to be an object. {Changed.NOTHING.value} Send the arguments by their names."


@dataclass(frozen=True)
class Arriving:
    """The outermost step of every request."""

    menu: Mapping[str, types.Tool]

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Hand on what is meant, and say with the answer what of it was ignored."""
        params = mended(ctx.method, ctx.params)
        ignored = self.ignored(params) if ctx.method == "tools/call" else []
        if ignored:
            kept = {name: value for name, value in params["arguments"].items() if name not in ignored}
            params = {**params, "arguments": kept}
        try:
            result = await call_next(ctx if params == ctx.params else replace(ctx, params=params or ctx.params))
        except (MCPError, ValidationError) as error:
            raise about_parameters(error) from None
        return telling(result, ignored) if ignored and self.writes(params) else result

    def ignored(self, params: Mapping[str, Any]) -> list[str]:
        """The names that a client added to this call."""
        tool = self.menu.get(str(params.get("name")))
        own: Iterable[str] = tool.input_schema.get("properties", {}) if tool else ()
        return [name for name in ADDED_BY_CLIENTS if name in (params.get("arguments") or {}) and name not in own]

    def writes(self, params: Mapping[str, Any]) -> bool:
        """Whether the tool does more than read: then it matters what it was not told."""
        tool = self.menu.get(str(params.get("name")))
        return bool(tool and tool.annotations and not tool.annotations.read_only_hint)


def about_parameters(error: MCPError | ValidationError) -> Exception:
    """An error that says what could not be read of a request."""
    if isinstance(error, MCPError):
        return MCPError(error.code, NO_GREETING) if error.message == SAYS_NOTHING else error
    if not error.title.endswith(("Request", "Params")):  # it is about an answer
        return error
    wrong = [unread(one["loc"], one["type"]) for one in error.errors(include_url=False, include_input=False)]
    said = ", ".join(dict.fromkeys(wrong))
    return MCPError(
        types.INVALID_PARAMS, f"{said}. {Changed.NOTHING.value} Send the request again with that put right."
    )


def unread(place: tuple[int | str, ...], kind: str) -> str:
    """Which parameter cannot be read, and why. Values are not repeated."""
    name = ".".join(str(part) for part in place if part != "params") or "params"
    return f"`{cleaned(name, 60)}` is {'missing' if kind == 'missing' else 'of another kind'}"


def mended(method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters as they are meant.

    Raises:
        MCPError: The arguments are no object.
    """
    known = with_known_token(dict(params or {}))
    if method not in {"tools/call", "prompts/get"} or "arguments" not in known:
        return known
    arguments = opened(known["arguments"]) or {}
    if not isinstance(arguments, dict):
        raise MCPError(types.INVALID_PARAMS, NO_OBJECT)
    if method == "prompts/get":
        arguments = texts(cast("dict[str, Any]", arguments))
    return {**known, "arguments": arguments}


def with_known_token(params: dict[str, Any]) -> dict[str, Any]:
    """Without a token that no progress could be told with: the call is answered all the same."""
    meta = params.get("_meta", {})
    if not isinstance(meta, dict):
        return {name: value for name, value in params.items() if name != "_meta"}
    told = cast("dict[str, Any]", meta)
    token = told.get("progressToken", "")
    if isinstance(token, str | int) and not isinstance(token, bool):
        return params
    return {**params, "_meta": {name: value for name, value in told.items() if name != "progressToken"}}


def texts(arguments: dict[str, Any]) -> dict[str, str]:
    """The values of a prompt, which are texts; what is filled with nothing is left out."""
    whole = {name: as_text(value) for name, value in arguments.items() if value}
    return {name: value.encode(errors="replace").decode() for name, value in whole.items()}


def telling(result: HandlerResult, ignored: list[str]) -> HandlerResult:
    """The answer of a call, and what of the call was ignored. A question is none yet."""
    if not isinstance(result, Mapping) or not result.get("content"):
        return result
    answer = dict(cast("Mapping[str, Any]", result))
    first, *others = answer["content"]
    answer["content"] = [{**first, "text": f"{first['text']}\nignored: {', '.join(ignored)}"}, *others]
    if answer.get("structuredContent") is not None:
        answer["structuredContent"] = {**answer["structuredContent"], "ignored": ignored}
    return answer
