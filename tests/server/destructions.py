"""What is destroyed in the tests of confirmation, by which process, and what the sandbox counts of it."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import Event, History
from tests.server.bench import Assistant, Bench, Mode, Person, Said

TITLE = "Summer catalogue 2026"
UNCHANGED = "Nothing was changed."
DESTROYING = (
    *("collection.deleteCollection", "collection.deleteLogo", "collection.deleteBackgroundImage"),
    *("flipbook.delete", "collection.update"),
)
MODES: tuple[Mode, ...] = ("auto", "legacy")
REVISION = {"auto": "2026-07-28", "legacy": "2025-11-25"}
RETRY = re.compile(r"flipsnack-mcp approve ([A-Z2-7]{8})")


@dataclass(frozen=True)
class Destruction:
    """One tool that takes something away, and the action that a confirmed one sends."""

    tool: str
    action: str

    def arguments(self, collection: Any) -> dict[str, Any]:
        more = {"delete_flipbook": {"flipbook_hash": collection.items[-1].hash}, "update_collection": OFFLINE}
        return {"collection_hash": collection.hash, **more.get(self.tool, {})}


OFFLINE = {"status": "editable"}
TOOLS = (
    Destruction("delete_collection", "collection.deleteCollection"),
    Destruction("delete_flipbook", "flipbook.delete"),
    Destruction("update_collection", "collection.update"),
    Destruction("delete_logo", "collection.deleteLogo"),
)


def cells(rows: Mapping[str, Any], everywhere: Collection[str], *, in_turn: bool = False) -> list[Any]:
    """Every row with the first tool, on both revisions or on them in turn; with the others, in turn, those that are named."""
    assert set(everywhere) <= rows.keys()
    found = list[Any]()
    for (nth, tool), (number, name) in product(enumerate(TOOLS), enumerate(rows)):
        first = tool is TOOLS[0]
        for mode in MODES if first and not in_turn else MODES[(nth + number) % 2 :][:1]:
            if first or name in everywhere:
                found.append(pytest.param(mode, tool, rows[name], id=f"{REVISION[mode]}-{tool.tool}-{name}"))
    return found


def assert_only(sandbox: Sandbox, tool: Destruction, confirmed: int) -> None:
    """Exactly what was confirmed was carried out, and nothing more was even tried."""
    arrived = [(one.action, one.executed) for one in sandbox.requests if one.action in DESTROYING]
    assert arrived == [(tool.action, True)] * confirmed


def assert_refused(said: Said) -> None:
    assert said.is_error, said.text
    assert said.text.endswith(UNCHANGED), said.text
    assert said.data == {}


def assert_done(said: Said) -> None:
    assert not said.is_error, said.text


def store_of(bench: Bench) -> SqliteStore:
    """The one state file of this person, opened once more, as another process would."""
    return SqliteStore(bench.folder / "state.sqlite", bench.clock)


def server_of(bench: Bench, store: Store | None = None, **settings: Any) -> FlipsnackServer:
    """One process of the assistant."""
    return bench.server(store or store_of(bench), **settings)


@asynccontextmanager
async def process(bench: Bench, person: Person | None = None, **settings: Any) -> AsyncIterator[Assistant]:
    async with bench.assistant(person, server_of(bench, **settings)) as assistant:
        yield assistant


async def plan_made(tool: str, assistant: Assistant, **wanted: Any) -> str:
    """The id of a plan, of which nothing is carried out yet."""
    said = await assistant.call(tool, wanted)
    assert not said.is_error, said.text
    return str(said.data["plan_id"])


async def history(bench: Bench) -> list[Event]:
    """All that this person's history tells, as another process reads it."""
    return await History(store_of(bench), bench.settings.account).events()
