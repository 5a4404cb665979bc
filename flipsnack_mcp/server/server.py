"""The MCP server: the SDK's, with our own menu and our own desk behind its two documented methods."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.request_state import RequestStateSecurity
from mcp.types import INVALID_PARAMS, CallToolResult, Icon, InputRequiredResult
from mcp.types import Tool as Descriptor
from typing_extensions import override

from flipsnack_mcp import __version__
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.confirmation import Clock, Confirmation
from flipsnack_mcp.server.desk import Desk
from flipsnack_mcp.server.instructions import ICON, instructions
from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.server.tool import App
from flipsnack_mcp.settings import Settings

HOUR = 3600.0


class FlipsnackServer(MCPServer[App]):
    """An MCPServer whose menu and dispatch are ours. Everything else stays the SDK's."""

    def __init__(self, desk: Desk, settings: Settings, lifespan: Any) -> None:
        super().__init__(
            "flipsnack",
            title="Flipsnack",
            version=__version__,
            instructions=instructions(settings),
            website_url="https://www.flipsnack.com/",
            icons=[Icon(src=ICON, mime_type="image/svg+xml", sizes=["any"])],
            lifespan=lifespan,
            log_level=cast('Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]', settings.log_level),
            # The SDK's own ten minutes end in a protocol error no model sees: ours come first, with a text.
            request_state_security=RequestStateSecurity.ephemeral(ttl=HOUR),
            middleware=[refuse_cursors],
        )
        self._desk = desk

    @override
    async def list_tools(self) -> list[Descriptor]:
        return [tool.described() for tool in self._desk.tools.values()]

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[App, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if context is None:
            raise TypeError("a call needs its context")
        app = context.request_context.lifespan_context
        return await self._desk.answer(name, arguments, Call.received(context), app)


async def refuse_cursors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Every list fits one page, so no cursor was ever given out: one that comes is an error, not the first page again."""
    if ctx.method.endswith("/list") and (ctx.params or {}).get("cursor") is not None:
        raise MCPError(INVALID_PARAMS, "There is no such cursor: every list fits one page.")
    return await call_next(ctx)


def build_server(
    settings: Settings, connect: Callable[[Settings], Flipsnack], now: Clock | None = None
) -> FlipsnackServer:
    """A server with these settings. `connect` gives the client; it is called once, when the server starts."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[App]) -> AsyncGenerator[App]:
        confirmation = Confirmation(settings.confirm, now) if now else Confirmation(settings.confirm)
        async with connect(settings) as flipsnack:
            yield App(settings, flipsnack, confirmation)

    return FlipsnackServer(Desk(menu(settings)), settings, lifespan)
