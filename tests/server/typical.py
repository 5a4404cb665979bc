"""A typical call of every tool, as its folder of samples names it, and what comes back."""

import os
import re
from pathlib import Path
from typing import Any

from flipsnack_mcp.sandbox.faults import Fault
from tests.samples_of import expected_tool
from tests.server.bench import NOW, PDF, Assistant, Bench, Person, Said, types_what_is_asked

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
SUMMER, DRAFT = "Summer catalogue 2026", "Weekly offers, Week 39"


def typical(of: str, bench: Bench) -> dict[str, Any]:
    """Arguments that a person's wish leads to."""
    return {name: ready(value, bench) for name, value in expected_tool(of).call.items()}


def ready(value: object, bench: Bench) -> object:
    """What `<collection>` and the like stand for."""
    if isinstance(value, list):
        return [ready(one, bench) for one in value]
    found = re.fullmatch(r"<(.+)>", value) if isinstance(value, str) else None
    if found is None:
        return value
    summer, name = bench.collection(SUMMER), found[1]
    hashes = {"collection": summer.hash, "flipbook": summer.items[1].hash, "draft": bench.collection(DRAFT).hash}
    if name in hashes:
        return hashes[name]
    if name == "folder":
        path = Path(bench.document("offers.pdf", PDF))
        os.utime(path, (NOW, NOW))
        return str(path.parent)
    assert name.endswith((".pdf", ".png")), f"no test has {value} ready"
    return bench.document(name, PNG if name.endswith(".png") else PDF)


async def answered(of: str, bench: Bench, **settings: Any) -> tuple[Said, dict[str, Any]]:
    """A typical answer and the tool's output schema."""
    async with bench.assistant(Person(types_what_is_asked), **settings) as assistant:
        schema = await schema_of(assistant, expected_tool(of).name)
        made = await prepare(of, bench, assistant)
        return await assistant.call(expected_tool(of).name, typical(of, bench) | made), schema


async def upload_that_hangs(bench: Bench, assistant: Assistant, **more: Any) -> dict[str, Any]:
    """Work under way, and what names it."""
    several = more.get("account") and getattr(bench, "sandboxes", None)
    (several[more["account"]] if several else bench.sandbox).add_fault(Fault("hang", "collection.create"))
    begun = await assistant.call("create_collection", file_path=bench.document(), wait_seconds=0, **more)
    return {"work_id": begun.data["upload_id"]}


async def prepare(of: str, bench: Bench, assistant: Assistant, **more: Any) -> dict[str, Any]:
    """Make the call that has to have been made before; what its answer is known by."""
    if "work_id" in expected_tool(of).parameters:
        return await upload_that_hangs(bench, assistant, **more)
    first = expected_tool(of).first
    if first is None:
        return {}
    said = await assistant.call(first[0], {name: ready(value, bench) for name, value in first[1].items()} | more)
    return {"history_id": said.data["history_id"]}


async def schema_of(assistant: Assistant, tool: str) -> dict[str, Any]:
    tools = (await assistant.client.list_tools()).tools
    schema = {one.name: one.output_schema for one in tools}.get(tool)
    assert schema, f"{tool} is not on the menu: `ACTIONS`, then packaging/write_docs.py"
    return schema
