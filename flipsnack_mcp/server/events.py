"""What clients are told of by themselves on 2026-07-28: a resource that changed, whichever of several servers changed it."""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from typing_extensions import override

from flipsnack_mcp.api import Action, Effect
from flipsnack_mcp.server.callers.accounts import account_named
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS, COLLECTION_ADDRESS, address_of, split_address
from flipsnack_mcp.settings import Settings

log = logging.getLogger(__name__)

RESOURCES = "resourceSubscriptions"
"""The addresses in a request to be told, as the protocol calls them."""


class Channel(Protocol):
    """Reaches all servers on a store, this one as well. Who does not listen misses what is said, and nothing is lost by it."""

    async def say(self, text: str) -> None:
        """Never raises."""

    async def listen(self, heard: Callable[[str], Awaitable[None]]) -> None:
        """Until it is cancelled."""


class Events(InMemorySubscriptionBus):
    """To all who listen to this server, and over the channel to those who listen to another."""

    def __init__(self, channel: Channel | None) -> None:
        super().__init__()
        self._channel, self._own = channel, secrets.token_hex(8)
        self._wanted = anyio.Event()

    @override
    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        self._wanted.set()
        return super().subscribe(listener)

    @override
    async def publish(self, event: ServerEvent) -> None:
        await super().publish(event)
        if self._channel and isinstance(event, ResourceUpdated):
            await self._channel.say(json.dumps([self._own, event.uri]))

    async def hear(self) -> None:
        """Pass on what other servers say, from the first who listens here on."""
        if self._channel:
            await self._wanted.wait()
            await self._channel.listen(self._pass_on)

    async def _pass_on(self, text: str) -> None:
        try:
            whose, uri = map(str, json.loads(text))
        except (TypeError, ValueError):
            log.warning("something else was said where servers tell each other what changed")
            return
        if whose != self._own:
            await super().publish(ResourceUpdated(uri))


def telling_of(events: Events, settings: Settings, *, several: bool) -> Callable[[Action[Any]], Awaitable[None]]:
    """What is told after each change of an account: what was changed may be read again."""

    async def tell(action: Action[Any]) -> None:
        for address in changed_by(action):
            await events.publish(ResourceUpdated(address_of(settings.name, address) if several else address))

    return tell


def changed_by(action: Action[Any]) -> Iterator[str]:
    """The resources that a change may have made others."""
    if wanted := getattr(action, "collection_hash", None):
        yield f"{COLLECTION_ADDRESS}{wanted}"
    if action.uploads or action.effect is Effect.DESTROYS:
        yield ACCOUNT_ADDRESS


def keeping_to_own(every: Sequence[Settings]) -> ServerMiddleware[Any]:
    """Whoever listens is told of their own accounts alone: of the others not even that something changed there."""

    def own(uri: object) -> object:
        """An address as changes of it are told, in whatever letters it names the account; None for one of others."""
        name, address = split_address(str(uri))
        account = account_named(every, name) if len(every) > 1 else every[0]
        caller = CALLER.get()
        if account is None or not caller.may_use(account.account) or not caller.may(Right.READ):
            return None
        return address_of(account.name, address) if len(every) > 1 else uri

    async def keep_to_own(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        params = ctx.params or {}
        wanted = params.get("notifications")
        asked = wanted.get(RESOURCES) if isinstance(wanted, dict) else None
        if isinstance(wanted, dict) and isinstance(asked, list) and ctx.method == "subscriptions/listen":
            theirs = {**wanted, RESOURCES: [*filter(None, map(own, asked))]}
            ctx = replace(ctx, params={**params, "notifications": theirs})
        return await call_next(ctx)

    return keep_to_own
