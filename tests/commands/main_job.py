"""What every client does, over a real transport: list, upload, look on, delete."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, TextContent

from tests.samples_of import expected_tools

Mode = Literal["auto", "legacy"]
REVISIONS: Mapping[str, Mode] = {"2026-07-28": "auto", "2025-11-25": "legacy"}


def default_menu() -> set[str]:
    return {name for name, tool in expected_tools().items() if not tool.legacy}


async def connected(where: str | StdioServerParameters, mode: Mode, document: Path, title: str) -> None:
    async with Client(where, mode=mode, elicitation_callback=says_yes) as client:
        await main_job(client, document, title)


async def says_yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001 - the SDK's names
    await anyio.sleep(0.6)  # whoever is faster has not read it
    return ElicitResult(action="accept", content={"title": params.message.rpartition('type "')[2].removesuffix('".')})


def text_of(result: Any) -> str:
    return "".join(one.text for one in result.content if isinstance(one, TextContent))


async def main_job(client: Client, document: Path, title: str) -> None:
    told: list[str] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the protocol's names
        told.append(message or "")

    assert {tool.name for tool in (await client.list_tools()).tools} == default_menu()
    given = {"file_path": str(document), "title": title, "wait_seconds": 1}
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
