"""What answers requests on HTTP: the one place where its paths and the layers before them come together.

From the outside in: the line of each request in the log, the name by which the server is addressed, its end, who calls,
how much one may; then the protocol.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from flipsnack_mcp.redis_address import is_redis
from flipsnack_mcp.server.by_address.own_files import remarks_on_files
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.redis.presence import why_no_changes
from flipsnack_mcp.store.redis.promises import broken_promises
from flipsnack_mcp.team.authentication.challenges import DESCRIBED_AT, resource_of
from flipsnack_mcp.team.authentication.door import behind_door
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.team.ending import Ending, UnderWay
from flipsnack_mcp.team.exchange.hooks import HOOKS_AT, beside_hooks, hook_routes
from flipsnack_mcp.team.exchange.routes import UPLOAD_PATHS, exchange_routes
from flipsnack_mcp.team.heads import MCP, header_of, values_of_header
from flipsnack_mcp.team.host_check import Names, names_bound_to
from flipsnack_mcp.team.limits import Limits, Strangers
from flipsnack_mcp.team.operating.lines import RequestLines
from flipsnack_mcp.team.readiness import Check, Readiness, accounts_can_be_asked, store_answers
from flipsnack_mcp.team.refusing import InWords, TurnedAway
from flipsnack_mcp.team.sessions import Sessions

SESSION_IDLE = 1800.0
"""Seconds without a request after which a session is dropped."""
STRANGERS_EACH_SECOND = 50
ABOUT_HEALTH = frozenset({"/health", "/ready"})
OF_A_PAGE_WITHOUT_REFERRER = "null"
"""What a browser says of the form at an upload address: its page gives no referrer, so that the address stands nowhere."""
SAY_HOW_LONG = {b"content-length", b"transfer-encoding"}
TWO_LENGTHS = TurnedAway(
    400,
    "This request says twice how long it is. Nothing was done. Send Content-Length or Transfer-Encoding, not both.",
    closes=True,
)
"""What stands before this server may have read the other, and take what follows for the next request of somebody else."""
PACKED = TurnedAway(415, "This request came packed. Nothing was done. Send it as it is, without Content-Encoding.")
NOT_CALLED_JSON = TurnedAway(
    415, 'The header Content-Type has to say "application/json". Nothing was done. Send it again with that.'
)
"""The SDK says so in a plain text, of which most clients keep the status alone; curl -d calls all it sends a form."""
ELSEWHERE_MEANT = {
    421: TurnedAway(
        421,
        "This server has another name (Invalid Host header). Nothing was done. Use the address that whoever runs it gives "
        "out: FLIPSNACK_PUBLIC_URL says it here, and what stands before the server has to hand its name on.",
    ),
    403: TurnedAway(
        403,
        "This web page may not speak to this server (Invalid Origin header). Nothing was done. Pages of its own address "
        "may, which whoever runs it says with FLIPSNACK_PUBLIC_URL; for all else take a client that is no web page.",
    ),
}


def application(
    server: FlipsnackServer,
    settings: Settings,
    store: Store,
    host: str,
    ending: Ending,
    *,
    idle: float = SESSION_IDLE,
) -> ASGIApp:
    """What answers requests; a session that nobody uses for so long is dropped."""
    keeps_sessions = settings.sticky or not settings.one_of_several
    protocol = server.streamable_http_app(
        streamable_http_path=MCP,
        stateless_http=not keeps_sessions,
        session_idle_timeout=idle,
        max_request_body_size=settings.body_kilobytes * 1024,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # `Addressed` looks
    )
    kept: ASGIApp = Sessions(protocol, idle) if keeps_sessions and settings.team else protocol
    spoken = AtItsPath(InWords(kept), resource_of(settings))
    authentication = Authentication(settings)
    server.guarded_by(authentication)
    readiness = Readiness(
        faults_of(settings, store, authentication), remarks_on(settings, authentication), ends=lambda: ending.begun
    )
    by_address = exchange_routes(server) if settings.team else []
    hooks = hook_routes(settings, store)
    routes: Sequence[BaseRoute] = [*readiness.routes, *authentication.routes, *by_address, *hooks]
    router = Router(routes, redirect_slashes=False, default=let_in(spoken, settings, authentication))
    router.lifespan_context = beside_it(protocol.router.lifespan_context, beside_hooks(settings, store))
    names = names_bound_to(host, settings.public_url)
    return RequestLines(Addressed(UnderWay(router, ending, keeps_sessions), names), names.path)


def beside_it(lifespan: Lifespan[Any], works: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> Lifespan[Any]:
    """A lifespan, and works that go on as long as it."""

    @asynccontextmanager
    async def both(app: Any) -> AsyncGenerator[Any]:
        async with lifespan(app) as state, anyio.create_task_group() as beside:
            for work in works:
                beside.start_soon(work)
            yield state
            beside.cancel_scope.cancel()

    return both


def let_in(protocol: ASGIApp, settings: Settings, authentication: Authentication) -> ASGIApp:
    """The protocol for those who are let in, each within their limits; where nobody is told apart, for everybody."""
    if not settings.team:
        return behind_door(protocol, authentication)
    limited = partial(Limits, settings=settings)
    return Strangers(behind_door(protocol, authentication, limited), STRANGERS_EACH_SECOND)


def faults_of(settings: Settings, store: Store, authentication: Authentication) -> list[Check]:
    """What is looked at before this server counts as ready."""

    async def tokens_can_be_read() -> list[str]:
        return ["The file of tokens cannot be read, so nobody is let in by it."] if authentication.trouble() else []

    on_store = [partial(why_no_changes, settings.state)] if is_redis(settings.state) else []
    return [store_answers(store, *on_store), accounts_can_be_asked(settings), tokens_can_be_read]


def remarks_on(settings: Settings, authentication: Authentication) -> list[Check]:
    """What is told with it, and lets it be ready: what all replicas share would end all of them at once."""

    async def files_can_be_used() -> list[str]:
        return await run_sync(remarks_on_files, settings)

    async def somebody_has_a_token() -> list[str]:
        return ["Nobody has a token of the file yet."] if authentication.nobody_yet else []

    on_store = [partial(broken_promises, settings.state)] if is_redis(settings.state) else []
    return [*on_store, files_can_be_used, somebody_has_a_token]


@dataclass(frozen=True)
class AtItsPath:
    """The protocol, and the word where it is spoken for who asks elsewhere: a client has often half of the address."""

    app: ASGIApp
    where: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        return await (refusal.tell(send) if refusal else self.app(scope, receive, send))

    def _refusal(self, scope: Scope) -> TurnedAway | None:
        if scope["path"] != MCP:
            words = f"There is nothing at this path: this server's address for MCP is {self.where}. Nothing was done."
            return TurnedAway(404, words)
        if header_of(scope, b"content-encoding").lower() not in {b"", b"identity"}:
            return PACKED
        called = header_of(scope, b"content-type").lower()  # as the SDK reads it
        return None if scope["method"] != "POST" or called.startswith(b"application/json") else NOT_CALLED_JSON


@dataclass(frozen=True)
class Addressed:
    """An application that gets only what was meant for this server, by paths of its own."""

    app: ASGIApp
    names: Names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if {name for name, _ in scope["headers"]} >= SAY_HOW_LONG:
            return await TWO_LENGTHS.tell(send)
        # A balancer may hand on the path of the public address, or take off what stands before ours.
        path = scope["path"]
        if self.names.path and path.startswith(f"{self.names.path}/"):
            path = path.removeprefix(self.names.path)
        path = MCP if path == f"{MCP}/" else path  # as many write it
        scope = {**scope, "path": path}
        if path not in ABOUT_HEALTH and (status := self._refusal(scope, path)):
            return await ELSEWHERE_MEANT[status].tell(send)
        return await self.app(scope, receive, send)

    def _refusal(self, scope: Scope, path: str) -> int:
        if path.startswith(f"/{HOOKS_AT}/"):
            return 0  # nothing a browser has of anybody is a right there, and whatever is refused is a lead lost
        origins = values_of_header(scope, b"origin")
        if path.startswith(DESCRIBED_AT):
            origins = []  # nobody's: the pages of inspectors and of authorization servers look whom to ask for a token
        if path.startswith(UPLOAD_PATHS) and origins == [OF_A_PAGE_WITHOUT_REFERRER]:
            origins = []
        return self.names.refuse(values_of_header(scope, b"host"), origins)
