"""Long work under test: a line that takes its time, a store that breaks, and processes that are killed at any moment."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
from typing_extensions import override

from flipsnack_mcp.api import StatusName
from flipsnack_mcp.api.actions.publishing import CreateCollection, DownloadHtml
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.pace import BudgetInMemory as Budget
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.store.records import Records, Store, T
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.downloads.exports import Downloads, Exported, WantedPackage, save_export
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.lookout import Lookout
from flipsnack_mcp.workflows.progress import Progress
from flipsnack_mcp.workflows.uploads.following import Followed, follow
from flipsnack_mcp.workflows.uploads.journal import UPLOAD, Journal, JournalEntry
from flipsnack_mcp.workflows.uploads.sending import Uploads
from flipsnack_mcp.workflows.uploads.source import Source
from tests.api.asking import KEY, PDF, SECRET, Line
from tests.server.bench import LoopClock

CREATE = "collection.create"
PIECE = 256 * 1024
LASTING = ("after transaction", "answer")
"""The moments before which something lasting happened: killed at any other, nobody could tell it from the one before."""
Moment = Callable[[str], Awaitable[None]]


async def unnoticed(_: str) -> None:
    """Let every moment pass."""


def of_title(sandbox: Sandbox, title: str) -> str:
    """The hash of the first collection with it."""
    return next(one.hash for one in sandbox.account.collections.values() if one.title == title)


class Told(list[str]):
    """Everything that was told, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self.progress: list[Progress] = []

    async def __call__(self, progress: Progress) -> None:
        self.append(progress.message)
        self.progress.append(progress)
        self.at.append(anyio.current_time())


@dataclass
class Road:
    """How slow the line is, and what went over it."""

    upload_seconds: float = 0.0
    """For each piece of an upload."""
    package_seconds: float = 0.0
    """For each of the ten pieces of a package."""
    package: Callable[[int], bytes | int | None] | None = None
    """What comes instead of the package at its n-th transfer: other bytes, or an HTTP status."""
    missing: int = 0
    """Bytes of a package that are announced and do not come."""
    moment: Moment = unnoticed
    bytes_up: int = 0
    transfers: int = 0
    at_once: int = 0
    most_at_once: int = 0


class Pieces(httpx2.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces


class Travelled(httpx2.AsyncBaseTransport):
    """Any line, over this road."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, road: Road) -> None:
        self._inner, self._road = inner, road

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/_packages/"):
            return await self._package(request)
        await self._road.moment("request")
        if request.method == "POST":
            assert isinstance(request.stream, httpx2.AsyncByteStream)
            request.stream = Pieces(self._upload(request.stream))
        response = await self._inner.handle_async_request(request)
        await self._road.moment("answer")
        return response

    async def _upload(self, document: httpx2.AsyncByteStream) -> AsyncIterator[bytes]:
        road = self._road
        road.at_once += 1
        road.most_at_once = max(road.most_at_once, road.at_once)
        try:
            async for piece in document:
                await road.moment("piece")
                await anyio.sleep(road.upload_seconds)
                road.bytes_up += len(piece)
                yield piece
        finally:
            road.at_once -= 1

    async def _package(self, request: httpx2.Request) -> httpx2.Response:
        self._road.transfers += 1
        await self._road.moment("package")
        other = self._road.package(self._road.transfers) if self._road.package else None
        if isinstance(other, int):
            return httpx2.Response(other, request=request)
        response = await self._inner.handle_async_request(request)
        content = await response.aread() if other is None else other
        if response.status_code != 200:
            return response
        headers = {"content-length": str(len(content) + self._road.missing)}
        return httpx2.Response(200, headers=headers, stream=Pieces(self._download(content)), request=request)

    async def _download(self, content: bytes) -> AsyncIterator[bytes]:
        step = max(1, -(-len(content) // 10))
        for start in range(0, len(content), step):
            await self._road.moment("package")
            await anyio.sleep(self._road.package_seconds)
            yield content[start : start + step]


@dataclass
class Fragile:
    """A store that fails from some moment on."""

    store: Store
    error: Exception | None = None
    shared: bool = True
    before: Moment = unnoticed
    """Called before each transaction."""
    cut: bool = False
    """Nothing reaches it any more: its process is gone."""

    async def transact(self, work: Callable[[Records], T]) -> T:
        await self.before("transaction")
        if self.cut:
            await anyio.sleep_forever()
        if self.error is not None:
            raise self.error
        return await self.store.transact(work)

    async def close(self) -> None:
        await self.store.close()


@dataclass
class Mortal(Fragile):
    """The store as one process sees it that is killed at its n-th moment: from then on nothing is written any more."""

    dies_at: int = 0
    cleanly: bool = False
    """Not killed but ended, as when the client goes away: what it still writes counts."""
    only: tuple[str, ...] = ()
    """The only moments that count; all of them if there are none."""
    moments: list[str] = field(default_factory=list[str])
    died: anyio.Event = field(default_factory=anyio.Event)

    async def moment(self, what: str) -> None:
        if self.died.is_set() or (self.only and what not in self.only):
            return
        self.moments.append(what)
        if len(self.moments) > self.dies_at:
            self.cut = not self.cleanly
            self.died.set()
            await anyio.sleep_forever()

    async def live(self, call: Callable[[], Awaitable[object]]) -> None:
        """Until it is killed, or until what it was called for is done."""
        async with anyio.create_task_group() as life:

            async def to_the_end() -> None:
                await call()
                self.died.set()

            life.start_soon(to_the_end)
            await self.died.wait()
            life.cancel_scope.cancel()

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        await self.moment("before transaction")
        result = await super().transact(work)
        await self.moment("after transaction")
        return result


@dataclass(frozen=True)
class Process:
    """One server process, as far as uploads and downloads go, and the calls that a person makes of it."""

    flipsnack: Flipsnack
    uploads: Uploads
    downloads: Downloads

    @property
    def context(self) -> CallContext:
        return CallContext(self.flipsnack, anyio.current_time() + 45)

    async def begin(
        self, path: Path, title: str | None = "Brand new", *, again: bool = False, status: StatusName = "editable"
    ) -> tuple[JournalEntry, bool]:
        """Upload a file in the background, as the tool does."""
        async with AsyncExitStack() as kept_open:
            document = await kept_open.enter_async_context(open_document(str(path), (path.parent,)))
            action = CreateCollection(title=title, status=status)
            return await self.uploads.begin(Source(action, document), kept_open, again=again)

    async def stop(self, upload_id: str) -> None:
        await self.uploads._jobs.stop(UPLOAD, upload_id)

    async def now(self, entry: JournalEntry) -> JournalEntry:
        seen = await self.uploads.journal.find(entry.upload_id)
        assert seen is not None
        return seen

    async def ended(self, entry: JournalEntry, seconds: float = 300) -> JournalEntry:
        """The entry once nobody works on it any more."""
        return await self.uploads.watch(CallContext(self.flipsnack), entry, seconds)

    async def reconciled(self, entry: JournalEntry) -> JournalEntry:
        """The entry once this process has looked what came of the uploads of others."""
        await self.uploads.reconcile(self.context)
        return await self.now(entry)

    async def followed(self, entry: JournalEntry, seconds: float = 40) -> Followed:
        return await follow(self.context, self.uploads, await self.now(entry), seconds)

    async def saved(self, action: DownloadHtml, folder: Path, seconds: float = 30) -> Exported | FlipsnackError:
        """What a call for a package is answered."""
        order = WantedPackage(action, folder, "https://api.flipsnack.com/v1/")
        try:
            return await save_export(self.context, self.downloads, order, seconds)
        except FlipsnackError as error:
            return error


@dataclass
class LongWork:
    """A Flipsnack, a line to it, a store that outlives processes, and a folder."""

    sandbox: Sandbox
    clock: LoopClock
    store: Store
    folder: Path
    road: Road = field(default_factory=Road)
    another: Callable[[], Store] | None = None
    opened: list[Store] = field(default_factory=list[Store])
    """Those that were taken instead of the first."""

    def another_store(self) -> Store:
        """An empty one of the same kind."""
        self.opened.append(self.another() if self.another else MemoryStore(self.clock))
        return self.opened[-1]

    @property
    def created(self) -> int:
        return len(self.sandbox.carried_out(CREATE))

    @property
    def attempts(self) -> int:
        return len([one for one in self.sandbox.requests if one.action == CREATE])

    def paper(self, name: str = "offers.pdf", pieces: int = 4) -> Path:
        """A document of so many pieces, unlike every other."""
        path = self.folder / name
        if not path.exists():  # written anew it would count as changed
            path.write_bytes(PDF + name.encode() + bytes((pieces - 1) * PIECE))
        return path

    @asynccontextmanager
    async def server(
        self, store: Store | None = None, road: Road | None = None, account: str = "mine"
    ) -> AsyncIterator[tuple[Flipsnack, Jobs]]:
        """What one server process stands on, which is ended at the end."""
        road = road or self.road
        client = Flipsnack(Access(KEY, SECRET), Pacer(Budget()), lambda: Travelled(Line(self.sandbox.app), road))
        async with client as flipsnack, anyio.create_task_group() as background:
            yield flipsnack, Jobs(Lookout(store or self.store, background), account)
            background.cancel_scope.cancel()

    @asynccontextmanager
    async def process(
        self, store: Store | None = None, road: Road | None = None, account: str = "mine"
    ) -> AsyncIterator[Process]:
        async with self.server(store, road, account) as (flipsnack, jobs):
            uploads = Uploads(flipsnack, Journal(jobs.store, account), jobs)
            downloads = Downloads(flipsnack, Jobs(Lookout(MemoryStore(self.clock), jobs._background), account))
            yield Process(flipsnack, uploads, downloads)

    @asynccontextmanager
    async def begun(
        self, store: Store | None = None, road: Road | None = None, title: str | None = "Brand new"
    ) -> AsyncIterator[tuple[Process, JournalEntry]]:
        """A process, and the upload that it has begun."""
        async with self.process(store, road) as process:
            entry, _ = await process.begin(self.paper(), title)
            yield process, entry

    async def killed(
        self, path: Path, moment: str, which: int = 1, title: str | None = "Brand new", *, cleanly: bool = False
    ) -> JournalEntry:
        """The entry of an upload whose process ended at this moment, half a minute ago if it was killed."""
        mortal = Mortal(self.store, dies_at=which - 1, cleanly=cleanly, only=(moment,))
        async with self.process(mortal, Road(upload_seconds=0.5, moment=mortal.moment)) as process:
            entry, _ = await process.begin(path, title)
            with anyio.fail_after(300):
                await mortal.died.wait()
        self.clock.advance(0 if cleanly else DEAD_AFTER + 1)
        return entry
