"""Waiting: bounded, told, cancelled at once, and gone on with by the call that the answer names."""

import re
from itertools import product
from typing import Any

import pytest

from flipsnack_mcp.sandbox import Pace
from tests.server.bench import Assistant, Bench
from tests.server.long_bench import assert_polls_are_told, named_call
from tests.server.revisions import newer

pytestmark = pytest.mark.usefixtures("no_look_ahead")

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


@pytest.fixture
def pace() -> Pace:
    """70 seconds for everything."""
    return Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=70, package_seconds=70)


def converting(bench: Bench) -> str:
    return str(bench.sandbox.account.add(title="Converting", conversion="processing").hash)


async def test_a_conversion_is_waited_for_and_gone_on_with(bench: Bench, assistant: Assistant) -> None:
    wanted = converting(bench)
    first = await assistant.call("get_collection", collection_hash=wanted)
    tool, arguments = named_call(first)
    second = await assistant.call(tool, arguments)
    third = await assistant.call(tool, arguments)

    assert first.data["conversion"] == "processing"
    assert 29 <= first.seconds <= 31
    assert_polls_are_told(first, "conversion")
    assert len(first.data["states"]) > 3
    assert all(re.fullmatch(r"processing after \d+ s", one) for one in first.data["states"])
    assert arguments == {"collection_hash": wanted, "wait_seconds": 30}
    assert (second.data["conversion"], third.data["conversion"]) == ("processing", "complete")
    assert third.data["states"][-1].startswith("complete")
    assert "next_step" not in third.data


@pytest.mark.parametrize(
    ("tool", "seconds"),
    [
        *product(("get_collection", "download_collection_html"), (0, 1, 7, 45)),
        *product(("create_collection", "get_upload"), (0, 3, 20, 45)),
    ],
)
async def test_a_wait_lasts_as_long_as_asked(bench: Bench, assistant: Assistant, tool: str, seconds: int) -> None:
    arguments: dict[str, Any] = {"collection_hash": bench.collection().hash}
    if tool == "get_collection":
        arguments = {"collection_hash": converting(bench)}
    if tool in {"create_collection", "get_upload"}:
        arguments = {"file_path": bench.document(), "title": "Waited for"}
    if tool == "get_upload":
        made = await assistant.call("create_collection", arguments, wait_seconds=0)
        arguments = {"upload_id": made.data["upload_id"]}
    said = await assistant.call(tool, arguments, wait_seconds=seconds)
    assert not said.is_error, said.text
    assert seconds - 1.5 <= said.seconds <= seconds + 1.5
    assert "next_step" in said.data


@pytest.mark.parametrize(
    "tool", ["get_collection", "download_collection_html", "create_collection", "list_collections"]
)
@pytest.mark.parametrize("kind", ["hang", "per_minute", "per_second", "maintenance", "slow"])
async def test_no_call_lasts_longer_than_desktop_clients_wait(bench: Bench, tool: str, kind: str) -> None:
    bench.fails(kind, times=0, seconds=11)
    arguments: dict[str, Any] = {"collection_hash": bench.collection().hash, "wait_seconds": 45}
    if tool == "create_collection":
        arguments = {"file_path": bench.document(), "title": "Polled", "wait_seconds": 45}
    if tool == "list_collections":
        arguments = {}
    said = await bench.call(tool, **arguments)
    assert said.seconds <= 56 if tool == "create_collection" else said.seconds <= 46
