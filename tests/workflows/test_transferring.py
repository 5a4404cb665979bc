"""Packages on their way: one transfer for each collection, found by whoever asks next, told once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.workflows.downloads.exports import Exported, save_export
from flipsnack_mcp.workflows.downloads.transfers import REMEMBERED, Transfers
from flipsnack_mcp.workflows.errand import Errand
from tests.api.asking import KEY, SECRET
from tests.server.bench import LoopClock
from tests.workflows.running import Road, travelling

API = "https://api.flipsnack.com/v1/"
PACKAGE = "collection.downloadHTML"


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0))


@pytest.fixture
def road() -> Road:
    return Road()


@asynccontextmanager
async def transferring(sandbox: Sandbox, road: Road) -> AsyncIterator[Transfers]:
    async with travelling(sandbox, road) as flipsnack, anyio.create_task_group() as background:
        yield Transfers(flipsnack, background)
        background.cancel_scope.cancel()


def press_kit(sandbox: Sandbox) -> DownloadHtml:
    wanted = next(one.hash for one in sandbox.account.collections.values() if one.title == "Press kit")
    return DownloadHtml(collection_hash=wanted)


async def saved(
    transfers: Transfers, action: DownloadHtml, folder: Path, wait: float = 30
) -> Exported | FlipsnackError:
    errand = Errand(transfers._flipsnack, anyio.current_time() + 45)
    try:
        return await save_export(errand, transfers, action, wait, folder, API)
    except FlipsnackError as error:
        return error


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


async def test_two_calls_for_one_collection_at_once_are_one_transfer(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 1
    done: list[Exported | FlipsnackError] = []
    async with transferring(sandbox, road) as transfers, anyio.create_task_group() as group:

        async def call() -> None:
            done.append(await saved(transfers, press_kit(sandbox), tmp_path, 45))

        for _ in range(3):
            group.start_soon(call)

    assert road.transfers == 1
    assert names_in(tmp_path) == ["Press kit.zip"]
    assert all(isinstance(one, Exported) and one.saved for one in done)


async def test_a_call_that_comes_while_a_package_is_on_its_way_starts_no_other(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 3
    async with transferring(sandbox, road) as transfers:
        first = await saved(transfers, press_kit(sandbox), tmp_path, 15)
        second = await saved(transfers, press_kit(sandbox), tmp_path, 2)
        third = await saved(transfers, press_kit(sandbox), tmp_path, 45)

    assert isinstance(first, Exported)
    assert isinstance(second, Exported)
    assert isinstance(third, Exported)
    assert (first.package.state, first.saved, second.saved) == ("processing", None, None)
    assert third.saved is not None
    assert road.transfers == 1
    assert names_in(tmp_path) == ["Press kit.zip"]


async def test_several_collections_are_transferred_side_by_side(sandbox: Sandbox, road: Road, tmp_path: Path) -> None:
    road.package_seconds = 2
    wanted = list(sandbox.account.collections)[:3]
    began = anyio.current_time()
    async with transferring(sandbox, road) as transfers, anyio.create_task_group() as group:
        for collection_hash in wanted:
            group.start_soon(saved, transfers, DownloadHtml(collection_hash=collection_hash), tmp_path, 45)

    assert road.transfers == len(names_in(tmp_path)) == 3
    assert anyio.current_time() - began < 2 * 10 * road.package_seconds


async def test_a_transfer_that_outlasts_the_call_shows_nothing_before_it_is_whole(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 6
    async with transferring(sandbox, road) as transfers:
        first = await saved(transfers, press_kit(sandbox), tmp_path, 30)
        half = names_in(tmp_path)
        await anyio.sleep(100)
        whole = names_in(tmp_path)

    assert isinstance(first, Exported)
    assert "downloading" in first.states[-1]
    assert [name for name in half if not name.startswith(".")] == []
    assert whole == ["Press kit.zip"]


async def test_a_server_that_ends_in_the_middle_leaves_nothing_behind(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 6
    async with transferring(sandbox, road) as transfers:
        await saved(transfers, press_kit(sandbox), tmp_path, 30)

    assert names_in(tmp_path) == []


async def test_the_end_of_an_unwatched_transfer_is_told_to_the_next_call_and_the_one_after_it_transfers_anew(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 6
    async with transferring(sandbox, road) as transfers:
        await saved(transfers, press_kit(sandbox), tmp_path, 20)
        await anyio.sleep(100)
        found = await saved(transfers, press_kit(sandbox), tmp_path, 0)
        transfers_until_told = road.transfers
        road.package_seconds = 0
        another = await saved(transfers, press_kit(sandbox), tmp_path, 45)

    assert isinstance(found, Exported)
    assert found.saved is not None
    assert found.saved.path == tmp_path / "Press kit.zip"
    assert transfers_until_told == 1
    assert isinstance(another, Exported)
    assert another.saved is not None
    assert another.saved.path == tmp_path / "Press kit (2).zip"


async def test_the_error_of_an_unwatched_transfer_is_told_once_and_then_it_starts_anew(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    road.package_seconds = 6
    road.package = lambda number: b"no zip at all" if number == 1 else None
    async with transferring(sandbox, road) as transfers:
        await saved(transfers, press_kit(sandbox), tmp_path, 20)
        await anyio.sleep(100)
        second = await saved(transfers, press_kit(sandbox), tmp_path, 45)
        asked = len([one for one in sandbox.requests if one.action == PACKAGE])
        road.package_seconds = 0
        third = await saved(transfers, press_kit(sandbox), tmp_path, 45)

    assert isinstance(second, FlipsnackError)
    assert "Nothing was saved." in str(second)
    assert isinstance(third, Exported)
    assert third.saved is not None
    assert road.transfers == 2
    assert len([one for one in sandbox.requests if one.action == PACKAGE]) == asked + 1


async def test_the_end_of_a_transfer_is_forgotten_after_a_while(sandbox: Sandbox, road: Road, tmp_path: Path) -> None:
    road.package_seconds = 6
    road.package = lambda number: b"no zip at all" if number == 1 else None
    async with transferring(sandbox, road) as transfers:
        await saved(transfers, press_kit(sandbox), tmp_path, 20)
        await anyio.sleep(100 + REMEMBERED)
        road.package_seconds = 0
        found = await saved(transfers, press_kit(sandbox), tmp_path, 45)

    assert isinstance(found, Exported)
    assert found.saved is not None


async def test_a_file_that_was_taken_away_meanwhile_is_fetched_anew(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    """The path in an answer has to be there."""
    road.package_seconds = 6
    async with transferring(sandbox, road) as transfers:
        await saved(transfers, press_kit(sandbox), tmp_path, 20)
        await anyio.sleep(100)
        (tmp_path / "Press kit.zip").unlink()
        road.package_seconds = 0
        found = await saved(transfers, press_kit(sandbox), tmp_path, 45)

    assert isinstance(found, Exported)
    assert found.saved is not None
    assert found.saved.path.exists()


async def test_a_slow_watcher_of_an_ended_transfer_does_not_hide_the_next_one(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    """Two calls watch one transfer; while the second is still telling progress, the first is asked again."""
    road.package_seconds = 1
    action = press_kit(sandbox)
    slow = anyio.Event()

    async def tell(message: str) -> None:
        if "100 %" in message:
            await slow.wait()

    async with transferring(sandbox, road) as transfers, anyio.create_task_group() as group:
        await saved(transfers, action, tmp_path, 0)
        await anyio.sleep(6)
        errand = Errand(transfers._flipsnack, anyio.current_time() + 400, tell)

        async def call() -> None:
            await save_export(errand, transfers, action, 100, tmp_path, API)

        group.start_soon(call)
        await anyio.sleep(2)
        first = await saved(transfers, action, tmp_path, 45)
        road.package_seconds = 5
        await saved(transfers, action, tmp_path, 0)
        slow.set()
        await anyio.sleep(1)
        third = await saved(transfers, action, tmp_path, 45)

    assert isinstance(first, Exported)
    assert first.saved is not None
    assert isinstance(third, Exported)
    assert road.transfers == 2


async def test_a_package_that_is_rebuilt_meanwhile_is_a_state_and_no_error(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    action = press_kit(sandbox)
    collection = sandbox.account.collections[action.collection_hash]

    def expired(number: int) -> int | None:
        if number > 1:
            return None
        collection.packaging = None
        return 403

    road.package = expired
    async with transferring(sandbox, road) as transfers:
        first = await saved(transfers, action, tmp_path, 30)
        second = await saved(transfers, action, tmp_path, 30)

    assert isinstance(first, Exported)
    assert first.package.state == "processing"
    assert first.states[-1] == "processing again"
    assert isinstance(second, Exported)
    assert second.saved is not None


MINUTE_LATER = "the sandbox's own expiry, a minute after its answer"


@pytest.mark.parametrize("bad", [401, 403, 404, 410, 500, MINUTE_LATER, b"PK\x03\x04 cut"], ids=repr)
async def test_an_expired_link_is_asked_for_again_and_what_is_no_zip_is_refused(
    bad: int | str | bytes, sandbox: Sandbox, road: Road, tmp_path: Path, clock: LoopClock
) -> None:
    def first_only(number: int) -> int | bytes | None:
        if number == 1 and isinstance(bad, str):
            clock.advance(61)
        return bad if number == 1 and not isinstance(bad, str) else None

    road.package = first_only
    async with transferring(sandbox, road) as transfers:
        done = await saved(transfers, press_kit(sandbox), tmp_path)

    if not isinstance(bad, bytes):
        assert isinstance(done, Exported)
        assert names_in(tmp_path) == ["Press kit.zip"]
        assert road.transfers == 2
    else:
        assert isinstance(done, FlipsnackError)
        assert names_in(tmp_path) == []


async def test_an_unexpected_exception_in_a_transfer_ends_neither_the_others_nor_the_server(
    sandbox: Sandbox, road: Road, tmp_path: Path
) -> None:
    def odd(number: int) -> bytes | None:
        if number == 1:
            raise ValueError("nobody expects this")
        return None

    road.package = odd
    async with transferring(sandbox, road) as transfers:
        first = await saved(transfers, press_kit(sandbox), tmp_path)
        second = await saved(transfers, press_kit(sandbox), tmp_path)

    assert isinstance(first, FlipsnackError)
    assert "nobody expects this" not in str(first)
    assert isinstance(second, Exported)
    assert second.saved is not None
