"""Every tool is described and answers as its snapshots show it; they are written with UPDATE_SNAPSHOTS=1, and read."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.samples_of import every_tool, expected_tool, expected_tools
from tests.server.bench import Assistant, Bench
from tests.server.typical import answered

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
TEXTS = SNAPSHOTS / "texts.txt"
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
HOW = "run once with UPDATE_SNAPSHOTS=1 and -n 0, and read what it wrote"
one_mode = pytest.mark.parametrize("mode", ["auto"])


@pytest.fixture(autouse=True)
def one_process() -> None:
    """Several tests write into one file."""
    assert not (UPDATE and "PYTEST_XDIST_WORKER" in os.environ), HOW


def compare(path: Path, value: object) -> None:
    """Against the snapshot; it is written only when asked for."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: {HOW}"
    assert text == path.read_text(encoding="utf-8")


def texts() -> dict[str, str]:
    """What stands in the snapshot of all answers, by tool."""
    _, *parts = re.split(r"^== (\w+)\n", TEXTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.strip("\n") for name, text in zip(parts[::2], parts[1::2], strict=True)}


def compare_text(tool: str, text: str) -> None:
    """Against its part of the one snapshot of all answers."""
    if UPDATE:
        parts = sorted({**texts(), tool: text}.items())
        TEXTS.write_text("\n".join(f"== {name}\n{one}\n" for name, one in parts), encoding="utf-8")
    assert tool in texts(), f"{tool} is missing: {HOW}"
    assert text == texts()[tool]


@one_mode
@every_tool
async def test_every_tool_answers_as_in_its_snapshot(bench: Bench, of: str) -> None:
    said, _ = await answered(of, bench)
    assert not said.is_error, said.text
    assert "sandbox" not in said.data
    text = said.text.replace(str(bench.folder), "/folder")
    for name in ("upload_id", "report_id", "plan_id", "work_id"):
        if made_by_chance := said.data.get(name):
            text = text.replace(str(made_by_chance), f"({name})")
    compare_text(expected_tool(of).name, text)


@one_mode
@every_tool
async def test_every_tool_is_described_as_in_its_snapshot(assistant: Assistant, of: str) -> None:
    wanted = expected_tool(of)
    tools = {one.name: one for one in (await assistant.client.list_tools()).tools}
    assert wanted.name in tools, f"{wanted.name} is not on the menu: `ACTIONS`, then packaging/write_docs.py"
    found = tools[wanted.name]
    descriptor = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    if wanted.results_of:
        first, results = expected_tool(wanted.results_of).name, descriptor["outputSchema"]["properties"]
        compare(SNAPSHOTS / "shared" / f"{first}.json", {name: results.pop(name) for name in wanted.shared})
        descriptor["outputSchema"]["properties"] = {f"(as in shared/{first}.json)": {}, **results}
    compare(SNAPSHOTS / f"{wanted.name}.json", descriptor)


def test_there_are_no_snapshots_of_tools_that_are_gone() -> None:
    tools = sorted(expected_tools())
    shared = {expected_tool(tool.results_of).name for tool in expected_tools().values() if tool.results_of}
    assert sorted(path.stem for path in SNAPSHOTS.glob("*.json")) == tools
    assert sorted(texts()) == tools
    assert {path.stem for path in SNAPSHOTS.glob("shared/*.json")} == shared
