"""Waiting: bounded, told, cancelled at once, and gone on with by the call that the answer names."""

import ast
import re
import zipfile
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.server.bench import KEY, SECRET, Bench, LoopClock, Said

LONGEST = 46
GET, PACKAGE = "collection.getCollection", "collection.downloadHTML"


@pytest.fixture
def sandbox(clock: LoopClock) -> Sandbox:
    """A Flipsnack that takes 70 seconds for everything."""
    pace = Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=70, package_seconds=70)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)


def converting(bench: Bench) -> str:
    return str(bench.sandbox.account.add(title="Converting", conversion="processing").hash)


def named_call(said: Said) -> tuple[str, dict[str, Any]]:
    """The call that an answer says goes on from it, as a program reads it."""
    found = re.search(r"Call (\w+)\(([^)]*)\)", said.data["next_step"])
    assert found, said.text
    assert said.data["next_step"] in said.text
    arguments = found[2].replace("=false", "=False").replace("=true", "=True")
    tree = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(tree, ast.Call)
    return found[1], {str(one.arg): ast.literal_eval(one.value) for one in tree.keywords}


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


async def test_polls_grow_apart(bench: Bench) -> None:
    await bench.call("get_collection", collection_hash=converting(bench), wait_seconds=45)

    times = [one.at for one in bench.sandbox.requests]
    gaps = [round(later - earlier) for earlier, later in pairwise(times)]
    assert gaps[:5] == [2, 3, 5, 8, 10]
    assert max(gaps) <= 10


@pytest.mark.parametrize("tool", ["get_collection", "download_collection_html"])
@pytest.mark.parametrize("seconds", [0, 1, 7, 45])
async def test_a_wait_lasts_as_long_as_asked(bench: Bench, tool: str, seconds: int) -> None:
    wanted = converting(bench) if tool == "get_collection" else bench.collection().hash

    said = await bench.call(tool, collection_hash=wanted, wait_seconds=seconds)

    assert not said.is_error, said.text
    assert seconds - 1.5 <= said.seconds <= seconds + 1.5
    assert "next_step" in said.data


async def test_wait_zero_looks_once(bench: Bench) -> None:
    said = await bench.call("get_collection", collection_hash=converting(bench), wait_seconds=0)

    assert bench.requests == [GET]
    assert said.data["states"] == ["processing after 0 s"]
    assert said.progress == []


async def test_a_wait_ends_when_the_state_is_unknown(bench: Bench) -> None:
    bench.answers(GET, {"collectionHash": "abc1234", "collectionTitle": "A", "collectionStatus": "public"}, times=0)

    said = await bench.call("get_collection", collection_hash="abc1234")

    assert said.data["conversion"] == "unknown"
    assert said.seconds < 1


async def test_an_upload_that_converts_longer_than_the_call_goes_on_without_a_second_upload(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        said = await assistant.call("create_collection", file_path=bench.document(), title="Long")
        tool, arguments = named_call(said)
        while "next_step" in said.data:
            said = await assistant.call(tool, arguments)

    assert said.data["state"] == "complete"
    assert len(bench.sandbox.carried_out("collection.create")) == 1


async def test_wait_zero_after_an_upload_names_it_and_the_next_call(bench: Bench) -> None:
    said = await bench.call("create_collection", file_path=bench.document(), wait_seconds=0)

    assert said.data["state"] in {"uploading", "converting"}
    assert named_call(said) == ("get_upload", {"upload_id": said.data["upload_id"], "wait_seconds": 30})


async def test_a_failed_conversion_is_said_with_its_cost(bench: Bench) -> None:
    bench.fails("conversion_fails")

    async with bench.assistant() as assistant:
        said = await assistant.call("create_collection", file_path=bench.document(), title="Bad")
        while said.data.get("next_step"):
            tool, arguments = named_call(said)
            said = await assistant.call(tool, arguments)

    assert not said.is_error
    assert said.data["state"] == "failed"


async def test_an_upload_is_not_lost_to_a_failing_poll(bench: Bench) -> None:
    bench.fails("code", GET, code=99, times=0)

    said = await bench.call("create_collection", file_path=bench.document(), title="In")

    assert not said.is_error
    assert said.data["collection_hash"] in bench.sandbox.account.collections
    assert said.data["warnings"]
    assert len(bench.sandbox.carried_out("collection.create")) == 1


async def test_an_upload_whose_answer_is_lost_is_not_sent_again(bench: Bench) -> None:
    bench.fails("reset", "collection.create", phase="after")

    said = await bench.call("create_collection", file_path=bench.document(), title="Lost on the way")

    assert len(bench.sandbox.carried_out("collection.create")) == 1
    if said.is_error:
        assert "Something may have been changed." in said.text
        assert "list_collections" in said.text
    else:
        assert said.data["collection_hash"] in bench.sandbox.account.collections


@pytest.mark.parametrize("tool", ["get_collection", "download_collection_html", "create_collection"])
@pytest.mark.parametrize("kind", ["hang", "per_minute"])
async def test_a_poll_that_goes_wrong_still_ends_with_the_state_so_far(bench: Bench, tool: str, kind: str) -> None:
    action = PACKAGE if tool == "download_collection_html" else GET
    arguments: dict[str, Any] = {"collection_hash": bench.collection().hash}
    if tool == "get_collection":
        arguments = {"collection_hash": converting(bench)}
    if tool == "create_collection":
        arguments = {"file_path": bench.document(), "title": "Polled"}

    async def break_later() -> None:
        await anyio.sleep(4)
        bench.fails(kind, action, times=0)

    async with bench.assistant() as assistant, anyio.create_task_group() as group:
        group.start_soon(break_later)
        said = await assistant.call(tool, arguments, wait_seconds=20)

    assert not said.is_error, said.text
    assert said.data.get("state", said.data.get("conversion")) in {"processing", "converting"}
    assert "next_step" in said.data
    assert said.seconds <= 30


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


@pytest.mark.parametrize("tool", ["get_collection", "download_collection_html"])
async def test_cancelling_stops_polling_at_once(bench: Bench, tool: str) -> None:
    wanted = converting(bench) if tool == "get_collection" else bench.collection().hash

    async with bench.assistant() as assistant:
        with anyio.move_on_after(6):
            await assistant.call(tool, collection_hash=wanted, wait_seconds=45)
        await anyio.wait_all_tasks_blocked()
        before = len(bench.requests)
        await anyio.sleep(60)
        after = len(bench.requests)
        said = await assistant.call("get_user_stats")

    assert before >= 2
    assert after == before
    assert not said.is_error


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


async def test_a_second_download_overwrites_nothing(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        paths = []
        for _ in range(4):
            said = await assistant.call("download_collection_html", collection_hash=wanted, wait_seconds=45)
            paths += [said.data["path"]] if "path" in said.data else []

    assert len(paths) == len(set(paths)) >= 2


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


async def test_a_link_that_leads_elsewhere_is_not_followed(bench: Bench) -> None:
    for link in ("http://127.0.0.1/x.zip", "https://10.0.0.1/x.zip", "file:///etc/passwd", "https://localhost/x.zip"):
        bench.answers(PACKAGE, {"status": "COMPLETE", "resourceUrl": link})

        said = await bench.call("download_collection_html", collection_hash=bench.collection().hash)

        assert said.is_error
        assert "127.0.0.1" not in said.text
    assert not (bench.folder / "downloads").exists()
