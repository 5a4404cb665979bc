"""Answers in drops and documents that nobody takes: everything comes to an end. On a virtual clock, without a call's own end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions.collections import DeleteCollection, GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.legacy import AddFlipbook, SetLogo
from flipsnack_mcp.api.actions.publishing import CreateCollection, DownloadHtml, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats, GetUserStats
from flipsnack_mcp.api.errors import Changed, UnreachableError
from flipsnack_mcp.api.network import Floor
from flipsnack_mcp.api.network.floor import IN_ALL, LEAST, MOVE_WITHIN
from tests.api.asking import Paper, error_of, over

ANSWER = b'{"code": 20, "status": "OK", "data": {"collectionHash": "fxh4k89"}}'
LARGE = b"%PDF-1.7\n" + bytes(4 * LEAST)


@dataclass
class Slow(httpx2.AsyncBaseTransport):
    """A line that takes and gives so many bytes at a time, every so many seconds."""

    takes: tuple[int, float] = (10**9, 0.0)
    gives: tuple[int, float] = (10**9, 0.0)
    head_after: float = 0.0
    answer: bytes = ANSWER
    tried: int = 0
    taken: int = 0

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.tried += 1
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        async for piece in request.stream:
            for _ in range(0, len(piece), self.takes[0]):
                await anyio.sleep(self.takes[1])
            self.taken += len(piece)
        await anyio.sleep(self.head_after)
        return httpx2.Response(200, stream=Drops(self), request=request)


class Drops(httpx2.AsyncByteStream):
    """The answer of a slow line."""

    def __init__(self, line: Slow) -> None:
        self._line = line

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, seconds = self._line.gives
        for start in range(0, len(self._line.answer), size):
            await anyio.sleep(seconds)
            yield self._line.answer[start : start + size]


ONE = {"collection_hash": "fxh4k89"}
DRIP = (1, 5.0)
CASES: dict[str, tuple[Action[Any], Slow, bytes | None]] = {
    "a list in drops": (ListCollections(), Slow(gives=DRIP), None),
    "a list of megabytes in drops": (ListCollections(), Slow(gives=(100, 1.0), answer=b" " * 10**6), None),
    "a look in drops": (GetCollection(**ONE), Slow(gives=(1, 14.0)), None),
    "statistics in drops": (GetCollectionStats(**ONE), Slow(gives=DRIP), None),
    "the account in drops": (GetUserStats(), Slow(gives=DRIP), None),
    "an embed code in drops": (GetEmbedCode(**ONE), Slow(gives=(2, 3.0)), None),
    "a package's state in drops": (DownloadHtml(**ONE), Slow(gives=DRIP), None),
    "a change in drops": (UpdateCollection(**ONE, title="T"), Slow(gives=DRIP), None),
    "a deletion in drops": (DeleteCollection(**ONE), Slow(gives=DRIP), None),
    "an upload by address in drops": (CreateCollection(file_url="https://a.com/b.pdf"), Slow(gives=DRIP), None),
    "the answer to an upload in drops": (CreateCollection(title="T"), Slow(gives=DRIP), LARGE),
    "a head that never comes": (GetUserStats(), Slow(head_after=1e9), None),
    "a head that never comes after an upload": (CreateCollection(title="T"), Slow(head_after=1e9), LARGE),
    "a document that nobody takes": (CreateCollection(title="T"), Slow(takes=(1, 1e9)), LARGE),
    "a document taken in drops": (CreateCollection(title="T"), Slow(takes=(64, 1.0)), LARGE),
    "a small document taken in drops": (CreateCollection(title="T"), Slow(takes=(1, 5.0)), b"%PDF-1.7\n" + bytes(500)),
    "a flipbook that nobody takes": (AddFlipbook(**ONE), Slow(takes=(1, 30.0)), LARGE),
    "a logo's answer in drops": (SetLogo(**ONE), Slow(gives=DRIP), b"\x89PNG\r\n\x1a\n" + bytes(300)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_everything_comes_to_an_end(case: tuple[Action[Any], Slow, bytes | None]) -> None:
    action, line, content = case
    start = anyio.current_time()
    paper = Paper(content=content, piece=16_384) if content else None
    async with over(lambda: line) as flipsnack:
        with anyio.fail_after(3600):
            error = await error_of(flipsnack.send(action, paper), UnreachableError)
    assert anyio.current_time() - start <= line.tried * 300
    assert (error.changed is Changed.NOTHING) is (action.effect.value == "reads")
    assert line.tried == (4 if action.idempotent else 1)


HONEST: dict[str, tuple[Action[Any], Slow, bytes | None]] = {
    "an answer in half a minute": (GetUserStats(), Slow(head_after=14.0, gives=(10, 2.0)), None),
    "a slow line": (CreateCollection(title="T"), Slow(takes=(16_384, 10.0)), LARGE),
    "a slow line and a slow answer": (CreateCollection(title="T"), Slow(takes=(16_384, 11.0), head_after=100.0), LARGE),
    "a document at work for two minutes": (CreateCollection(title="T"), Slow(head_after=120.0), LARGE),
    "an hour of upload": (CreateCollection(title="T"), Slow(takes=(16_384, 11.0)), LARGE * 18),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST.values(), ids=HONEST.keys())
async def test_what_is_only_slow_arrives(case: tuple[Action[Any], Slow, bytes | None]) -> None:
    action, line, content = case
    paper = Paper(content=content, piece=16_384) if content else None
    async with over(lambda: line) as flipsnack:
        await flipsnack.send(action, paper)
    assert line.tried == 1


@pytest.mark.parametrize(
    ("every", "size", "ends_after"),
    [
        (5.0, 1, MOVE_WITHIN),
        (1.0, 100, MOVE_WITHIN),
        (1.0, LEAST // 100, MOVE_WITHIN),
        (10.0, LEAST // 8, IN_ALL),
        (10.0, LEAST, IN_ALL),
        (10.0, 100 * LEAST, IN_ALL),
        (89.0, LEAST, IN_ALL),
        (91.0, LEAST * 100, MOVE_WITHIN),
    ],
)
async def test_a_floor_ends_what_is_too_slow_and_what_takes_too_long(
    every: float, size: int, ends_after: float
) -> None:
    floor, done, start = Floor(), 0, anyio.current_time()
    with floor.scope:
        while True:
            await anyio.sleep(every)
            done += size
            floor.moved(done)
    assert floor.scope.cancelled_caught
    assert anyio.current_time() - start == pytest.approx(ends_after)


async def test_an_end_that_was_given_counts_also_for_what_is_fast() -> None:
    floor = Floor(until=anyio.current_time() + 30)
    with floor.scope:
        for done in range(100):
            await anyio.sleep(1)
            floor.moved(done * LEAST)
    assert anyio.current_time() == pytest.approx(30, abs=1)
