"""Many conversions waited for at once: the list answers for those it can answer for, and nobody waits longer for it."""

from collections import Counter
from dataclasses import replace

import anyio
import pytest

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.waiting import LIST_SERVES, SURE, Conversions
from tests.api.asking import asking, unlimited

LIST, GET = "collection.getList", "collection.getCollection"


def uploaded(sandbox: Sandbox, count: int, conversion: str = "processing") -> list[str]:
    now = sandbox.account._clock()
    return [
        sandbox.account.add(
            title=f"{n}", status="editable", pages=1, created_at=now, description="", conversion=conversion
        ).hash
        for n in range(count)
    ]


async def waited(sandbox: Sandbox, hashes: list[str], seconds: float) -> dict[str, tuple[Collection, float]]:
    """How each of them ended, and after how many seconds."""
    ended: dict[str, tuple[Collection, float]] = {}
    start = anyio.current_time()

    async def wait(conversions: Conversions, errand: Errand, one: str) -> None:
        watched = await conversions.of(one).until_settled(errand, seconds)
        ended[one] = watched.last, anyio.current_time() - start

    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        conversions = Conversions()
        for one in hashes:
            group.start_soon(wait, conversions, Errand(flipsnack), one)
    return ended


def asked(sandbox: Sandbox) -> Counter[str]:
    return Counter(one.action for one in sandbox.requests)


async def test_twenty_are_polled_with_one_list_at_a_time() -> None:
    sandbox = unlimited(seeded=False, conversion_seconds=60)
    ended = await waited(sandbox, uploaded(sandbox, 20), 90)

    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert (
        max(seconds for _, seconds in ended.values()) < 60 + 10 + LIST_SERVES + 20 * 1.05
    )  # a second for each last look
    assert asked(sandbox)[LIST] <= 90 / LIST_SERVES
    assert asked(sandbox)[GET] <= 20 * 4  # the first look, one when there is a cover, one each half minute


@pytest.mark.parametrize("count", [1, 2])
async def test_few_are_looked_at_themselves(count: int) -> None:
    sandbox = unlimited(seeded=False, conversion_seconds=20)
    ended = await waited(sandbox, uploaded(sandbox, count), 45)

    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert asked(sandbox)[LIST] == 0


async def test_one_that_fails_and_gets_no_cover_is_seen_within_half_a_minute() -> None:
    sandbox = unlimited(seeded=False, conversion_seconds=1000)
    hashes = uploaded(sandbox, 5)
    collection = sandbox.account.collections[hashes[0]]
    ready_at = sandbox.account._clock() + 7
    collection.items = [replace(item, fails=True, ready_at=ready_at) for item in collection.items]

    ended = await waited(sandbox, hashes, 60)

    seen, seconds = ended[hashes[0]]
    assert seen.conversion == "failed"
    assert seconds < 7 + SURE + 10
    assert {ended[one][0].conversion for one in hashes[1:]} == {"processing"}


async def test_one_that_the_window_does_not_reach_is_looked_at_itself() -> None:
    sandbox = unlimited(seeded=False, conversion_seconds=30)
    hashes = uploaded(sandbox, 4)
    now = sandbox.account._clock()
    for n in range(120):
        sandbox.account.add(title=f"newer {n}", status="public", pages=1, created_at=now + 1, description="")

    ended = await waited(sandbox, hashes, 60)

    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert max(seconds for _, seconds in ended.values()) < 30 + 10 + 1
