"""The MCP server: the SDK's, with our own menu and our own dispatcher behind its documented methods."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal, cast

import anyio
from mcp import MCPError, types
from mcp.server.apps import client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE, RequestBodyLimitMiddleware
from pydantic import AnyUrl
from typing_extensions import override

from flipsnack_mcp import __version__
from flipsnack_mcp.api import Flipsnack
from flipsnack_mcp.server import prompts, resources
from flipsnack_mcp.server.arriving.bodies import RereadBodies
from flipsnack_mcp.server.arriving.inlet import NOTHING_HEARD, Heard, inlet
from flipsnack_mcp.server.arriving.lines import Reread
from flipsnack_mcp.server.arriving.observing import Observing
from flipsnack_mcp.server.arriving.parameters import Arriving
from flipsnack_mcp.server.arriving.replayed import Unrepeated
from flipsnack_mcp.server.arriving.resuming import BegunAnew
from flipsnack_mcp.server.callers.accounts import ARGUMENT, identity_of
from flipsnack_mcp.server.callers.offer import Guard, Offers
from flipsnack_mcp.server.consent.keys import KeysInFile, KeysInStore
from flipsnack_mcp.server.consent.reply import read_odd_answers
from flipsnack_mcp.server.consent.sealing import KeyRing
from flipsnack_mcp.server.events import Events, keeping_to_own
from flipsnack_mcp.server.instructions import ICON
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.server.service import Service, serving
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.server.views import declaring
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import Clock, moment
from flipsnack_mcp.store.opening import channel_of
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore

log = logging.getLogger(__name__)


class FlipsnackServer(MCPServer[Service]):
    """An MCPServer whose menu and dispatch are ours. Everything else stays the SDK's."""

    def __init__(self, offers: Offers, lifespan: Any, keys: KeyRing, events: Events) -> None:
        settings = offers.settings
        super().__init__(
            "flipsnack",
            title="Flipsnack",
            version=__version__,
            instructions=offers.now.instructions,
            website_url="https://www.flipsnack.com/",
            icons=[types.Icon(src=ICON, mime_type="image/svg+xml", sizes=["any"])],
            lifespan=lifespan,
            log_level=cast('Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]', settings.log_level),
            request_state_security=keys.security,
            subscriptions=events,
            middleware=[
                *(refuse_cursors, know_the_request, keys.before_sealing, read_odd_answers),
                keeping_to_own(settings.every),
            ],
            extensions=[declaring.Views()],
        )
        self.middleware.insert(0, keys.before_opening)
        self._offers = offers
        self.service: Service | None = None
        """What answers, as long as it serves: also for requests that are none of the protocol's."""
        # Outside the SDK's seal, which binds a question to the arguments of its call as they arrive here.
        self.middleware.insert(0, Arriving(menu(settings)))
        self.middleware.insert(0, offers.know_the_caller)
        self.middleware.insert(0, Observing(menu(settings)))
        self.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK's decorator has no types

    def still_gets(self, account: str, principal: str, tool: str) -> bool:
        """Whether whoever was given the address of a file may still have it."""
        return self._offers.still_gets(account, principal, tool)

    def guarded_by(self, guard: Guard) -> None:
        """Let work in the background go on only as long as whoever had it begun may have it done."""
        self._offers.guard = guard

    @override
    async def run_stdio_async(
        self,
        stdin: anyio.AsyncFile[str] | None = None,
        stdout: anyio.AsyncFile[str] | None = None,
        heard: Heard = NOTHING_HEARD,
    ) -> None:
        """Serve until the client goes, also where it closes what it reads from before what it writes to."""
        with inlet(heard.lines) as end_reading:
            try:
                async with stdio_server(stdin, stdout) as (lines, answers):
                    try:
                        known = self._lowlevel_server.create_initialization_options()
                        new = Unrepeated(answers, heard.answered)
                        await self._lowlevel_server.run(Reread(lines, new), new, known)
                    finally:
                        end_reading()
            except* BrokenPipeError:
                log.debug("the client closed its end")
            except* OSError as lost:
                log.error("stdin or stdout failed: %s", "; ".join(str(one) for one in lost.exceptions))  # noqa: TRY400

    @override
    def streamable_http_app(self, **options: Any) -> Any:
        """The SDK's application, with a look at what is posted before it."""
        application = super().streamable_http_app(**options)
        application.router.redirect_slashes = False  # it knows neither the name nor the https that a client asked by
        application.add_middleware(BegunAnew)
        application.add_middleware(RereadBodies)
        most = options.get("max_request_body_size", DEFAULT_MAX_REQUEST_BODY_SIZE)
        application.add_middleware(RequestBodyLimitMiddleware, max_body_size=most)
        return application

    @override
    async def list_tools(self) -> list[types.Tool]:
        return list(self._offers.now.menu.values())

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Service, Any] | None = None
    ) -> types.CallToolResult | types.InputRequiredResult:
        if context is None:
            raise TypeError("a call needs its context")
        service = context.request_context.lifespan_context
        request = ToolRequest(context, service.redactor.text)
        return await request.carried_out(partial(service.dispatcher().answer, name, arguments, request))

    @override
    async def list_prompts(self) -> list[types.Prompt]:
        return [*prompts.offered_prompts(self._offers.now.settings, self._offers.now.rights)]

    @override
    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Service, Any] | None = None
    ) -> types.GetPromptResult:
        safe = HANDLED.get().lifespan_context.redactor.text  # a key that a person wrote in the wrong field
        given = {safe(argument): safe(str(value)) for argument, value in (arguments or {}).items()}
        return prompts.fill_prompt(safe(name), given, self._offers.now.settings, self._offers.now.rights)

    @override
    async def list_resources(self) -> list[types.Resource]:
        offer = self._offers.now
        view = [declaring.listed_view(offer.settings.every)] if client_supports_apps(HANDLED.get()) else []
        skill = [resources.SKILL] if offer.readable else []
        return [*resources.listed_resources(offer.readable, several=self._offers.several), *skill, *view]

    @override
    async def list_resource_templates(self) -> list[types.ResourceTemplate]:
        return resources.listed_templates(self._offers.now.readable, several=self._offers.several)

    @override
    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Service, Any] | None = None
    ) -> list[ReadResourceContents]:
        if str(uri) == declaring.VIEW_ADDRESS:
            return [declaring.read_view(self._offers.now.settings.every)]
        if str(uri) == resources.SKILL_ADDRESS:
            skill = resources.SKILL_FILE.read_text(encoding="utf-8")
            return [ReadResourceContents(content=skill, mime_type=resources.MARKDOWN)]
        content = await HANDLED.get().lifespan_context.dispatcher().read(str(uri))
        return [ReadResourceContents(content=content, mime_type=resources.JSON)]


HANDLED: ContextVar[ServerRequestContext[Service, Any]] = ContextVar("handled")
"""The request that is handled, with the service behind it: the SDK gives it to neither completions nor lists."""


async def know_the_request(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let whatever handles the request find it."""
    HANDLED.set(ctx)
    return await call_next(ctx)


async def complete(
    ref: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> types.Completion | None:
    """What an argument may be, for who is typing; names of accounts, and words that an argument takes."""
    dispatcher, given = HANDLED.get().lifespan_context.dispatcher(), (context and context.arguments) or {}
    if argument.name == ARGUMENT:
        return dispatcher.suggest_accounts(argument.value)
    if isinstance(ref, types.ResourceTemplateReference):
        kind, given = resources.KINDS.get(argument.name), {**given, **resources.account_in_template(ref.uri)}
    elif words := prompts.suggest_words(ref.name, argument.name, argument.value):
        return words
    else:
        kind = prompts.completed_as(ref.name, argument.name)
    return await dispatcher.suggest(kind, argument.value, given) if kind else None


async def refuse_cursors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Every list fits one page, so no cursor was ever given out: one that comes is an error, not the first page again."""
    if ctx.method.endswith("/list") and (ctx.params or {}).get("cursor") is not None:
        raise MCPError(types.INVALID_PARAMS, "There is no such cursor: every list fits one page.")
    return await call_next(ctx)


def build_server(
    settings: Settings,
    connect: Callable[[Settings], Flipsnack],
    now: Clock = moment,
    store: Store | None = None,
) -> FlipsnackServer:
    """A server with these settings. `connect` gives the client of an account; it is called once for each, at the start.

    Without a store, uploads are remembered as long as the server runs.
    """
    remembering, offers = store or MemoryStore(now), Offers(settings)
    events = Events(channel_of(remembering))

    @asynccontextmanager
    async def lifespan(served: MCPServer[Service]) -> AsyncGenerator[Service]:
        async with serving(offers, connect, now, remembering, events) as service:
            cast("FlipsnackServer", served).service = service
            yield service

    keys = KeysInFile(settings.state_key_file) if settings.state_key_file else KeysInStore(remembering)
    ring = KeyRing(keys, lambda arguments: identity_of(offers.now.settings.every, arguments))
    return FlipsnackServer(offers, lifespan, ring, events)
