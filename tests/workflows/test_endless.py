"""Transfers that never end by themselves: they are let go of, and what waits behind them gets its turn."""

import io
from collections.abc import AsyncIterator
from zipfile import ZipFile

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.api.actions.publishing import DownloadHtml
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.workflows.downloads.exports import FETCH_TRIES, Exported
from tests.workflows.running import LongWork, Pieces, Process, Road, of_title


def drops(content: bytes, size: int, every: float, stop_at: int | None = None) -> AsyncIterator[bytes]:
    """A body that comes slowly, and of which at some point nothing more comes."""

    async def come() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            await anyio.sleep(1e9 if stop_at is not None and start >= stop_at else every)
            yield content[start : start + size]

    return come()


def large_package() -> bytes:
    """A zip of some size."""
    content = io.BytesIO()
    with ZipFile(content, "w") as package:
        package.writestr("index.html", bytes(1_000_000))
    return content.getvalue()


class Dripping(httpx2.AsyncBaseTransport):
    """A line over which the first few answers of one kind come in drops."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, what: str, way: tuple[int, float, int | None], times: int
    ) -> None:
        self._inner, self._what, self._way, self.left = inner, what, way, times

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        hit = request.url.path.startswith("/_packages/") if self._what == "package" else request.method == "POST"
        response = await self._inner.handle_async_request(request)
        if not hit or not self.left:
            return response
        self.left -= 1
        content = await response.aread() if self._what != "package" else bytes(300_000)
        headers = {"content-length": str(len(content))}
        return httpx2.Response(200, headers=headers, stream=Pieces(drops(content, *self._way)), request=request)


def drip(process: Process, what: str, way: tuple[int, float, int | None], times: int = 1) -> Dripping:
    """From now on the answers of this process come so."""
    http = process.flipsnack.http
    line = Dripping(http._transport, what, way, times)
    http._transport = line
    return line


WAYS: dict[str, tuple[int, float, int | None]] = {
    "a byte every five seconds": (1, 5.0, None),
    "a byte a second": (1, 1.0, None),
    "a hundred bytes a second": (100, 1.0, None),
    "half a kilobyte a second": (512, 1.0, None),
    "a piece every two minutes": (65_536, 120.0, None),
    "nothing": (1000, 1.0, 0),
    "nothing after the first piece": (1000, 1.0, 1000),
    "nothing in the middle": (10_000, 0.1, 150_000),
    "nothing at the end": (10_000, 0.1, 290_000),
    "drops after half": (10_000, 0.1, 160_000),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_package_in_drops_is_let_go_of_and_fetched_anew(
    way: tuple[int, float, int | None], work: LongWork
) -> None:
    order = DownloadHtml(collection_hash=of_title(work.sandbox, "Press kit"))
    async with work.process() as process:
        line = drip(process, "package", way)
        first = await process.saved(order, work.folder, 30)
        await anyio.sleep(120)
        second = await process.saved(order, work.folder, 30)
    assert isinstance(first, Exported)
    assert first.downloading
    assert isinstance(second, Exported)
    assert second.saved is not None
    assert line.left == 0
    assert sorted(one.name for one in work.folder.iterdir()) == ["Press kit.zip"]


async def test_a_package_that_always_comes_in_drops_ends_in_words(work: LongWork) -> None:
    order = DownloadHtml(collection_hash=of_title(work.sandbox, "Press kit"))
    async with work.process() as process:
        line = drip(process, "package", WAYS["a byte every five seconds"], 100)
        await process.saved(order, work.folder, 30)
        await anyio.sleep(400)
        said = await process.saved(order, work.folder, 0)
    assert isinstance(said, FlipsnackError)
    assert "slow" in str(said)
    assert "Nothing was saved." in str(said)
    assert line.left == 100 - FETCH_TRIES
    assert list(work.folder.iterdir()) == []


async def test_the_same_call_lets_go_of_a_dead_transfer_and_begins_anew(work: LongWork) -> None:
    order = DownloadHtml(collection_hash=of_title(work.sandbox, "Press kit"))
    async with work.process() as process:
        drip(process, "package", WAYS["a byte every five seconds"])
        first = await process.saved(order, work.folder, 35)
        began = anyio.current_time()
        second = await process.saved(order, work.folder, 30)
        took = anyio.current_time() - began
    assert isinstance(first, Exported)
    assert first.downloading
    assert isinstance(second, Exported)
    assert second.saved is not None
    assert took < 20


async def test_the_same_call_goes_on_with_a_transfer_that_is_only_slow(work: LongWork) -> None:
    order = DownloadHtml(collection_hash=of_title(work.sandbox, "Press kit"))
    work.road.package, work.road.package_seconds = lambda _: large_package(), 9.0
    done: object = None
    async with work.process() as process:
        while not (isinstance(done, Exported) and done.saved):
            done = await process.saved(order, work.folder, 20)
    assert work.road.transfers == 1
    assert anyio.current_time() > 90


UPLOADS: dict[str, tuple[int, float, int | None]] = {
    **{name: way for name, way in WAYS.items() if way[2] is None and way[0] <= 100 and way[1] >= 1.0},
    "nothing": (1000, 1.0, 0),
    "nothing after a few bytes": (10, 1.0, 20),
    "five bytes a minute": (5, 60.0, None),
}


@pytest.mark.parametrize("way", UPLOADS.values(), ids=UPLOADS.keys())
async def test_two_uploads_whose_answers_drip_do_not_stop_a_third(
    way: tuple[int, float, int | None], work: LongWork
) -> None:
    async with work.process() as process:
        drip(process, "answer", way, 2)
        stuck = [await process.begin(work.paper(f"{name}.pdf"), name) for name in ("one", "two")]
        await anyio.sleep(1)
        entry, _ = await process.begin(work.paper("three.pdf"), "three")
        await anyio.sleep(5)
        third = await process.now(entry)
        await anyio.sleep(395)
        others = [await process.now(one) for one, _ in stuck]
    assert third.state == "converting"
    assert [one.state for one in others] == ["converting", "converting"]
    assert work.attempts == work.created == 3


@pytest.mark.parametrize("seconds", [100.0, 200.0, 1e9])
async def test_two_uploads_that_nobody_takes_do_not_stop_a_third(seconds: float, work: LongWork) -> None:
    slow, calls = Road(), 0

    async def moment(what: str) -> None:
        nonlocal calls
        if what == "piece":
            calls += 1
            await anyio.sleep(seconds if calls <= 2 else 0)

    slow.moment = moment
    async with work.process(road=slow) as process:
        stuck = [await process.begin(work.paper(f"{name}.pdf"), name) for name in ("one", "two")]
        await anyio.sleep(1)
        entry, _ = await process.begin(work.paper("three.pdf"), "three")
        await anyio.sleep(200)
        third = await process.now(entry)
        others = [await process.now(one) for one, _ in stuck]
    assert third.state == "converting"
    assert [one.state for one in others] == ["interrupted", "interrupted"]
    assert work.created == 1
