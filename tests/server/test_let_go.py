"""What a call held goes with it: also where it failed, and before anybody looks for objects that hold each other."""

import gc
import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest
from anyio import CapacityLimiter, to_thread

from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.exchange import LARGE, decoded
from flipsnack_mcp.server.telling import Telling

REFUSED = b'{"code":46,"status":"Invalid collection hash"}'


class Held:
    """Something large."""


@pytest.fixture(autouse=True)
def nobody_looks() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    "body", [REFUSED, REFUSED.ljust(LARGE), b"{", b"{" * LARGE], ids=["refused", "at length", "no JSON", "a lot of it"]
)
async def test_an_answer_goes_with_the_error_it_became(body: bytes) -> None:
    held = list[int]()
    for _ in range(3):  # at the first time Python remembers how
        with suppress(FlipsnackError):
            await decoded(GetCollection(collection_hash="fxh4k89"), body, 200, (), CapacityLimiter(1))
        await to_thread.run_sync(int)  # a thread lets go of what it did last
        held.append(sys.getrefcount(body))
    assert held[1:] == [held[1]] * 2


async def test_what_failed_work_held_goes_with_its_error() -> None:
    was = list[weakref.ref[Held]]()

    async def work() -> None:
        held = Held()
        was.append(weakref.ref(held))
        raise ValueError

    async def send(*_: object) -> None:
        """Tell nobody."""

    with suppress(ValueError):
        await Telling(send).while_lasting(work)
    assert was[0]() is None
