"""What the tests of the server work with: a sandbox, a server before it, an assistant, a person, and a witness."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import anyio
import httpx2
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData, ResourceLink, TextContent
from typing_extensions import override

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.server.views.showing import IN_META
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from tests.api.asking import Line

KEY, SECRET = "KEY-CANARY-7SG7832", "SECRET-CANARY-456-7890"
NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC, a Monday
PDF = b"%PDF-1.7\n1 0 obj << /Type /Pages /Count 2 >>\n<< /Type /Page >>\n<</Type/Page/Parent 1 0 R>>\n%%EOF\n"
CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')
Mode = Literal["auto", "legacy"]
Answer = Callable[[str], ElicitResult | ErrorData]
Given = dict[str, Any]
"""The arguments of a call, or some settings."""


class LoopClock:
    """The time of day: goes with the event loop, and can be moved on by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        try:
            return NOW + self.ahead + asyncio.get_running_loop().time()
        except RuntimeError:
            return NOW + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


class Witness:
    """Remembers everything that could be read by anybody, to look for what nobody may read."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signatures: set[str] = set()

    def saw(self, text: object) -> None:
        self.texts.append(str(text))

    def leaks(self) -> list[str]:
        secrets = {KEY, SECRET, *self.signatures}
        return [f"{secret} in {text[:300]}" for text in self.texts for secret in secrets if secret in text]


class Tapped(Line):
    """The line to the sandbox, which knows the signatures that went over it."""

    def __init__(self, sandbox: Sandbox, witness: Witness) -> None:
        super().__init__(sandbox.app)
        self._witness = witness

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._witness.signatures.update(parse_qs(request.url.query.decode()).get("signature", []))
        return await super().handle_async_request(request)


@dataclass
class Person:
    """Sits before the client: is shown a form, thinks, answers."""

    answer: Answer
    thinks: float = 2.0
    meanwhile: Callable[[], object] = lambda: None
    forms: list[str] = field(default_factory=list[str])
    asked: anyio.Event = field(default_factory=anyio.Event)
    withdrawn: bool = False

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - the SDK's name
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        self.forms.append(params.message)
        self.asked.set()
        try:
            await anyio.sleep(self.thinks)
        except anyio.get_cancelled_exc_class():
            self.withdrawn = True
            raise
        self.meanwhile()
        return self.answer(params.message)


def types(text: object, **more: Any) -> Answer:
    """Fill in the form with this and send it."""
    content: dict[str, Any] = {"title": text, **more}
    return lambda _: ElicitResult.model_construct(action="accept", content=content)


def types_what_is_asked(message: str) -> ElicitResult:
    wanted = re.search(r'type "([^"]*)"\.$', message)
    assert wanted, message
    return ElicitResult(action="accept", content={"title": wanted[1]})


def declines(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


def cancels(_: str) -> ElicitResult:
    return ElicitResult(action="cancel")


def tokens(text: str) -> int:
    """How much of a model's window a text takes."""
    return len(encoding().encode(text))


@cache
def encoding() -> Any:
    import bpe_openai  # type: ignore[import-untyped]  # noqa: PLC0415  # it has no types, and takes long to make

    return bpe_openai.get_encoding("o200k_base")


@dataclass(frozen=True)
class Said:
    """What came back from a call."""

    text: str
    is_error: bool
    data: dict[str, Any]
    progress: list[tuple[float, str]]
    seconds: float
    links: list[ResourceLink] = field(default_factory=list[ResourceLink])
    """To files that were saved."""
    aside: dict[str, Any] | None = None
    """What the view was told."""

    @property
    def code(self) -> str:
        """The one code in a refusal."""
        found = CODE.findall(self.text)
        assert len(found) == 1, self.text
        return str(found[0])


async def let_know(client: Client, served: FlipsnackServer) -> None:
    """What each answer is checked against; or else thousands of clients list the tools for it."""
    client.session._tool_output_schemas.update({one.name: one.output_schema for one in await served.list_tools()})


class Assistant:
    """An MCP client that keeps what it is told."""

    def __init__(self, client: Client, witness: Witness) -> None:
        self.client, self._witness = client, witness

    async def call(self, name: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Said:
        told: list[tuple[float, str]] = []

        async def progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the SDK's names
            self._witness.saw(message)
            told.append((progress, message or ""))

        start = anyio.current_time()
        result = await self.client.call_tool(name, {**(arguments or {}), **more}, progress_callback=progress)
        seconds = anyio.current_time() - start
        self._witness.saw(result.model_dump_json())
        first, *links = result.content
        assert isinstance(first, TextContent)
        linked = [one for one in links if isinstance(one, ResourceLink)]
        assert linked == links
        said = Said(first.text, bool(result.is_error), result.structured_content or {}, told, seconds)
        return replace(said, links=linked, aside=(result.meta or {}).get(IN_META))


@dataclass
class Bench:
    """Everything of one test."""

    sandbox: Sandbox
    clock: LoopClock
    witness: Witness
    mode: Mode
    folder: Path
    shows_views: bool = False
    """Whether its clients do."""

    @property
    def settings(self) -> Settings:
        folders: Given = {"upload_dirs": (self.folder / "uploads",), "download_dir": self.folder / "downloads"}
        return Settings(KEY, SECRET, toolsets=frozenset({"default", "legacy"}), **folders)

    @property
    def downloaded(self) -> list[str]:
        """What lies in the download folder, hidden files as well."""
        folder = self.folder / "downloads"
        return sorted(one.name for one in folder.iterdir()) if folder.exists() else []

    @property
    def requests(self) -> list[str]:
        return [one.action for one in self.sandbox.requests]

    def server(self, store: Store | None = None, **settings: Any) -> FlipsnackServer:
        return build_server(replace(self.settings, **settings), self.connect, self.clock, store)

    def connect(self, settings: Settings) -> Flipsnack:
        access = Access(settings.api_key, settings.api_secret)
        rules = BudgetRules(limits=((settings.calls_per_second, 1.0), (settings.calls_per_minute, 60.0)))
        return Flipsnack(access, Pacer(BudgetInMemory(), rules), lambda: Tapped(self.sandbox, self.witness))

    @asynccontextmanager
    async def assistant(
        self, person: Person | None = None, server: FlipsnackServer | None = None, **settings: Any
    ) -> AsyncIterator[Assistant]:
        served = server or self.server(**settings)
        shown = [advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})] if self.shows_views else None
        async with Client(
            served, mode=self.mode, elicitation_callback=person, read_timeout_seconds=300, extensions=shown
        ) as client:
            await let_know(client, served)
            yield Assistant(client, self.witness)
        for form in person.forms if person else []:
            self.witness.saw(form)

    async def call(self, name: str, /, **arguments: Any) -> Said:
        """One call by a client without forms."""
        return await self.send(name, arguments)

    async def send(self, name: str, arguments: Given, person: Person | None = None, **settings: Any) -> Said:
        """One call by a client of this person, to a server with these settings."""
        async with self.assistant(person, **settings) as assistant:
            return await assistant.call(name, arguments)

    def collection(self, title: str = "Weekly offers, Week 38") -> Any:
        return next(one for one in self.sandbox.account.collections.values() if one.title == title)

    def document(self, name: str = "offers.pdf", content: bytes = PDF) -> str:
        path = self.folder / "uploads" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def answers(self, action: str, data: object, times: int = 1) -> None:
        """Let Flipsnack give this as the `data` of its next answer."""
        body = json.dumps({"code": 20, "status": "OK", "data": data})
        self.sandbox.add_fault(Fault("http", action, times=times, http_status=200, body=body))

    def fails(self, kind: str, action: str | None = None, **details: Any) -> None:
        self.sandbox.add_fault(Fault(kind, action, **details))
