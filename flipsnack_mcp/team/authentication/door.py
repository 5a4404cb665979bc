"""Where a request over HTTP is let in or not, and learns whose it is. The token goes no further than here."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import anyio
from mcp.server.auth.middleware.auth_context import auth_context_var
from starlette.authentication import AuthCredentials
from starlette.types import ASGIApp, Receive, Scope, Send

from flipsnack_mcp.server.arriving.observing import note_caller
from flipsnack_mcp.server.callers.caller import CALLER, EVERYBODY, IN_SCOPE
from flipsnack_mcp.server.safety.redaction import OF_THE_REQUEST
from flipsnack_mcp.team.authentication.challenges import NotLetInError
from flipsnack_mcp.team.authentication.knowing import Authentication, LetIn
from flipsnack_mcp.team.authentication.stepping_up import Posted
from flipsnack_mcp.team.ending import streamed_within
from flipsnack_mcp.team.heads import is_stream

BETWEEN_LOOKS_AT_A_TOKEN = 10.0
"""Seconds, while somebody listens by it."""
LET_IN = "flipsnack.let_in"
"""Under which a request knows who it is of."""


def as_it_is(app: ASGIApp) -> ASGIApp:
    """Nobody is counted."""
    return app


def behind_door(
    app: ASGIApp, authentication: Authentication, counted: Callable[[ASGIApp], ASGIApp] = as_it_is
) -> ASGIApp:
    """An application that nobody reaches who is not let in; `counted` has its say before a body is read."""
    return Door(authentication, counted(Inside(authentication, app)))


@dataclass(frozen=True)
class Door:
    """An application behind its authentication."""

    authentication: Authentication
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.authentication.is_asked:
            await self._asked(scope, receive, send)
        else:
            await self.app({**scope, IN_SCOPE: EVERYBODY}, receive, send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            let_in, token = await self.authentication.let_in(scope)
        except NotLetInError as refused:
            await self.authentication.challenges.answer(refused)(scope, receive, send)
            return
        scope[IN_SCOPE] = let_in.caller  # for the layers outside as well, which write down what came of it
        note_caller(let_in.caller.name)
        inside = {**without_token(scope, let_in), LET_IN: let_in}
        with known_as(let_in, token):
            if is_stream(scope):
                await self._streamed(scope, partial(self.app, inside, receive), send)
            else:
                await self.app(inside, receive, send)

    async def _streamed(self, scope: Scope, answer: Callable[[Send], Awaitable[None]], send: Send) -> None:
        """An answer that may last for hours ends with its caller's token."""
        listened = anyio.CancelScope()
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._end_with_its_token, scope, listened)
            await streamed_within(listened, answer, send)
            beside.cancel_scope.cancel()

    async def _end_with_its_token(self, scope: Scope, listened: anyio.CancelScope) -> None:
        while not listened.cancel_called:
            await anyio.sleep(BETWEEN_LOOKS_AT_A_TOKEN)
            try:
                await self.authentication.let_in(scope)
            except NotLetInError as refused:
                if refused.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    listened.cancel()


@dataclass(frozen=True)
class Inside:
    """An application behind a door, where what is posted may need more than it took to come in."""

    authentication: Authentication
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        let_in = scope.get(LET_IN)
        if let_in is None:
            await self.app(scope, receive, send)
            return
        posted = Posted(scope, receive, self.authentication.settings.body_kilobytes * 1024)
        try:
            await self.authentication.check_scopes(let_in, posted)
        except NotLetInError as refused:
            await self.authentication.challenges.answer(refused)(scope, receive, send)
            return
        await self.app(scope, posted.again, send)


@contextmanager
def known_as(let_in: LetIn, token: str) -> Iterator[None]:
    """Whatever is done meanwhile is done for them, and their token is masked in every text."""
    caller, user = CALLER.set(let_in.caller), auth_context_var.set(let_in.user)
    masked = OF_THE_REQUEST.set((token,))
    try:
        yield
    finally:
        OF_THE_REQUEST.reset(masked)
        auth_context_var.reset(user)
        CALLER.reset(caller)


def without_token(scope: Scope, let_in: LetIn) -> Scope:
    """A request as it goes on: with who makes it instead of what they showed."""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    granted = AuthCredentials(let_in.scopes or ())
    return {**scope, "headers": kept, "user": let_in.user, "auth": granted}
