"""The HTML package: waited for, transferred once, told to whoever asks next, saved whole or not at all."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import anyio
import pytest

from flipsnack_mcp.api.actions.publishing import DownloadHtml, Package
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError, StillProcessingError
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.downloads.exports import BEFORE_NEXT_TRY, Exported, check_link, export
from tests.workflows.running import LongWork, Process, of_title

PACKAGE = "collection.downloadHTML"
SAVED = ["Press kit.zip"]


def press_kit(sandbox: Sandbox) -> DownloadHtml:
    return DownloadHtml(collection_hash=of_title(sandbox, "Press kit"))


async def called(work: LongWork, process: Process, seconds: float = 30) -> Exported:
    """A call for the package that is answered without an error."""
    done = await process.saved(press_kit(work.sandbox), work.folder, seconds)
    assert isinstance(done, Exported), done
    return done


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def test_a_package_is_waited_for_and_saved(work: LongWork) -> None:
    async with work.process() as process:
        done = await called(work, process)
    assert done.saved is not None
    assert names_in(work.folder) == [done.saved.path.name] == SAVED
    assert "index.html" in ZipFile(done.saved.path).namelist()
    assert done.states == ("processing after 0 s", "processing after 2 s", "complete after 5 s")


async def test_going_on_starts_no_second_package(work: LongWork) -> None:
    async with work.process() as process:
        early = await called(work, process, 3)
        before = names_in(work.folder)
        await anyio.sleep(10)
        done = await called(work, process, 0)
    assert (early.package.state, early.saved, before) == ("processing", None, [])
    assert done.saved is not None
    assert done.states == ("complete after 0 s",)


async def test_a_package_that_fails_is_a_state_and_no_error(sandbox: Sandbox, context: CallContext) -> None:
    sandbox.add_fault(Fault("package_fails"))
    watched = await export(context, press_kit(sandbox), 30)
    assert watched.last.state == "failed"


async def test_what_is_not_there_or_still_converted_cannot_be_saved(work: LongWork) -> None:
    made = work.sandbox.account.add(title="T", conversion="processing")
    async with work.process() as process:
        gone = await process.saved(DownloadHtml(collection_hash="nothere"), work.folder)
        early = await process.saved(DownloadHtml(collection_hash=made.hash), work.folder)
    assert isinstance(gone, NotFoundError)
    assert isinstance(early, StillProcessingError)


@pytest.mark.parametrize(("transfer", "apart"), [(1.0, 0.0), (0.0, 1.0)], ids=["at once", "ended before the next asks"])
async def test_calls_for_one_collection_make_one_transfer(transfer: float, apart: float, work: LongWork) -> None:
    work.road.package_seconds = transfer
    done: list[Exported] = []
    async with work.process() as process, anyio.create_task_group() as group:

        async def call() -> None:
            done.append(await called(work, process, 45))

        for _ in range(3):
            group.start_soon(call)
            await anyio.sleep(apart)
    assert work.road.transfers == 1
    assert names_in(work.folder) == SAVED
    assert [one.package.state for one in done if one.saved] == ["complete"] * 3


async def test_several_collections_are_transferred_side_by_side(work: LongWork) -> None:
    work.road.package_seconds = 2
    began = anyio.current_time()
    async with work.process() as process, anyio.create_task_group() as group:
        for collection_hash in list(work.sandbox.account.collections)[:3]:
            group.start_soon(process.saved, DownloadHtml(collection_hash=collection_hash), work.folder, 45)
    assert work.road.transfers == len(names_in(work.folder)) == 3
    assert anyio.current_time() - began < 2 * 10 * work.road.package_seconds


async def test_a_transfer_that_outlasts_the_call_shows_nothing_before_it_is_whole(work: LongWork) -> None:
    work.road.package_seconds = 6
    async with work.process() as process:
        first = await called(work, process, 15)
        second = await called(work, process, 2)
        half = names_in(work.folder)
        await anyio.sleep(100)
        after = names_in(work.folder)
        third = await called(work, process, 0)
        transfers, work.road.package_seconds = work.road.transfers, 0
        another = await called(work, process, 45)
    assert (first.package.state, first.saved, second.saved) == ("processing", None, None)
    assert "downloading" in first.states[-1]
    assert [name for name in half if not name.startswith(".")] == []
    assert after == SAVED
    # The package has not changed since, so it is not there twice.
    assert [one.saved and one.saved.path.name for one in (third, another)] == SAVED * 2
    assert (transfers, work.road.transfers, names_in(work.folder)) == (1, 2, SAVED)


async def test_a_file_that_was_taken_away_meanwhile_is_fetched_anew(work: LongWork) -> None:
    """The path in an answer has to be there."""
    work.road.package_seconds = 6
    async with work.process() as process:
        await called(work, process, 20)
        await anyio.sleep(100)
        (work.folder / "Press kit.zip").unlink()
        work.road.package_seconds = 0
        found = await called(work, process, 45)
    assert found.saved is not None
    assert found.saved.path.exists()


async def test_a_server_that_ends_in_the_middle_leaves_nothing_behind(work: LongWork) -> None:
    work.road.package_seconds = 6
    async with work.process() as process:
        await called(work, process)
    assert names_in(work.folder) == []


async def test_the_error_of_an_unwatched_transfer_is_told_once_and_then_it_starts_anew(work: LongWork) -> None:
    work.road.package_seconds = 6
    work.road.package = lambda number: b"no zip at all" if number == 1 else None
    async with work.process() as process:
        await called(work, process, 20)
        await anyio.sleep(100)
        second = await process.saved(press_kit(work.sandbox), work.folder, 45)
        left = names_in(work.folder)
        work.road.package_seconds = 0
        third = await called(work, process, 45)
    assert isinstance(second, FlipsnackError)
    assert "Nothing was saved." in str(second)
    assert left == []
    assert (bool(third.saved), work.road.transfers) == (True, 2)


def zip_with(name: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w") as package:
        package.writestr(name, "anything")
    return made.getvalue()


@pytest.mark.parametrize(
    ("package", "again"),
    [
        pytest.param(zip_with("index.html")[:-1], True, id="cut on its way"),
        pytest.param(zip_with("run.exe"), False, id="with a program"),
        pytest.param(zip_with("../index.html"), False, id="leads out of its folder"),
        pytest.param(zip_with("only/"), False, id="without a file"),
    ],
)
async def test_only_what_another_transfer_can_mend_is_to_be_tried_again(
    package: bytes, work: LongWork, *, again: bool
) -> None:
    work.road.package = lambda _: package
    async with work.process() as process:
        refused = await process.saved(press_kit(work.sandbox), work.folder, 45)
        assert isinstance(refused, FlipsnackError)
        assert ("You can try again." in str(refused)) is again
        assert ("Trying again will not help. Tell the person" in str(refused)) is not again
    assert names_in(work.folder) == []


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 302, None], ids=str)
async def test_an_expired_link_or_a_broken_transfer_is_asked_for_again(status: int | None, work: LongWork) -> None:
    """The last one expires as the sandbox's links do, a minute after its answer."""

    def first_only(number: int) -> int | None:
        if number == 1 and status is None:
            work.clock.advance(61)
        return status if number == 1 else None

    work.road.package = first_only
    async with work.process() as process:
        done = await called(work, process)
    assert (bool(done.saved), work.road.transfers, len(work.sandbox.carried_out(PACKAGE))) == (True, 2, 4)


@pytest.mark.parametrize(
    ("comes", "said"),
    [
        (b"PK", "its transfer broke off several times"),
        *((n, f"its address answered with HTTP {n}") for n in (302, 403, 404, 503)),
    ],
)
async def test_a_transfer_that_keeps_breaking_saves_nothing(comes: bytes | int, said: str, work: LongWork) -> None:
    work.road.package, work.road.missing = lambda _: comes, 2000
    began = anyio.current_time()
    async with work.process() as process:
        error = await process.saved(press_kit(work.sandbox), work.folder)
    assert isinstance(error, FlipsnackError)
    assert f"complete at Flipsnack, but {said}. Nothing was saved." in error.happened
    assert work.road.transfers == 3
    assert anyio.current_time() - began >= 2 * BEFORE_NEXT_TRY
    assert names_in(work.folder) == []


async def test_a_package_that_is_rebuilt_meanwhile_is_a_state_and_no_error(work: LongWork) -> None:
    collection = work.sandbox.account.collections[press_kit(work.sandbox).collection_hash]

    def expired(number: int) -> int | None:
        if number > 1:
            return None
        collection.packaging = None
        return 403

    work.road.package = expired
    async with work.process() as process:
        first = await called(work, process)
        second = await called(work, process)
    assert first.package.state == "processing"
    assert first.states[-1] == "processing again"
    assert second.saved is not None


def test_a_link_that_leads_to_no_public_address_is_refused() -> None:
    for address in (
        "https://169.254.169.254/x.zip",
        "http://127.0.0.1:80/x.zip",
        "http://localhost/x",
        "ftp://a.example/x",
        "http://[",
    ):
        package = Package(state="complete", resource_url=address)
        with pytest.raises(FlipsnackError, match="not a public https address") as refused:
            check_link(package, "https://api.flipsnack.com/v1/")
        assert "Trying again will not help." in str(refused.value)


@pytest.mark.parametrize(
    ("given", "api", "fetched"),
    [
        ("http://files.example.com/x.zip?s=1", "https://api.flipsnack.com/v1/", "https://files.example.com/x.zip?s=1"),
        ("http://localhost:8002/x.zip", "http://127.0.0.1:8001/v1/", "http://localhost:8002/x.zip"),
        ("http://[::1]:8001/x.zip", "http://localhost:8001/v1/", "http://[::1]:8001/x.zip"),
        ("127.0.0.1:8001/x.zip", "http://127.0.0.1:8001/v1/", "http://127.0.0.1:8001/x.zip"),
        ("//127.0.0.1:8001/x.zip", "http://127.0.0.1:8001/v1/", "http://127.0.0.1:8001/x.zip"),
        ("//localhost:8002/x.zip", "http://127.0.0.1:8001/v1/", "http://localhost:8002/x.zip"),
        ("127.0.0.1:8002/x.zip", "http://127.0.0.1:8001/v1/", "http://127.0.0.1:8002/x.zip"),
        ("127.0.0.1:8001/x.zip", "https://127.0.0.1:8001/v1/", "https://127.0.0.1:8001/x.zip"),
        ("localhost.example.com/x.zip", "https://api.flipsnack.com/v1/", "https://localhost.example.com/x.zip"),
        ("//files.example.com/x.zip", "https://api.flipsnack.com/v1/", "https://files.example.com/x.zip"),
        (" https://files.example.com/x.zip\n", "https://api.flipsnack.com/v1/", "https://files.example.com/x.zip"),
    ],
)
def test_a_plain_link_is_raised_to_https_but_on_this_computer(given: str, api: str, fetched: str) -> None:
    assert check_link(Package.read({"status": "COMPLETE", "resourceUrl": given}), api) == fetched


def test_a_complete_package_without_a_link_is_not_said_to_have_one() -> None:
    with pytest.raises(FlipsnackError, match="gave no link"):
        check_link(Package(state="complete"), "https://api.flipsnack.com/v1/")
