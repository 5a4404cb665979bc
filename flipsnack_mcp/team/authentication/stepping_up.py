"""More scopes for one call: the SDK knows scopes of a whole server only, and a client asks for more where it is told to.

What a call needs is told by its body. No call depends on this: what gets past it is refused by the tools, in words.
"""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.types import Message, Receive, Scope

from flipsnack_mcp.api import Changed, opened
from flipsnack_mcp.server.callers.caller import EVERY_RIGHT, Caller, Right
from flipsnack_mcp.server.callers.offer import with_accounts_of
from flipsnack_mcp.server.callers.rights import rights_needed
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.scopes import scope_of

READING = "resources/read"


@dataclass(frozen=True)
class Lacking:
    """What a call lacks."""

    said: str
    scopes: tuple[str, ...]
    """All that its client should ask for: what it has, and what it lacks."""


@dataclass
class Posted:
    """What a request posts, which may be read once before it goes on; no more of it than the server takes."""

    scope: Scope
    receive: Receive
    most: int
    _read: list[Message] = field(default_factory=list[MutableMapping[str, Any]])

    async def body(self) -> bytes | None:
        """All of it; None where there is none, or more than is taken: the SDK refuses that."""
        if self.scope["method"] != "POST":
            return None
        content = b""
        while len(content) <= self.most:
            message = await self.receive()
            self._read.append(message)
            if message["type"] != "http.request":
                return None
            content += bytes(message.get("body", b""))
            if not message.get("more_body"):
                return content
        return None

    async def again(self) -> Message:
        """What was read, and then what follows."""
        return self._read.pop(0) if self._read else await self.receive()


async def scopes_lacking(caller: Caller, held: tuple[str, ...], settings: Settings, posted: Posted) -> Lacking | None:
    """What a posted request lacks, of all that whoever makes it could be granted."""
    if caller.rights >= EVERY_RIGHT:
        return None
    method, params = asked_in(await posted.body())
    if method == READING:
        what, needed = "Reading a resource", [Right.READ]
    else:
        name, arguments = call_in(method, params)
        if name not in menu(with_accounts_of(settings, caller)):
            return None
        what, needed = f"This call of {name}", [*rights_needed(name, arguments)]
    wanted = [scope_of(one) for one in needed if not caller.may(one)]
    if not wanted:
        return None
    said = f"{what} needs the scope{'s' if len(wanted) > 1 else ''} {' and '.join(wanted)}. {Changed.NOTHING.value}"
    return Lacking(said, tuple(dict.fromkeys((*held, *wanted))))


def asked_in(body: bytes | None) -> tuple[str, Mapping[str, Any]]:
    """The method that is asked for and its parameters; neither where the body is no such message."""
    try:
        message = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return "", {}
    params = message.get("params") if isinstance(message, dict) else None
    return (str(message["method"]), params) if isinstance(params, dict) and "method" in message else ("", {})


def call_in(method: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The tool that is called and its arguments; neither where nothing is called."""
    if method != "tools/call":
        return "", {}
    arguments = opened(params.get("arguments"))
    known = cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}
    return str(params.get("name")), known
