"""The server on HTTP: the application behind uvicorn, which ends at once where it is alone, and after its calls beside others."""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable
from functools import partial
from socket import socket
from types import FrameType
from typing import cast

import anyio
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from flipsnack_mcp import systems
from flipsnack_mcp.server.prompts import offered_prompts
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.team.application import application
from flipsnack_mcp.team.connections import USUAL_PATIENCE, WITH_A_BALANCER, BoundedProtocol, Patience, Rooms
from flipsnack_mcp.team.ending import Ending
from flipsnack_mcp.team.operating.telemetry import end_nothing, send_telemetry

CONNECTIONS = 10_000
NEW_OBJECTS = 5_000


def serve_over_http(server: FlipsnackServer, settings: Settings, store: Store, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        SystemExit: The port cannot be had.
    """
    several = settings.one_of_several
    if several:
        allow_connections(CONNECTIONS)
    ending = Ending(settings.drain_seconds)
    look_for_circles_less_often()
    app = application(server, settings, store, host, ending)
    patience = WITH_A_BALANCER if several else USUAL_PATIENCE
    how = configured(app, host, port, settings.log_level, patience)
    words = {*menu(settings), *(one.name for one in offered_prompts(settings))}
    last = send_telemetry(words)
    anyio.run((DrainingServer(how, ending, last) if several else EndingServer(how, last)).serve)


def look_for_circles_less_often() -> None:
    """Python looks for objects that hold each other whenever there are 700 more: a fifteenth of what twenty calls at once computed."""
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


def allow_connections(many: int) -> None:
    """Let this process have so many open, as far as its system lets it say so: often a thousand is what it begins with."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # there is none on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = many if hard == resource.RLIM_INFINITY else min(many, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class EndingServer(uvicorn.Server):
    """Ends without waiting for who is connected, and without a word on each of them; `last` is done at the end."""

    def __init__(self, config: uvicorn.Config, last: Callable[[], None] = end_nothing) -> None:
        super().__init__(config)
        self.last = last

    @override
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        # Uvicorn would write a traceback for everyone who still listens or waits, and is cut off.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
        self.last()  # not any later: uvicorn ends the process by the signal that it got


class DrainingServer(EndingServer):
    """Ends at SIGTERM with status 0 once everything is answered; at the second signal, or an interrupt, at once."""

    def __init__(self, config: uvicorn.Config, ending: Ending, last: Callable[[], None] = end_nothing) -> None:
        super().__init__(config, last)
        self.ending = ending

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig in systems.HERE.drained_at and not self.ending.begun:
            self.ending.begin()
        else:
            super().handle_exit(sig, frame)

    @override
    async def on_tick(self, counter: int) -> bool:
        if self.ending.begun:
            for idle in [one for one in self.server_state.connections if is_idle(one)]:
                idle.shutdown()  # while new ones are taken: a balancer that has kept it opens another, here or elsewhere
        if self.ending.closed:
            for one in self.servers:
                one.close()
            self.ending.end_streams()
        self.should_exit = self.should_exit or (self.ending.over and self._all_is_taken())
        return await super().on_tick(counter)

    def _all_is_taken(self) -> bool:
        """Whether every answer has left. A connection that takes none is ended by itself."""
        return not any(one.transport.get_write_buffer_size() for one in self.server_state.connections)


def is_idle(connection: object) -> bool:
    """Whether a connection is between two requests."""
    return isinstance(connection, BoundedProtocol) and connection.room is connection.rooms.idle


def configured(
    app: ASGIApp, host: str, port: int, log_level: str, patience: Patience = USUAL_PATIENCE
) -> uvicorn.Config:
    """How uvicorn serves it."""
    protocol = cast("type[asyncio.Protocol]", partial(BoundedProtocol, patience=patience, rooms=Rooms()))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level.lower(),
        log_config=None,  # its lines go the way of all others
        access_log=False,
        http=protocol,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=patience.keep_alive,
        timeout_graceful_shutdown=0,
    )
