"""The server on HTTP: the SDK's application behind uvicorn."""

from dataclasses import dataclass

import anyio
import uvicorn
from starlette.types import ASGIApp

from flipsnack_mcp.server.server import FlipsnackServer

SESSION_IDLE = 1800.0
"""Seconds without a request after which a session is dropped."""


@dataclass(frozen=True)
class Patience:
    """What clients are given."""

    request: float
    """Seconds for a request to arrive, from its first byte, or from the connection, to its last."""
    keep_alive: int
    """Seconds between two requests."""
    unfinished: int
    """Connections on which no whole request has arrived yet; more than those, and the oldest makes room."""


PATIENCE = Patience(request=20.0, keep_alive=5, unfinished=200)


def serve_over_http(server: FlipsnackServer, host: str, port: int, log_level: str) -> None:
    """Serve until interrupted.

    Raises:
        SystemExit: The port cannot be had.
    """
    app = application(server, host, SESSION_IDLE)
    anyio.run(uvicorn.Server(configured(app, host, port, log_level)).serve)


def application(server: FlipsnackServer, host: str, idle: float) -> ASGIApp:
    """What answers requests; a session that nobody uses for so long is dropped."""
    return server.streamable_http_app(host=host, session_idle_timeout=idle)


def configured(app: ASGIApp, host: str, port: int, log_level: str, patience: Patience = PATIENCE) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(app, host=host, port=port, log_level=log_level.lower())
