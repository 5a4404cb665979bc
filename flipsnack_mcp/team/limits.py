"""How much one caller may ask of a server that others use as well: at once, in a second, in one request, and for how long.

What a caller has is counted here, in one process: behind a balancer each replica gives as much. Nobody waits in a line of
ours, so that a caller who sends too much holds nothing but what is their own, and is told when to come back.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.for_a_team import TeamSettings
from flipsnack_mcp.server.arriving.bodies import after
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.request import TIME_OF_A_CALL
from flipsnack_mcp.team.ending import AnswerSeen
from flipsnack_mcp.team.heads import header_of, is_stream, method_named
from flipsnack_mcp.team.refusing import NOTHING_DONE, TurnedAway
from flipsnack_mcp.team.usage import Usage, Usages, counted_in, held_for

OTHER_MESSAGES = 5
"""So many times as many messages as calls: clients greet, list and listen in several before their first call."""
BODIES_AT_ONCE = 4
"""So many of the largest bodies may be in memory for one caller."""
ONCE_ENDED = "Send it again once one of them has ended."
LONGEST_REQUEST = TIME_OF_A_CALL + 15.0
"""Seconds after which a request ends whatever it does: a call ends by itself before that."""
TOO_LATE = TurnedAway(
    504, f"This took longer than {LONGEST_REQUEST:.0f} seconds and was ended. Look first whether it was done."
)


class Limits:
    """An application of which one caller gets so much."""

    def __init__(self, app: ASGIApp, settings: TeamSettings, now: Callable[[], float] = anyio.current_time) -> None:
        self._app, self._settings, self._now = app, settings, now
        self.usages = Usages(settings.caller_calls_per_second, OTHER_MESSAGES, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        caller = CALLER.get()
        usage = self.usages.of(caller.principal or caller.name)
        stream = is_stream(scope)
        refusal = self._refusal(usage, scope, stream=stream)
        if refusal:
            return await refusal.tell(send)
        with counted_in(usage, self._now, stream=stream):
            return await self._admitted(usage, scope, receive, send)

    def _refusal(self, usage: Usage, scope: Scope, *, stream: bool) -> TurnedAway | None:
        """Why its head is enough to turn a request away: the body has not been read yet."""
        most = self._settings.caller_calls
        if usage.under_way[stream] >= most:
            what = "streams open" if stream else "requests under way"
            return TurnedAway(
                429, f"You have {most} {what}, the most that a caller may have. {NOTHING_DONE} {ONCE_ENDED}", 1
            )
        if wait := usage.messages.take(self._now()):
            return self._too_many("messages", self._settings.caller_calls_per_second * OTHER_MESSAGES, wait)
        declared = header_of(scope, b"content-length")
        return self._too_large() if declared.isdigit() and int(declared) > self._most_bytes else None

    async def _admitted(self, usage: Usage, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            return await self._app(scope, receive, send)
        with held_for(usage) as body:
            if not await read_whole(body, receive, lambda: self._too_much(usage, body)):
                return None
            if refusal := self._too_much(usage, body) or self._too_fast(usage, calls=is_call(scope, body)):
                return await refusal.tell(send)
            received = after({"type": "http.request", "body": body, "more_body": False}, receive)
            if is_stream(scope):
                return await self._app(scope, received, send)
            return await in_time(partial(self._app, scope, received), send)

    def _too_much(self, usage: Usage, body: bytearray) -> TurnedAway | None:
        """Why no more of a body is read."""
        if len(body) > self._most_bytes:
            return self._too_large()
        if sum(map(len, usage.bodies)) <= BODIES_AT_ONCE * self._most_bytes:
            return None
        most = BODIES_AT_ONCE * self._settings.body_kilobytes
        return TurnedAway(
            429, f"Your requests under way have {most} kB, the most that a caller's may. {NOTHING_DONE} {ONCE_ENDED}", 1
        )

    def _too_fast(self, usage: Usage, *, calls: bool) -> TurnedAway | None:
        wait = usage.calls.take(self._now()) if calls else 0
        return self._too_many("calls", self._settings.caller_calls_per_second, wait) if wait else None

    @property
    def _most_bytes(self) -> int:
        return self._settings.body_kilobytes * 1024

    def _too_large(self) -> TurnedAway:
        most = self._settings.body_kilobytes
        return TurnedAway(413, f"A request has at most {most} kB here. {NOTHING_DONE} Send less at once.")

    def _too_many(self, what: str, most: int, wait: int) -> TurnedAway:
        words = f"You began {most} {what} within a second, the most that a caller may. {NOTHING_DONE} Send it again in {wait} s."
        return TurnedAway(429, words, wait)


async def read_whole(body: bytearray, receive: Receive, is_enough: Callable[[], object]) -> bool:
    """Read a body to its end, or until it is enough; whether its sender is still there."""
    while not is_enough():
        message = await receive()
        if message["type"] != "http.request":
            return False
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return True


def is_call(scope: Scope, body: bytearray) -> bool:
    """Whether this begins work: by its header, which the SDK compares with the body, or by the body where there is none."""
    method: Any = method_named(scope).decode("latin-1")
    if not method:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return False
        method = message.get("method") if isinstance(message, dict) else None
    return bool(method == "tools/call")


async def in_time(answer: Callable[[Send], Any], send: Send) -> None:
    """An answer within its time, or the word that it did not come."""
    seen = AnswerSeen(send)
    with anyio.move_on_after(LONGEST_REQUEST) as time:
        await answer(seen)
    if time.cancelled_caught and not seen.begun:
        await TOO_LATE.tell(send)
    elif time.cancelled_caught and not seen.whole:
        event = f"event: message\r\ndata: {json.dumps(TOO_LATE.error)}\r\n\r\n"
        await send({"type": "http.response.body", "body": event.encode()})


MOST_ADDRESSES = 10_000


class Strangers:
    """An application that keeps a connection with nobody who asks again and again without being let in.

    Who was let in is not counted. Whatever came from an address, the answer stays what it was, with its challenge: behind
    a balancer all have one address, and whose token is over or taken back would not learn where to ask for another. To
    answer so costs no more than to say that it was too often. What a request says of the addresses before it is not believed.
    """

    def __init__(self, app: ASGIApp, each_second: int, now: Callable[[], float] = anyio.current_time) -> None:
        self._app, self._now = app, now
        self._usages = Usages(each_second, 1, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                message = {**message, "headers": [*message["headers"], *self._ending(scope)]}
            await send(message)

        await self._app(scope, receive, watched if scope["type"] == "http" else send)

    def _ending(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """What is added to an answer after which nothing more is read from this connection; nothing where few came."""
        wait = self._usages.of(self._named(scope)).calls.take(self._now())
        return [(b"retry-after", str(wait).encode()), (b"connection", b"close")] if wait else []

    def _named(self, scope: Scope) -> str:
        """The address, those of one network as one; of too many, all others as one."""
        host = str((scope.get("client") or ("",))[0])
        return ":".join(host.split(":")[:4]) if len(self._usages) < MOST_ADDRESSES else ""
