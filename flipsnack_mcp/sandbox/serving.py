"""Serving a sandbox over real HTTP at one port of this machine."""

import socket
from collections.abc import Callable
from contextlib import nullcontext

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from flipsnack_mcp.sandbox.faults import ConnectionReset
from flipsnack_mcp.sandbox.requests.answers import BREAKS_OFF
from flipsnack_mcp.sandbox.sandbox import Sandbox


async def serve(sandbox: Sandbox, host: str, port: int, ready: Callable[[dict[str, str]], None]) -> None:
    """Serve until cancelled. `ready` is called with addresses and credentials once connections are accepted.

    Port 0 picks a free one. Raises OSError when the port is taken.
    """
    with listener_at(host, port) as listener:
        server = uvicorn.Server(_config(sandbox))
        server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]  # signals are the caller's
        async with anyio.create_task_group() as group:
            group.start_soon(_run, server, listener)
            try:
                while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag and no event
                    await anyio.sleep(0.01)
                ready(_addresses(sandbox, listener))
                await anyio.sleep_forever()
            finally:
                # The server itself is shielded from the cancellation, so that it can close its connections.
                server.should_exit = True


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    with anyio.CancelScope(shield=True):
        await server.serve(sockets=[listener])


def listener_at(host: str, port: int) -> socket.socket:
    """Where it is served; port 0 is a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # What it accepts inherits it. asyncio sets it only where it made the listener: without it a kept connection answers 40 ms
    # late, for the body waits until the head is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _config(sandbox: Sandbox) -> uvicorn.Config:
    return uvicorn.Config(
        _closing_quietly(sandbox.app),
        log_level="warning",
        access_log=False,  # its lines would show signed addresses
        lifespan="off",
        http="h11",  # the one that is always installed
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=1,  # a request that a fault keeps hanging must not keep the server alive
    )


def _addresses(sandbox: Sandbox, listener: socket.socket) -> dict[str, str]:
    host, port = listener.getsockname()[:2]
    at = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    leads = {"leads_url": f"{at}/_sandbox/leads"} if sandbox.webhook else {}
    return {
        "api_url": f"{at}/v1/",
        "upload_url": f"{at}/upload/v1/",
        "api_key": sandbox.api_key,
        "api_secret": sandbox.api_secret,
        **leads,
    }


def _closing_quietly(app: ASGIApp) -> ASGIApp:
    """Let no traceback come of a connection that a fault drops, or of an answer that it still holds at the end."""

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), BREAKS_OFF: {}}
        try:
            await app(scope, receive, send)
        except (ConnectionReset, anyio.get_cancelled_exc_class()):
            return

    return closing
