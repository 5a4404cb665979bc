"""The state of a question on its way through the client and back: what is in it, and under which keys it is sealed.

The SDK seals it to the tool and its arguments, by the codec here, under keys of the account and of the caller (`keys`), so
that a form can be answered after a restart, and by whichever process. After a day a new key seals. The one before it still
opens; an older one is forgotten, and with it whatever it sealed.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState, RequestStateSecurity
from mcp.types import CallToolResult, InputRequiredResult, TextContent
from pydantic import BaseModel

from flipsnack_mcp.api import Changed, ConfigurationError, FlipsnackError
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.consent.keys import Keys, belonging_to
from flipsnack_mcp.store.records import StoreUnusable

FOR_EVER = 1e11
"""Seconds. The SDK's own time goes by the clock on the wall and ends in a protocol error that no model sees."""


class Asked(BaseModel):
    """Which question was put, when, to which sight of its subject, and what had to be typed."""

    seen: str
    expected: str = ""
    collection_hash: str = ""
    """Both are empty in a question of an earlier version, to which nothing that is typed is a yes."""
    covers: str = ""
    at: float
    shown: float | None = None
    """What the clock on the wall showed then."""
    nonce: str


class UnopenedError(FlipsnackError):
    """An answer came with a state that cannot be opened here."""

    retry = "Trying again with it will not help."

    def __init__(self) -> None:
        super().__init__(
            "The answer came too late, or its question was not put by this server.",
            "Make the call again without it, to ask the person anew.",
        )


UNOPENED: ContextVar[FlipsnackError | StoreUnusable | None] = ContextVar("unopened", default=None)
"""Why the state that came with the call that is handled was left out of it."""


CODEC: ContextVar[AESGCMRequestStateCodec | None] = ContextVar("codec", default=None)
"""With the keys of the account that the call that is handled is about; none where no call is: a task may handle several."""


class KeyRing:
    """The keys as the SDK's codec and, around that, as two middlewares: a codec itself cannot wait for a store.

    `account_of` tells from the arguments of a call whose keys count.
    """

    def __init__(self, keys: Keys, account_of: Callable[[Mapping[str, Any] | None], str]) -> None:
        self._keys, self._account_of = keys, account_of

    @property
    def security(self) -> RequestStateSecurity:
        """What the SDK is given."""
        return RequestStateSecurity(codec=self, ttl=FOR_EVER)

    def seal(self, payload: bytes) -> str:
        """Seal what the SDK gives, but not to the time on the wall: how old it is says `Asked`."""
        if (codec := CODEC.get()) is None:
            raise InvalidRequestState("no key")
        return codec.seal(json.dumps({**json.loads(payload), "iat": 0}).encode())

    def unseal(self, token: str) -> bytes:
        """Open what one of the keys has sealed."""
        if (codec := CODEC.get()) is None:
            raise InvalidRequestState("no key")
        return codec.unseal(token)

    async def before_opening(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Outside the SDK's own: a tool call whose state cannot be opened goes on without it, to be refused in words."""
        before, codec = UNOPENED.set(None), CODEC.set(None)
        try:
            return await call_next(await self._opening(ctx))
        finally:
            UNOPENED.reset(before)
            CODEC.reset(codec)

    async def _opening(self, ctx: ServerRequestContext[Any, Any]) -> ServerRequestContext[Any, Any]:
        state = (ctx.params or {}).get("requestState")
        if ctx.method != "tools/call" or not isinstance(state, str):
            return ctx
        reason = await self._objection(state, self._account(ctx))
        if reason is None:
            return ctx
        UNOPENED.set(reason)
        return replace(ctx, params={**(ctx.params or {}), "requestState": None})

    async def before_sealing(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Inside the SDK's own: see to a key once there is a question to be sealed."""
        result = await call_next(ctx)
        if isinstance(result, InputRequiredResult) or (isinstance(result, dict) and "requestState" in result):
            try:
                use(await self._keys.to_seal(self._account(ctx)))
            except StoreUnusable as error:
                return no_question(f"{as_callers_hear(error)} {Changed.NOTHING.value}")
            except ConfigurationError as error:
                return no_question(str(error))
        return result

    def _account(self, ctx: ServerRequestContext[Any, Any]) -> str:
        return self._account_of((ctx.params or {}).get("arguments"))

    async def _objection(self, state: str, account: str) -> FlipsnackError | StoreUnusable | None:
        try:
            use(await self._keys.to_open(account))
            self.unseal(state)
        except InvalidRequestState:
            return UnopenedError()
        except StoreUnusable as error:
            return as_callers_hear(error)
        except ConfigurationError as error:
            return error
        return None


def use(keys: list[bytes]) -> None:
    """Seal and open with these until the call that is handled ends, and with each for its caller alone."""
    CODEC.set(AESGCMRequestStateCodec(belonging_to(keys, CALLER.get().principal)) if keys else None)


def no_question(text: str) -> CallToolResult:
    """What a model reads where a question cannot be put."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
