"""Every tool is described and answers as its snapshots show it; they are written with UPDATE_SNAPSHOTS=1, and read."""

import json
import os
from pathlib import Path

import pytest

from tests.samples_of import every_tool, expected_tool, expected_tools
from tests.server.bench import Bench
from tests.server.typical import answered

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
one_mode = pytest.mark.parametrize("mode", ["auto"])


def compare(path: Path, text: str) -> None:
    """Against the snapshot; it is written only when asked for."""
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run once with UPDATE_SNAPSHOTS=1 and read what it wrote"
    assert text == path.read_text(encoding="utf-8")


@one_mode
@every_tool
async def test_every_tool_answers_as_in_its_snapshot(bench: Bench, of: str) -> None:
    said, _ = await answered(of, bench)

    assert not said.is_error, said.text
    text = said.text.replace(str(bench.folder), "/folder")
    for name in ("upload_id", "report_id", "plan_id"):
        if made_by_chance := said.data.get(name):
            text = text.replace(str(made_by_chance), f"({name})")
    compare(SNAPSHOTS / "texts" / f"{expected_tool(of).name}.txt", f"{text}\n")


@one_mode
@every_tool
async def test_every_tool_is_described_as_in_its_snapshot(bench: Bench, of: str) -> None:
    tool = expected_tool(of).name
    async with bench.assistant() as assistant:
        found = next(one for one in (await assistant.client.list_tools()).tools if one.name == tool)

    descriptor = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    compare(SNAPSHOTS / f"{tool}.json", json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n")


def test_there_are_no_snapshots_of_tools_that_are_gone() -> None:
    tools = sorted(expected_tools())

    assert sorted(path.stem for path in SNAPSHOTS.glob("*.json")) == tools
    assert sorted(path.stem for path in SNAPSHOTS.glob("texts/*.txt")) == tools
