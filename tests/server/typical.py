"""A typical call of every tool, as its folder of samples names it, and what comes back."""

import re
from typing import Any

from tests.samples_of import expected_tool
from tests.server.bench import PDF, Assistant, Bench, Person, Said, types_what_is_asked

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
SUMMER, DRAFT = "Summer catalogue 2026", "Weekly offers, Week 39"


def typical(of: str, bench: Bench) -> dict[str, Any]:
    """Arguments that a person's wish leads to."""
    return {name: ready(value, bench) for name, value in expected_tool(of).call.items()}


def ready(value: object, bench: Bench) -> object:
    """What `<collection>` and the like stand for."""
    found = re.fullmatch(r"<(.+)>", value) if isinstance(value, str) else None
    if found is None:
        return value
    summer, name = bench.collection(SUMMER), found[1]
    hashes = {"collection": summer.hash, "flipbook": summer.items[1].hash, "draft": bench.collection(DRAFT).hash}
    if name in hashes:
        return hashes[name]
    assert name.endswith((".pdf", ".png")), f"no test has {value} ready"
    return bench.document(name, PNG if name.endswith(".png") else PDF)


async def answered(of: str, bench: Bench, **settings: Any) -> tuple[Said, dict[str, Any]]:
    """A typical answer and the tool's output schema."""
    async with bench.assistant(Person(types_what_is_asked), **settings) as assistant:
        schema = await schema_of(assistant, expected_tool(of).name)
        await prepare(of, bench, assistant)
        return await assistant.call(expected_tool(of).name, typical(of, bench)), schema


async def prepare(of: str, bench: Bench, assistant: Assistant, **more: Any) -> dict[str, Any]:
    """Make the call that has to have been made before; what its answer is known by."""
    first = expected_tool(of).first
    if first is None:
        return {}
    said = await assistant.call(first[0], {name: ready(value, bench) for name, value in first[1].items()} | more)
    return {"history_id": said.data["history_id"]}


async def schema_of(assistant: Assistant, tool: str) -> dict[str, Any]:
    tools = (await assistant.client.list_tools()).tools
    schema = next(one for one in tools if one.name == tool).output_schema
    assert schema
    return schema
