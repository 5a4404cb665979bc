"""What mostly waits: begun beside the other tests, each in a thread, and looked at by the test it belongs to."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, TextContent

from tests.commands.processes import KEY, PROGRAM, SECRET, Run, nobody_answers_at
from tests.samples_of import expected_tools

Ahead = Mapping[str, Future[Any]]
"""The jobs that were begun, by the name of the test."""
Mode = Literal["auto", "legacy"]
REVISIONS: dict[str, Mode] = {"2026-07-28": "auto", "2025-11-25": "legacy"}


@dataclass(frozen=True)
class Place:
    """Where a job may work: a clean environment and a folder with a document."""

    run: Run
    document: Path


def default_menu() -> set[str]:
    return {name for name, tool in expected_tools().items() if not tool.legacy}


async def says_yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001 - the SDK's names
    await anyio.sleep(0.6)  # whoever is faster has not read it
    return ElicitResult(action="accept", content={"title": params.message.rpartition('type "')[2].removesuffix('".')})


def text_of(result: Any) -> str:
    return "".join(one.text for one in result.content if isinstance(one, TextContent))


async def main_job(client: Client, document: Path) -> None:
    """List, upload, look on, delete."""
    told: list[str] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the protocol's names
        told.append(message or "")

    assert {tool.name for tool in (await client.list_tools()).tools} == default_menu()
    given = {"file_path": str(document), "title": "Over the wire", "wait_seconds": 1}
    created = await client.call_tool("create_collection", given, progress_callback=progress)
    assert not created.is_error, text_of(created)
    assert created.structured_content
    state = created.structured_content
    while "collection_hash" not in state:  # a busy machine has not uploaded it yet
        again = await client.call_tool("get_upload", {"upload_id": state["upload_id"], "wait_seconds": 5})
        assert again.structured_content, text_of(again)
        state = again.structured_content
    wanted = {"collection_hash": state["collection_hash"]}
    looked = await client.call_tool("get_collection", {**wanted, "wait_seconds": 1}, progress_callback=progress)
    assert not looked.is_error, text_of(looked)
    assert any(message.startswith(("upload: ", "conversion: ")) for message in told), text_of(created)
    deleted = await client.call_tool("delete_collection", wanted)
    assert not deleted.is_error, text_of(deleted)
    assert (await client.call_tool("get_collection", wanted)).is_error


def over_stdio(place: Place, mode: Mode) -> None:
    settings = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": str(place.document.parent)}
    env = {**place.run.environment, **settings}
    anyio.run(connected, StdioServerParameters(command=PROGRAM[0], args=list(PROGRAM[1:]), env=env), place, mode)


def over_http(place: Place, mode: Mode) -> None:
    with place.run.served(place.document.parent) as address:
        anyio.run(connected, address, place, mode)


async def connected(where: str | StdioServerParameters, place: Place, mode: Mode) -> None:
    with anyio.fail_after(180):
        async with Client(where, mode=mode, elicitation_callback=says_yes) as client:
            await main_job(client, place.document)


def doctor_without_flipsnack(place: Place) -> Any:
    with nobody_answers_at() as port:
        where = f"http://127.0.0.1:{port}/v1/"
        return place.run("doctor", FLIPSNACK_API_URL=where, FLIPSNACK_API_KEY=KEY, FLIPSNACK_API_SECRET=SECRET)


JOBS: dict[str, Callable[[Place], Any]] = {
    "test_doctor_says_in_words_that_nobody_answers": doctor_without_flipsnack,
    **{f"test_the_main_job_works_over_stdio[{one}]": partial(over_stdio, mode=mode) for one, mode in REVISIONS.items()},
    **{f"test_the_main_job_works_over_http[{one}]": partial(over_http, mode=mode) for one, mode in REVISIONS.items()},
}
"""By the name of the test."""
