"""The server on HTTP: the SDK's application behind uvicorn, which waits for nobody's unfinished request for ever."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import Any, cast

import anyio
import h11
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from flipsnack_mcp.server.server import FlipsnackServer

SESSION_IDLE = 1800.0
"""Seconds without a request after which a session is dropped."""


@dataclass(frozen=True)
class Patience:
    """What clients are given."""

    request: float
    """Seconds for a request to arrive, from the connection or the end of the answer before it to its last byte."""
    keep_alive: int
    """Seconds between two requests."""
    unfinished: int
    """Connections on which no whole request has arrived yet; with one more the oldest of them makes room."""


USUAL_PATIENCE = Patience(request=20.0, keep_alive=5, unfinished=200)


def serve_over_http(server: FlipsnackServer, host: str, port: int, log_level: str) -> None:
    """Serve until interrupted.

    Raises:
        SystemExit: The port cannot be had.
    """
    app = application(server, host, SESSION_IDLE)
    anyio.run(EndingServer(configured(app, host, port, log_level)).serve)


class EndingServer(uvicorn.Server):
    """Ends without waiting for who is connected, and without a word on each of them."""

    @override
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        # Uvicorn would write a traceback for everyone who still listens or waits, and is cut off.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def application(server: FlipsnackServer, host: str, idle: float) -> ASGIApp:
    """What answers requests; a session that nobody uses for so long is dropped."""
    return cast("ASGIApp", server.streamable_http_app(host=host, session_idle_timeout=idle))


def configured(
    app: ASGIApp, host: str, port: int, log_level: str, patience: Patience = USUAL_PATIENCE
) -> uvicorn.Config:
    """How uvicorn serves it."""
    protocol = cast("type[asyncio.Protocol]", partial(BoundedProtocol, patience=patience, waiting={}))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level.lower(),
        http=protocol,
        ws="none",
        timeout_keep_alive=patience.keep_alive,
        timeout_graceful_shutdown=0,
    )


class BoundedProtocol(H11Protocol):
    """One connection. Uvicorn itself gives a time only to a connection that is silent after an answer."""

    def __init__(
        self, *usual: Any, patience: Patience, waiting: dict["BoundedProtocol", asyncio.TimerHandle], **named: Any
    ) -> None:
        super().__init__(*usual, **named)
        self.patience = patience
        self.waiting = waiting
        """The connections of this server on which no whole request has arrived, the oldest first, each with its end."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._look()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Begin to wait for a request, or end it."""
        if self.transport.is_closing() or self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._wait_no_more()
        elif self not in self.waiting:
            self.waiting[self] = self.loop.call_later(self.patience.request, self.hang_up)
            if len(self.waiting) > self.patience.unfinished:
                next(iter(self.waiting)).hang_up()

    def _wait_no_more(self) -> None:
        if timer := self.waiting.pop(self, None):
            timer.cancel()

    def hang_up(self) -> None:
        """End it at once."""
        self._wait_no_more()
        self.transport.abort()  # what is still to be sent may never be taken
