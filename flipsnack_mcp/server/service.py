"""What a server has from its start to its end, and what goes on beside its calls."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from mcp import MCPError, types

from flipsnack_mcp.api import Flipsnack
from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.server.arriving.inlet import INCOMPLETE
from flipsnack_mcp.server.by_address.spooling import spool_of
from flipsnack_mcp.server.callers.offer import Offers
from flipsnack_mcp.server.events import Events, telling_of
from flipsnack_mcp.server.safety.redaction import Redactor, log_unexpected
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import Clock
from flipsnack_mcp.store.records import OpenedStore, Store

if TYPE_CHECKING:
    from flipsnack_mcp.files.spool import Spool
    from flipsnack_mcp.server.dispatch import Dispatcher

log = logging.getLogger(__name__)

SETTLED_IN = 2.0
"""Seconds after which a client has its lists."""


@dataclass(frozen=True)
class Service:
    """What a server has from its start."""

    redactor: Redactor
    """Takes credentials out of everything that leaves."""
    dispatcher: Callable[[], "Dispatcher"]
    """Answers the calls. Everything it needs is made, and imported, at the first of them: lists wait for nothing."""
    store: Store


def make_dispatcher(
    offers: Offers,
    clients: Sequence[Flipsnack],
    store: Store,
    background: anyio.abc.TaskGroup,
    now: Clock,
    redactor: Redactor,
    spool: "Spool | None" = None,
) -> "Dispatcher":
    """All that calls share, and what answers them; `clients` has one for each account."""
    from flipsnack_mcp.server import app, dispatch  # noqa: PLC0415  # see Service

    settings = offers.settings
    several, lookout = len(settings.every) > 1, app.lookout_of(settings, store, background)
    apps = [
        app.App(
            one, client, lookout, now, redactor, one.name if several else "", partial(offers.still_may, one.account)
        )
        for one, client in zip(settings.every, clients, strict=True)
    ]
    for one in apps:
        if spool:
            one.take_addresses(spool)
    return dispatch.Dispatcher(settings, {one.settings.account: one for one in apps}, menu(settings).keys())


def with_all_parts(made: "Callable[[], Dispatcher]") -> "Dispatcher":
    """What answers. What Python says of a part that cannot be imported would go to the model as it is.

    Raises:
        MCPError: A part is missing.
    """
    try:
        return made()
    except Exception as error:  # noqa: BLE001  # half of an older version and half of a newer end in errors of any kind
        log_unexpected("loading", error)
        raise MCPError(types.INTERNAL_ERROR, INCOMPLETE) from None


@asynccontextmanager
async def serving(
    offers: Offers, connect: Callable[[Settings], Flipsnack], now: Clock, store: Store, events: Events
) -> AsyncGenerator[Service]:
    """As long as a server serves: its clients, its spool, its store, and the work in the background."""
    settings, redactor = offers.settings, Redactor.of(offers.settings)
    async with AsyncExitStack() as open_clients:
        clients = [await open_clients.enter_async_context(connect(one)) for one in settings.every]
        for one, client in zip(settings.every, clients, strict=True):
            client.announce = telling_of(events, one, several=len(clients) > 1)
        try:
            async with spool_of(settings) as spool, anyio.create_task_group() as background:
                background.start_soon(remove_leftovers_later, settings)
                background.start_soon(events.hear)
                if isinstance(store, OpenedStore):
                    background.start_soon(store.attend)
                made = cache(partial(make_dispatcher, offers, clients, store, background, now, redactor, spool))
                if settings.team:  # one of several replicas goes on with what another left before anybody calls it
                    made()
                yield Service(redactor, lambda: with_all_parts(made).offering(offers.now), store)
                background.cancel_scope.cancel()
        finally:
            await store.close()


async def remove_leftovers_later(settings: Settings) -> None:
    """Remove what killed runs left in the download folders, once the first questions are answered."""
    await anyio.sleep(SETTLED_IN)
    for folder in dict.fromkeys(one.download_dir for one in settings.every):
        await remove_leftovers_of(folder)


async def remove_leftovers_of(folder: Path | None) -> None:
    """Remove what killed runs left in one of them."""
    from flipsnack_mcp.files.packages import remove_leftovers  # noqa: PLC0415  # tools/list must not wait for it

    try:
        await anyio.to_thread.run_sync(remove_leftovers, download_folder(folder))
    except Exception as error:  # noqa: BLE001  # an error that escaped would end the server for what is only tidying
        log.warning("the download folder could not be tidied: %s", type(error).__name__)
