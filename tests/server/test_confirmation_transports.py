"""Confirmation over the real transports, on both revisions: the sandbox counts exactly what was confirmed."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult

from flipsnack_mcp.server.server import FlipsnackServer
from tests.commands.processes import PROGRAM, Run
from tests.server.bench import CODE, Answer, Bench, Mode, Person, declines, types
from tests.server.destructions import DESTROYING, MODES, REVISION, TITLE, TOOLS, UNCHANGED, assert_only, server_of

ROOT = Path(__file__).parents[2]
UNSEEN = "probably never shown"
plain_loop = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@dataclass(frozen=True)
class OnTheWire:
    """A cell over a real transport."""

    name: str
    answer: Answer | None
    confirmed: int
    uses_code: int = 0

    said: str = ""
    """A part of the first answer."""
    thinks: float = 0.6
    """A little longer than nobody needs to read."""

    @property
    def person(self) -> Person | None:
        return Person(self.answer, self.thinks) if self.answer else None


WIRE = (
    OnTheWire("right title", types(TITLE), 1),
    OnTheWire("right title at once", types(TITLE), 0, said=UNSEEN, thinks=0),
    OnTheWire("wrong title", types("Spring catalogue 2026"), 0),
    OnTheWire("code replayed", None, 1, uses_code=2),
)
ODD = (
    OnTheWire("no content", lambda _: ElicitResult(action="accept"), 0, said=UNSEEN),
    OnTheWire("a field more", types(TITLE, all="yes"), 0, said=UNSEEN),
    OnTheWire("no", declines, 0, said="The person said no"),
)


def on_both(*rows: OnTheWire) -> list[Any]:
    return [pytest.param(mode, cell, id=f"{REVISION[mode]}-{cell.name}") for mode, cell in product(MODES, rows)]


def text_of(result: Any) -> str:
    return "".join(one.text for one in result.content)


async def lived(client: Client, cell: OnTheWire, wanted: dict[str, Any]) -> None:
    """Make the calls of a cell and look at their answers."""
    first = await client.call_tool("delete_collection", wanted)
    assert first.is_error is not bool(cell.confirmed and not cell.uses_code), text_of(first)
    assert not first.is_error or text_of(first).endswith(UNCHANGED)
    assert cell.said in text_of(first)
    found = CODE.search(text_of(first))
    for turn in range(cell.uses_code):
        assert found
        used = await client.call_tool("delete_collection", {**wanted, "confirmation": found[1]})
        assert used.is_error is (turn > 0), text_of(used)


@asynccontextmanager
async def over_http(server: FlipsnackServer) -> AsyncIterator[str]:
    """The server behind uvicorn on a port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        running = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning", lifespan="on"))
        async with anyio.create_task_group() as group:
            group.start_soon(running.serve, [listening])
            while not running.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
            yield f"http://127.0.0.1:{port}/mcp"
            running.should_exit = True


@plain_loop
@pytest.mark.parametrize(("mode", "cell"), on_both(*WIRE, *ODD))
async def test_over_streamable_http_exactly_what_was_confirmed_is_deleted(bench: Bench, cell: OnTheWire) -> None:
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    with anyio.fail_after(30):
        async with (
            over_http(server_of(bench)) as address,
            Client(address, mode=bench.mode, elicitation_callback=cell.person) as client,
        ):
            await lived(client, cell, wanted)
    assert_only(bench.sandbox, TOOLS[0], cell.confirmed)


@pytest.fixture
def served_sandbox(tmp_path: Path) -> Iterator[dict[str, str]]:
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    with Run(environment).sandbox() as where:
        yield {**where, **environment}


@plain_loop
@pytest.mark.parametrize(("mode", "cell"), on_both(*WIRE))
async def test_over_stdio_exactly_what_was_confirmed_is_deleted(
    served_sandbox: dict[str, str], tmp_path: Path, mode: Mode, cell: OnTheWire
) -> None:
    environment = {
        **{name: served_sandbox[name] for name in ("PATH", "PYTHONPATH", "HOME")},
        "FLIPSNACK_API_URL": served_sandbox["api_url"], "FLIPSNACK_UPLOAD_URL": served_sandbox["upload_url"],
        "FLIPSNACK_API_KEY": served_sandbox["api_key"], "FLIPSNACK_API_SECRET": served_sandbox["api_secret"],
        "FLIPSNACK_STATE": f"sqlite:{tmp_path / 'state.sqlite'}", "FLIPSNACK_CALLS_PER_SECOND": "5",
    }  # fmt: skip
    parameters = StdioServerParameters(command=PROGRAM[0], args=list(PROGRAM[1:]), env=environment)
    with anyio.fail_after(90):
        async with Client(parameters, mode=mode, elicitation_callback=cell.person) as client:
            listed = await client.call_tool("list_collections", {"query": TITLE, "limit": 1})
            assert listed.structured_content
            wanted = {"collection_hash": listed.structured_content["collections"][0]["collection_hash"]}
            await lived(client, cell, wanted)

    async with httpx2.AsyncClient() as http:
        address = served_sandbox["api_url"].removesuffix("/v1/") + "/_sandbox/requests"
        seen = json.loads((await http.get(address)).text)["requests"]
    executed = [one["action"] for one in seen if one["action"] in DESTROYING and one["executed"]]
    assert executed == ["collection.deleteCollection"] * cell.confirmed
