"""Documents and files by addresses that are themselves the right: /uploads/ADDRESS takes a document, /files/ADDRESS gives a file."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import wraps
from typing import TypeAlias
from weakref import WeakValueDictionary

import anyio
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from flipsnack_mcp.api import FlipsnackError, quoted
from flipsnack_mcp.api.actions.publishing import DownloadHtml
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.away import for_strangers
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.server.service import Service
from flipsnack_mcp.server.tools.addresses import FILES_AT, UPLOADS_AT
from flipsnack_mcp.server.tools.downloads import wanted_package
from flipsnack_mcp.server.views.clickable import KINDS_OF_FILES
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.team.exchange import pages
from flipsnack_mcp.team.exchange.guessing import Guessing
from flipsnack_mcp.team.exchange.pages import PlainAnswer
from flipsnack_mcp.team.exchange.receiving import Doorman, NotTaken, announced_length, arrived
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS
from flipsnack_mcp.workflows.addresses.fetched import FetchableFile, behind_file_address
from flipsnack_mcp.workflows.addresses.handed import HandedUpload, behind_upload_address
from flipsnack_mcp.workflows.addresses.handing import Arrival, Handing
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.downloads.exports import WantedPackage, save_export
from flipsnack_mcp.workflows.progress import size_of

UPLOAD_PATHS = f"/{UPLOADS_AT}/"
TO_FETCH_PACKAGE = 40.0
"""Seconds for a package that another replica has and this one has not; then it is asked for again."""
AFTER_A_FAILURE = 30.0
"""Seconds in which a package that could not be fetched is not asked for anew."""
NOWHERE = PlainAnswer(
    404,
    "There is nothing at this address.",
    "It may have been used, its 15 minutes may be over, or it was never given out. Ask the assistant for a new one.",
)
TOO_MUCH_NOW = PlainAnswer(
    429, "There is too much to do just now.", "Nothing was changed. Try again in a minute.", retry_after=60
)
NOT_NOW = "Nothing was changed. Try again in a minute: the address is still good, if its 15 minutes are not over."
WRONG_INSIDE = PlainAnswer(500, "Something went wrong in this server.", "Ask the assistant how far it is.")
COMING = PlainAnswer(
    503, "The package is being fetched from Flipsnack.", "It will be here in a moment: ask again.", retry_after=10
)
NOT_TO_BE_HAD_NOW = PlainAnswer(
    503, "The package could not be fetched from Flipsnack.", "Try again in a minute, or ask the assistant for it.", 60
)
Answering: TypeAlias = Callable[["AtAddresses", Request], Awaitable[Response]]


def exchange_routes(server: FlipsnackServer) -> list[Route]:
    """The routes, which ask nobody who they are. Anything but these methods is answered without a look at the address."""
    exchange = AtAddresses(server)
    routes = [
        RouteOfAddresses(f"{UPLOAD_PATHS}{{address:path}}", exchange.upload, methods=["GET", "PUT", "POST"]),
        RouteOfAddresses(f"/{FILES_AT}/{{address:path}}", exchange.fetch, methods=["GET"]),
    ]
    for route in routes:
        (route.methods or set()).discard("HEAD")
    return list(routes)


class RouteOfAddresses(Route):
    """A route with an address in its path, which no answer lets a browser or a proxy keep or tell, whoever made it."""

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def kept_nowhere(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in pages.KEPT_NOWHERE.items():
                    headers.setdefault(name, value)
            await send(message)

        methods = sorted(self.methods or ())
        if scope["method"] in methods:
            return await super().handle(scope, receive, kept_nowhere)
        words = f"This address answers {', '.join(methods)} only. Nothing was done.\n"
        return await PlainTextResponse(words, 405, {"Allow": ", ".join(methods)})(scope, receive, kept_nowhere)


def address_asked_at(request: Request) -> str:
    """The address at whose path is asked; with a stroke at its end, as some programs write it, it is the same."""
    return str(request.path_params["address"]).removesuffix("/")


def answered_in_words(answering: Answering) -> Answering:
    """Answers whatever goes wrong in words of ours; the address stands in none of them, and in no log."""

    @wraps(answering)
    async def answered(exchange: "AtAddresses", request: Request) -> Response:
        try:
            return await answering(exchange, request)
        except ClientDisconnect:
            return Response(status_code=400)  # there is nobody to read it
        except Exception as error:  # noqa: BLE001  # its text could hold anything
            return failing(error, exchange.safe).to(request)

    return answered


def failing(error: Exception, safe: Callable[[str], str]) -> PlainAnswer:
    """What is said of an error; `safe` takes credentials out."""
    match error:
        case NotTaken():
            return error.reply
        case StoreUnusable():
            return PlainAnswer(503, for_strangers(error).happened, NOT_NOW, retry_after=60)
        case RefusedFile() | FlipsnackError():
            return PlainAnswer(503, safe(error.happened), NOT_NOW, retry_after=60)
        case _:
            log_unexpected("an address", error)
            return WRONG_INSIDE


class AtAddresses:
    """Answers at addresses."""

    def __init__(self, server: FlipsnackServer) -> None:
        self._server, self._doorman, self._guessing = server, Doorman(), Guessing()
        self._failed = dict[str, float]()
        self._turns = WeakValueDictionary[str, anyio.Lock]()

    @answered_in_words
    async def upload(self, request: Request) -> Response:
        """Show the page of an upload address, or take its document."""
        asked = await behind_upload_address(self._service.store, address_asked_at(request))
        app = self._app(asked.account) if asked else None
        if asked is None or app is None or app.handing is None or not may_be_sent(app, asked):
            return await self._nowhere(request)
        if request.method == "GET":
            return pages.form(meant(asked), ending_time(asked))
        app.check_settings()
        arrival = await self._taken(request, asked, app, app.handing)
        return told_to_sender(arrival).to(request) if arrival else await self._nowhere(request)

    @answered_in_words
    async def fetch(self, request: Request) -> Response:
        """Give a file."""
        found = await behind_file_address(self._service.store, address_asked_at(request))
        app = self._app(found.account) if found else None
        if found is None or app is None or app.handing is None:
            return await self._nowhere(request)
        if not self._server.still_gets(found.account, found.principal, found.tool):
            return await self._nowhere(request)
        headers, kind = pages.as_attachment(found.name), media_type_of(found.name)
        if found.content is not None:
            return Response(found.content, headers=headers, media_type=kind)
        package = wanted_package(app, DownloadHtml(collection_hash=found.collection_hash))
        if not app.handing.spool.kept(package.kept_as) and (reply := await self._fetched(app, found)):
            return reply.to(request)
        place = app.handing.spool.kept(package.kept_as)
        return FileResponse(place.file.path, headers=headers, media_type=kind) if place else COMING.to(request)

    def safe(self, text: str) -> str:
        """A text without credentials."""
        return self._service.redactor.text(text)

    @property
    def _service(self) -> Service:
        if self._server.service is None:
            raise StoreUnusable("This server is starting or ending.", "Try again in a moment.")
        return self._server.service

    def _app(self, account: str) -> App | None:
        return self._service.dispatcher().apps.get(account)

    async def _taken(self, request: Request, asked: HandedUpload, app: App, handing: Handing) -> Arrival | None:
        """Let a document in, and hand it over once it is whole, if it may still be sent then: a large one takes a while."""
        announced = announced_length(request)
        async with AsyncExitStack() as kept_open:
            with self._doorman.let_in(asked.principal):
                place = await kept_open.enter_async_context(handing.spool.place(announced))
                document = await arrived(request, asked, place)
            if not may_be_sent(app, asked):
                return None
            return await handing.hand_over(asked, document, kept_open)

    async def _fetched(self, app: App, found: FetchableFile) -> PlainAnswer | None:
        """Fetch a package that this replica has not; what is answered where it is not here then."""
        package = wanted_package(app, DownloadHtml(collection_hash=found.collection_hash))
        turn = self._turns.setdefault(package.kept_as, anyio.Lock())
        with anyio.move_on_after(TO_FETCH_PACKAGE):
            async with turn:  # one asks for it, however many want it
                return (
                    None
                    if package.spool and package.spool.kept(package.kept_as)
                    else await self._asked_for(app, package)
                )
        return COMING

    async def _asked_for(self, app: App, package: WantedPackage) -> PlainAnswer | None:
        if anyio.current_time() < self._failed.get(package.kept_as, 0.0):
            return NOT_TO_BE_HAD_NOW
        context = CallContext(app.flipsnack).within(TO_FETCH_PACKAGE)
        try:
            app.check_settings()
            exported = await save_export(context, app.downloads, package, TO_FETCH_PACKAGE)
        except FlipsnackError:
            return self._failing(package.kept_as)
        return (
            None if exported.saved else self._failing(package.kept_as) if exported.package.state == "failed" else COMING
        )

    def _failing(self, key: str) -> PlainAnswer:
        now = anyio.current_time()
        self._failed = {one: until for one, until in self._failed.items() if until > now}
        self._failed[key] = now + AFTER_A_FAILURE
        return NOT_TO_BE_HAD_NOW

    async def _nowhere(self, request: Request) -> Response:
        """The one answer to all addresses that lead nowhere, whyever; who guesses has to wait for it."""
        waited = await self._guessing.wait(anyio.current_time())
        return (NOWHERE if waited else TOO_MUCH_NOW).to(request)


def may_be_sent(app: App, asked: HandedUpload) -> bool:
    """Whether what an address was given out for could still be asked for, by whoever asked."""
    return asked.tool in app.offered and app.still_may(asked.principal)


def meant(asked: HandedUpload) -> str:
    """What a document will become."""
    title = asked.arguments.get("title")
    if asked.tool != "create_collection":
        return "another document of a collection"
    return f"the collection {quoted(str(title), 120)}" if title else "a new collection"


def ending_time(asked: HandedUpload) -> str:
    """When an address ends, as a person reads it."""
    return datetime.fromtimestamp(asked.made_shown + ADDRESS_SECONDS, UTC).strftime("%H:%M")


def told_to_sender(arrival: Arrival) -> PlainAnswer:
    """What whoever sent a document is told."""
    pages_told = f", {as_many(arrival.pages, 'page')}" if arrival.pages is not None else ""
    whole = f"{size_of(arrival.size)}{pages_told}"
    match arrival.ending:
        case "begun":
            going = "It is being sent to Flipsnack now. The assistant goes on from here; this page can be closed."
            return PlainAnswer(202, f"The document has arrived ({whole}).", going)
        case "double":
            again = (
                "Nothing was sent again: the assistant has that upload. To send it all the same, ask for again=true."
            )
            return PlainAnswer(409, "The same document and title was uploaded less than a day ago.", again)
        case "late":
            other = "This one was not uploaded. Ask the assistant what became of the other."
            return PlainAnswer(409, "Another document arrived at this address first.", other)
        case "refused":
            return PlainAnswer(
                422, arrival.said, f"{whole} came. Nothing was uploaded. Ask the assistant for a new address."
            )


def media_type_of(name: str) -> str:
    """The type of a file by its name, which this server has given it."""
    return next((kind for end, kind in KINDS_OF_FILES.items() if name.endswith(end)), "application/octet-stream")
