"""download_collection_html: waited for, gone on with, transferred once, and never half there."""

import io
import re
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.sandbox.account import Packaging
from flipsnack_mcp.sandbox.actions import packaging
from flipsnack_mcp.server.service import SETTLED_IN
from tests.server.bench import Said
from tests.server.long_bench import LongBench, assert_polls_are_told, assert_told_in_four_parts, given_up, named_call
from tests.server.revisions import turn

TOOL = "download_collection_html"

# What is saved does not depend on the revision.
mode = turn


@pytest.fixture
def pace() -> Pace:
    """A minute for a package."""
    return Pace(calls_per_second=0, calls_per_minute=0, package_seconds=60)


@pytest.fixture
def bench(long_bench: LongBench) -> LongBench:
    return long_bench


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that Flipsnack began to build."""
    begun: list[str] = []
    real = packaging._start

    def start(call: Any, collection: Any) -> Any:
        begun.append(collection.hash)
        return real(call, collection)

    monkeypatch.setattr(packaging, "_start", start)
    return begun


def assert_saved(bench: LongBench, said: Said) -> None:
    assert not said.is_error, said.text
    assert said.data["state"] == "complete", said.text
    path = bench.folder / "downloads" / "Weekly offers, Week 38.zip"
    content = path.read_bytes()
    assert (said.data["path"], said.data["bytes"]) == (str(path), len(content))
    assert said.data["sha256"] == sha256(content).hexdigest()
    assert said.data["files"] == len(zipfile.ZipFile(io.BytesIO(content)).namelist())


def ready(bench: LongBench, collection: Any = None) -> dict[str, Any]:
    """The arguments for a collection whose package is complete at once."""
    collection = collection or bench.collection()
    collection.packaging = Packaging(0.0)
    return {"collection_hash": collection.hash}


async def test_who_gives_up_gets_the_package_by_repeating_the_same_call(bench: LongBench, packages: list[str]) -> None:
    arguments = {"collection_hash": bench.collection().hash, "wait_seconds": 45}
    for _ in range(5):
        await given_up(bench.client, TOOL, arguments)
    said = await bench.client.call(TOOL, arguments)
    assert_saved(bench, said)
    assert (bench.downloaded, len(packages), bench.road.transfers) == (["Weekly offers, Week 38.zip"], 1, 1)


async def test_the_next_step_goes_on_to_the_end(bench: LongBench, packages: list[str]) -> None:
    bench.road.package_seconds = 6
    said = await bench.client.call(TOOL, collection_hash=bench.collection().hash)
    seen = [said]
    while "next_step" in said.data:
        tool, arguments = named_call(said)
        said = await bench.client.call(tool, arguments)
        seen.append(said)

    assert_saved(bench, said)
    assert_polls_are_told(seen[0], "package")
    assert [one.data["state"] for one in seen[:-1]] == ["processing"] * (len(seen) - 1)
    under_way = [one for one in seen if any("downloading" in state for state in one.data.get("states", []))]
    assert under_way[0].data["next_step"].startswith("Still downloading"), "it is built; only its bytes are missing"
    assert [message for one in seen for _, message in one.progress if re.fullmatch(r"download: .* of .* %", message)]
    assert (len(packages), bench.road.transfers, bench.downloaded) == (1, 1, ["Weekly offers, Week 38.zip"])


async def test_a_call_cancelled_during_the_transfer_stops_the_wait_and_not_the_transfer(bench: LongBench) -> None:
    bench.road.package_seconds = 6
    arguments = ready(bench)
    await given_up(bench.client, TOOL, {**arguments, "wait_seconds": 45})
    await anyio.sleep(60)
    said = await bench.client.call(TOOL, arguments)
    assert_saved(bench, said)
    assert bench.road.transfers == 1


async def test_leftovers_of_killed_runs_are_removed_at_the_next_start(bench: LongBench) -> None:
    folder = bench.folder / "downloads"
    folder.mkdir()
    (folder / ".flipsnack-0123456789abcdef.part").write_bytes(b"PK half a package")
    (folder / ".flipsnack-notes.part").write_bytes(b"somebody else's")
    async with bench.assistant() as assistant:
        await assistant.call(TOOL, ready(bench))
        await anyio.sleep(SETTLED_IN + 1)
    assert bench.downloaded == [".flipsnack-notes.part", "Weekly offers, Week 38.zip"]


async def test_looking_for_leftovers_makes_no_folder_and_opens_nothing(bench: LongBench) -> None:
    await bench.client.call("list_collections")
    await anyio.sleep(SETTLED_IN + 1)
    assert not (bench.folder / "downloads").exists()


async def test_save_false_fetches_nothing_and_knows_nothing_of_transfers(bench: LongBench) -> None:
    bench.road.package_seconds = 6
    arguments = ready(bench)
    alone = await bench.client.call(TOOL, arguments, save=False)
    fetched = bench.road.transfers
    await bench.client.call(TOOL, arguments, wait_seconds=5)
    beside = await bench.client.call(TOOL, arguments, save=False)
    await anyio.sleep(100)
    saved = await bench.client.call(TOOL, arguments, wait_seconds=0)

    assert fetched == 0
    for said in (alone, beside):
        assert said.data["state"] == "complete"
        assert said.data["resource_url"].startswith("https://")
        assert "path" not in said.data
        assert said.seconds < 1
    assert_saved(bench, saved)


async def test_a_folder_that_cannot_be_written_is_said_in_four_parts(bench: LongBench) -> None:
    (bench.folder / "downloads").write_bytes(b"a file where the folder should be")
    said = await bench.client.call(TOOL, ready(bench))
    assert_told_in_four_parts(said, "FLIPSNACK_DOWNLOAD_DIR")


async def test_save_false_gives_a_link_that_works_and_its_end(bench: LongBench) -> None:
    wanted = bench.collection().hash
    said = await bench.client.call(TOOL, collection_hash=wanted, save=False, wait_seconds=45)
    tool, arguments = named_call(said)
    assert arguments == {"collection_hash": wanted, "save": False}
    said = await bench.client.call(tool, arguments)
    async with bench.connect(bench.settings).http as http:
        package = await http.get(said.data["resource_url"])
    assert said.data["state"] == "complete"
    assert package.content.startswith(b"PK")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", said.data["expires_at"])
    assert not (bench.folder / "downloads").exists()
    assert not {"path", "bytes", "sha256", "files"} & set(said.data)


async def test_a_package_of_a_failed_conversion_is_told_with_its_reason(bench: LongBench) -> None:
    failed = bench.sandbox.account.add(title="Broken", conversion="failed")
    said = await bench.call(TOOL, collection_hash=failed.hash, wait_seconds=45)
    if said.data["state"] == "processing":
        said = await bench.call(TOOL, collection_hash=failed.hash, wait_seconds=45)
    assert said.data["state"] == "failed", said.text
    assert "The conversion of its document failed" in said.data["next_step"]
    assert TOOL not in said.data["next_step"]


async def test_a_failed_package_is_said_and_may_be_tried_again(bench: LongBench) -> None:
    bench.fails("package_fails")
    wanted = bench.collection().hash
    said = await bench.client.call(TOOL, collection_hash=wanted, wait_seconds=45)
    said = await bench.client.call(TOOL, collection_hash=wanted, wait_seconds=45)
    assert said.data["state"] == "failed"
    assert "failed" in said.data["states"][-1]
    tool, arguments = named_call(said)
    for _ in range(3):
        said = await bench.client.call(tool, arguments)
    assert said.data["state"] == "complete"


async def test_a_hostile_title_becomes_a_plain_name_in_the_download_folder(bench: LongBench) -> None:
    titles = ["", "../../etc/passwd", "a/b\\c", "CON", "x" * 500, "\u202egpj.exe", ".hidden", "a\0b\n"]
    asked = [{**ready(bench, bench.sandbox.account.add(title=one)), "wait_seconds": 45} for one in titles]
    paths = [Path((await bench.client.call(TOOL, given)).data["path"]) for given in asked]
    assert {path.parent for path in paths} == {bench.folder / "downloads"}
    assert sorted(path.name for path in paths) == bench.downloaded
    assert [path.name for path in paths if not path.name.isprintable()] == []
