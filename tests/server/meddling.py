"""A colleague who changes the target between the last look and the act, and what delays the act until then."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import anyio
import httpx2
from typing_extensions import override

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Records, T
from flipsnack_mcp.store.sqlite import MemoryStore
from tests.server.bench import Assistant, Bench, Tapped

GET = "collection.getCollection"
TITLE = "Summer catalogue 2026"
PICTURE = "https://example.com/logo.png"
JOBS = {
    "delete_collection": ("delete_collection", "collection.deleteCollection"),
    "delete_flipbook": ("delete_flipbook", "flipbook.delete"),
    "delete_logo": ("delete_logo", "collection.deleteLogo"),
    "delete_background_image": ("delete_background_image", "collection.deleteBackgroundImage"),
    "take offline": ("update_collection", "collection.update"),
    "set_logo": ("set_logo", "collection.setLogo"),
    "set_background_image": ("set_background_image", "collection.setBackgroundImage"),
    "plan": ("update_collections", "collection.update"),
    "deletions": ("delete_collections", "collection.deleteCollection"),
}
ACTS = frozenset(action for _, action in JOBS.values())
AS_LONG_AS = 2.0
"""Seconds for which a look holds."""
REFUSALS = {"maintenance": "maintenance", "per_second": "per_second", "per_minute": "per_minute"}


@dataclass
class Left:
    """An act that left for Flipsnack: when, and how its target was then, and at the last look before it."""

    action: str
    at: float
    title: str
    status: str
    looked_like: tuple[str, str]


@dataclass
class Colleague:
    """Watches what goes over the line from the yes on, and makes one change."""

    target: Any
    change: str
    after: float
    watching: bool = False
    changed_at: float | None = None
    left: list[Left] = field(default_factory=list[Left])
    looked_like: tuple[str, str] = ("", "")
    """Title and status at the last look."""

    def acts(self, action: str) -> None:
        self.left.append(Left(action, anyio.current_time(), self.target.title, self.target.status, self.looked_like))

    def make_it(self) -> None:
        if self.changed_at is not None:
            return
        self.changed_at = asyncio.get_running_loop().time()
        if self.change == "items":
            self.target.items = self.target.items[1:]
        else:
            setattr(self.target, self.change, {"title": "Annual report, final", "status": "unlisted"}[self.change])

    def saw_a_look(self) -> None:
        if self.watching:
            self.watching = False
            asyncio.get_running_loop().call_later(max(self.after, 0.0), self.make_it)

    @property
    def too_late(self) -> list[Left]:
        """What left more than two seconds after the change was made."""
        if self.changed_at is None:
            return []
        return [one for one in self.left if one.at > self.changed_at + AS_LONG_AS]


class Watched(Tapped):
    """The line, with the colleague beside it."""

    def __init__(self, bench: "MeddledBench") -> None:
        super().__init__(bench.sandbox, bench.witness)
        self._bench = bench

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        colleague, action = self._bench.colleague, action_of(request)
        if action in ACTS:
            if self._bench.unplugged:
                self._bench.unplugged -= 1
                raise httpx2.ConnectError("no way", request=request)
            colleague.acts(action)
        if action == GET and colleague.after < 0 and colleague.watching:
            asyncio.get_running_loop().call_later(0.5, colleague.make_it)
            colleague.watching = False
            response = await super().handle_async_request(request)
            await anyio.sleep(-colleague.after)
            return response
        response = await super().handle_async_request(request)
        if action == GET:
            colleague.saw_a_look()
            colleague.looked_like = looks_in(await response.aread())
        return response


def looks_in(answer: bytes) -> tuple[str, str]:
    """Title and status in an answer to a look."""
    found: dict[str, Any] = json.loads(answer).get("data") or {}
    return str(found.get("collectionTitle", "")), str(found.get("collectionStatus", ""))


def action_of(request: httpx2.Request) -> str:
    """What is asked; of an upload only that it is one of a picture."""
    if request.method == "POST":
        return "collection.setLogo"
    return parse_qs(request.url.query.decode()).get("action", [""])[0]


@dataclass
class SlowStore(MemoryStore):
    """One whose every transaction takes so long."""

    clock: Callable[[], float]
    seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__init__(self.clock)

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        await anyio.sleep(self.seconds)
        return await super().transact(work)


@dataclass
class MeddledBench(Bench):
    """A bench with a colleague, a store that can be slow, and a budget that can be tight."""

    colleague: Colleague = field(init=False)
    limits: tuple[tuple[int, float], ...] = ((1000, 1.0),)
    unplugged: int = 0

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        pacer = Pacer(BudgetInMemory(), BudgetRules(limits=self.limits))
        return Flipsnack(Access(settings.api_key, settings.api_secret), pacer, lambda: Watched(self))

    def arguments(self, job: str) -> dict[str, Any]:
        target = self.colleague.target
        more: dict[str, dict[str, Any]] = {
            "delete_flipbook": {"flipbook_hash": target.items[-1].hash},
            "take offline": {"status": "editable"},
            "set_logo": {"file_url": PICTURE},
            "set_background_image": {"file_url": PICTURE},
        }
        return {"collection_hash": target.hash, **more.get(job, {})}

    async def hold(self, holds: str, job: str, assistant: Assistant, store: SlowStore, spare: int = 1) -> None:
        """Let this delay the act from now on; of a tight budget so many calls are spared."""
        action = JOBS[job][1]
        if holds == "budget":
            while len(self.requests) < self.limits[0][0] - spare:
                await assistant.call("list_collections", offset=len(self.requests))
        elif holds == "store":
            store.seconds = 1.2
        elif holds == "unreachable":
            self.unplugged = 3
        elif holds in REFUSALS:
            self.sandbox.add_fault(Fault(REFUSALS[holds], action, times=2))
