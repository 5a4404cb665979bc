"""How many sessions of older revisions a caller may have open: each costs this process memory until it is dropped."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.team.heads import header_of, opens_session
from flipsnack_mcp.team.refusing import NOTHING_DONE, TurnedAway

MOST_SESSIONS = 64
"""Of one caller: a window of a client has one, and one that crashes leaves its behind."""
SESSION_ID = b"mcp-session-id"


@dataclass
class Sessions:
    """An application in which a caller has so many sessions, by what it answers; `idle` as it drops them itself."""

    app: ASGIApp
    idle: float
    now: Callable[[], float] = anyio.current_time
    used: dict[str, dict[bytes, float]] = field(default_factory=dict[str, dict[bytes, float]])
    """Of each caller who has any: when each was used last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        caller = CALLER.get()
        name = caller.principal or caller.name
        if opens_session(scope) and (wait := self._wait_for_one(name)):
            words = f"You have {MOST_SESSIONS} sessions open, the most that a caller may have. {NOTHING_DONE}"
            ends = f"End one of them, or send it again in {wait} s, when the one that was used longest ago is dropped."
            return await TurnedAway(429, f"{words} {ends}", wait).tell(send)
        asked = header_of(scope, SESSION_ID)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(name, asked, message, ended=scope["method"] == "DELETE")
            await send(message)

        return await self.app(scope, receive, watched)

    def _wait_for_one(self, name: str) -> int:
        """Whole seconds until another one may be opened."""
        over = self.now() - self.idle
        for caller, sessions in [*self.used.items()]:
            self.used[caller] = {one: at for one, at in sessions.items() if at > over}
        self.used = {caller: sessions for caller, sessions in self.used.items() if sessions}
        own = self.used.get(name, {})
        return math.ceil(min(own.values()) - over) if len(own) >= MOST_SESSIONS else 0

    def _note(self, name: str, asked: bytes, answer: Message, *, ended: bool) -> None:
        """Know from an answer that a session was opened, used, or is no more."""
        own = self.used.setdefault(name, {})
        gone = answer["status"] == 404 or (ended and answer["status"] < 400)
        if asked and gone:
            own.pop(asked, None)
        elif answer["status"] < 400:
            given = asked or next((text for one, text in answer.get("headers", ()) if one.lower() == SESSION_ID), b"")
            own.update({given: self.now()} if given and (not asked or asked in own) else {})
