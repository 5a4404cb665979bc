"""The MCP server: the SDK's, with our own menu and our own desk behind its two documented methods."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Literal, cast

import anyio
from anyio.abc import TaskGroup
from anyio.to_thread import run_sync
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.request_state import RequestStateSecurity
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    GetPromptResult,
    Icon,
    InputRequiredResult,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)
from mcp.types import Prompt as DescribedPrompt
from mcp.types import Tool as Descriptor
from pydantic import AnyUrl
from typing_extensions import override

from flipsnack_mcp import __version__
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.server import prompts, resources
from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.consent.confirmation import Clock, Confirmation
from flipsnack_mcp.server.desk import Desk
from flipsnack_mcp.server.instructions import ICON, instructions
from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.tool import App
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.recalling import Recent

log = logging.getLogger(__name__)

HOUR = 3600.0
SETTLED_IN = 2.0
"""Seconds after which a client has its lists."""


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
            middleware=[refuse_cursors, know_the_app],
        )
        self._desk = desk

        self.completion()(completed)  # type: ignore[no-untyped-call]  # the SDK's decorator has no types

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
        return await self._desk.answer(name, arguments, Call.received(context, app.redactor.text), app)

    @override
    async def list_prompts(self) -> list[DescribedPrompt]:
        return [one.described() for one in prompts.offered(self._desk.tools)]

    @override
    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[App, Any] | None = None
    ) -> GetPromptResult:
        return prompts.filled(name, arguments or {}, self._desk.tools)

    @override
    async def list_resources(self) -> list[Resource]:
        return resources.resources()

    @override
    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return resources.templates()

    @override
    async def read_resource(
        self, uri: AnyUrl | str, context: Context[App, Any] | None = None
    ) -> list[ReadResourceContents]:
        if context is None:
            raise TypeError("reading needs its context")
        app = context.request_context.lifespan_context
        return [ReadResourceContents(content=await resources.read(app, str(uri)), mime_type=resources.JSON)]


SERVED: ContextVar[App] = ContextVar("served")
"""The app behind the request that is handled: the SDK gives it to everything but completions."""


async def know_the_app(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let a completion find it."""
    SERVED.set(ctx.lifespan_context)
    return await call_next(ctx)


async def completed(
    ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument, _context: CompletionContext | None
) -> Completion | None:
    """Hashes by title, wherever one is wanted."""
    of_prompt = isinstance(ref, PromptReference) and (ref.name, argument.name) == ("swap_issue", "old")
    of_resource = isinstance(ref, ResourceTemplateReference) and argument.name == "hash"
    return await resources.suggested(SERVED.get(), argument.value) if of_prompt or of_resource else None


async def refuse_cursors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Every list fits one page, so no cursor was ever given out: one that comes is an error, not the first page again."""
    if ctx.method.endswith("/list") and (ctx.params or {}).get("cursor") is not None:
        raise MCPError(INVALID_PARAMS, "There is no such cursor: every list fits one page.")
    return await call_next(ctx)


def app_of(settings: Settings, flipsnack: Flipsnack, store: Store, background: TaskGroup, now: Clock) -> App:
    """What all calls of a server share."""
    account, redactor = settings.account, Redactor.of(settings)
    recent = Recent(store, account)
    flipsnack.changing = recent.changing
    return App(
        settings=settings,
        redactor=redactor,
        flipsnack=flipsnack,
        confirmation=Confirmation(settings.confirm, Consents(store, account), now),
        history=History(store, account, redactor.data),
        allowance=Allowance(store, account, settings.max_deletes_per_hour, settings.max_deletes_per_day),
        recent=recent,
        store=store,
        background=background,
        now=now,
    )


async def tidied(app: App) -> None:
    """Remove what killed runs left in the download folder, once the first questions are answered."""
    await anyio.sleep(SETTLED_IN)
    from flipsnack_mcp.files.packages import remove_leftovers  # noqa: PLC0415  # tools/list must not wait for it

    try:
        await run_sync(remove_leftovers, app.download_dir)
    except Exception as error:  # noqa: BLE001  # an error that escaped would end the server for what is only tidying
        log.warning("the download folder could not be tidied: %s", type(error).__name__)


def build_server(
    settings: Settings,
    connect: Callable[[Settings], Flipsnack],
    now: Clock = time.time,
    store: Store | None = None,
) -> FlipsnackServer:
    """A server with these settings. `connect` gives the client; it is called once, when the server starts.

    Without a store, uploads are remembered as long as the server runs.
    """
    remembering = store or MemoryStore(now)

    @asynccontextmanager
    async def lifespan(_: MCPServer[App]) -> AsyncGenerator[App]:
        async with connect(settings) as flipsnack:
            try:
                async with anyio.create_task_group() as background:
                    app = app_of(settings, flipsnack, remembering, background, now)
                    background.start_soon(tidied, app)
                    yield app
                    background.cancel_scope.cancel()
            finally:
                await remembering.close()

    return FlipsnackServer(Desk(menu(settings)), settings, lifespan)
