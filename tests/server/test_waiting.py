"""Waiting: bounded, told, cancelled at once, and gone on with by the call that the answer names."""

import re
import zipfile
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.server.bench import KEY, SECRET, Bench, LoopClock, Said
from tests.server.long_bench import named_call

LONGEST = 46


@pytest.fixture
def sandbox(clock: LoopClock) -> Sandbox:
    """A Flipsnack that takes 70 seconds for everything."""
    pace = Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=70, package_seconds=70)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)


def converting(bench: Bench) -> str:
    return str(bench.sandbox.account.add(title="Converting", conversion="processing").hash)


def assert_told(said: Said, what: str) -> None:
    numbers = [number for number, _ in said.progress]
    polls = [message for _, message in said.progress if message.startswith(what)]
    assert numbers == sorted(set(numbers))
    assert polls
    assert all(re.fullmatch(rf"{what}: processing, \d+ s, poll \d+", one) for one in polls)


async def test_a_conversion_is_waited_for_and_gone_on_with(bench: Bench) -> None:
    wanted = converting(bench)

    async with bench.assistant() as assistant:
        first = await assistant.call("get_collection", collection_hash=wanted)
        tool, arguments = named_call(first)
        second = await assistant.call(tool, arguments)
        third = await assistant.call(tool, arguments)

    assert first.data["conversion"] == "processing"
    assert 29 <= first.seconds <= 31
    assert_told(first, "conversion")
    assert len(first.data["states"]) > 3
    assert all(re.fullmatch(r"processing after \d+ s", one) for one in first.data["states"])
    assert arguments == {"collection_hash": wanted, "wait_seconds": 30}
    assert second.data["conversion"] == "processing"
    assert third.data["conversion"] == "complete"
    assert third.data["states"][-1].startswith("complete")
    assert "next_step" not in third.data


@pytest.mark.parametrize(
    ("tool", "seconds"),
    [
        *product(("get_collection", "download_collection_html"), (0, 1, 7, 45)),
        *product(("create_collection", "get_upload"), (0, 3, 20, 45)),
    ],
)
async def test_a_wait_lasts_as_long_as_asked(bench: Bench, tool: str, seconds: int) -> None:
    async with bench.assistant() as assistant:
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

    assert said.seconds <= 56 if tool == "create_collection" else said.seconds <= LONGEST


async def test_a_package_is_saved_as_it_was_sent(bench: Bench) -> None:
    wanted = bench.collection("Summer catalogue 2026").hash

    async with bench.assistant() as assistant:
        said = await assistant.call("download_collection_html", collection_hash=wanted, wait_seconds=40)
        tool, arguments = named_call(said)
        assert_told(said, "package")
        said = await assistant.call(tool, arguments)

    path = Path(said.data["path"])
    assert said.data["state"] == "complete"
    assert path.parent == bench.folder / "downloads"
    assert path.name == "Summer catalogue 2026.zip"
    content = path.read_bytes()  # noqa: ASYNC240 - a few bytes of a test
    assert said.data["bytes"] == len(content)
    assert said.data["sha256"] == sha256(content).hexdigest()
    with zipfile.ZipFile(path) as package:
        assert said.data["files"] == package.namelist()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert any(message.startswith("download: ") for _, message in said.progress)


async def test_save_false_gives_a_link_that_works_and_its_end(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        said = await assistant.call("download_collection_html", collection_hash=wanted, save=False, wait_seconds=45)
        tool, arguments = named_call(said)
        assert arguments == {"collection_hash": wanted, "save": False}
        said = await assistant.call(tool, arguments)
        async with bench.connect(bench.settings).http as http:
            package = await http.get(said.data["resource_url"])

    assert said.data["state"] == "complete"
    assert package.content.startswith(b"PK")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", said.data["expires_at"])
    assert not (bench.folder / "downloads").exists()
    assert not {"path", "bytes", "sha256", "files"} & set(said.data)


async def test_a_failed_package_is_said_and_may_be_tried_again(bench: Bench) -> None:
    bench.fails("package_fails")
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        said = await assistant.call("download_collection_html", collection_hash=wanted, wait_seconds=45)
        said = await assistant.call("download_collection_html", collection_hash=wanted, wait_seconds=45)
        assert said.data["state"] == "failed"
        assert "failed" in said.data["states"][-1]
        tool, arguments = named_call(said)
        for _ in range(3):
            said = await assistant.call(tool, arguments)

    assert said.data["state"] == "complete"


async def test_a_collection_that_still_converts_cannot_be_packaged_yet(bench: Bench) -> None:
    said = await bench.call("download_collection_html", collection_hash=converting(bench))

    assert said.is_error
    assert "code 38" in said.text
    assert "wait_seconds" in said.text
    assert "Nothing was changed." in said.text


@pytest.mark.parametrize(
    "title", ["", "../../etc/passwd", "a/b\\c", "CON", "x" * 500, "\u202egpj.exe", ".hidden", "a\0b\n"], ids=repr
)
async def test_a_hostile_title_becomes_a_plain_name_in_the_download_folder(bench: Bench, title: str) -> None:
    collection = bench.sandbox.account.add(title=title)
    async with bench.assistant() as assistant:
        await assistant.call("download_collection_html", collection_hash=collection.hash, wait_seconds=45)
        said = await assistant.call("download_collection_html", collection_hash=collection.hash, wait_seconds=45)

    path = Path(said.data["path"])
    assert path.parent == bench.folder / "downloads"
    assert path.exists()  # noqa: ASYNC240 - a few bytes of a test
    assert path.name.isprintable()
