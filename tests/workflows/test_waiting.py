"""Waiting for a bounded time, at growing intervals; many at once with one list, which makes nobody wait longer."""

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import pairwise

import anyio
import pytest

from flipsnack_mcp.api import Lane
from flipsnack_mcp.api.actions.collections import Collection, GetCollection, ListCollections
from flipsnack_mcp.api.errors import FlipsnackError, OutOfTimeError
from flipsnack_mcp.api.pace import BudgetInMemory
from flipsnack_mcp.api.upload import ignore
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.progress import Tell, Throttled, Waiting
from flipsnack_mcp.workflows.waiting import LIST_SERVES, SURE, Conversions, Watch, Watched
from tests.api.asking import asking, unlimited
from tests.workflows.running import Told


async def converting(seconds: float) -> tuple[Sandbox, str]:
    sandbox = unlimited(account="empty", conversion_seconds=seconds)
    return sandbox, uploaded(sandbox, 1)[0]


def uploaded(sandbox: Sandbox, count: int) -> list[str]:
    add = partial(sandbox.account.add, status="editable", created_at=sandbox.account._clock(), conversion="processing")
    return [add(title=f"{n}").hash for n in range(count)]


async def looked_at(sandbox: Sandbox, target: str, seconds: float, tell: Tell = ignore) -> Watched[Collection]:
    async with asking(sandbox.app) as flipsnack:
        return await Conversions().of(target).until_settled(CallContext(flipsnack, tell=tell), seconds)


async def test_the_polls_come_at_growing_intervals() -> None:
    sandbox, target = await converting(1000)
    start = anyio.current_time()
    watched = await looked_at(sandbox, target, 50)
    times = [one.at for one in sandbox.requests]
    assert [round(later - earlier) for earlier, later in pairwise(times)] == [2, 3, 5, 8, 10, 10, 10, 2]
    assert anyio.current_time() - start == pytest.approx(50)
    assert watched.last.conversion == "processing"
    assert len(watched.states) == 9


@pytest.mark.parametrize(("seconds", "polls"), [(0.5, 2), (4, 3), (9, 4), (17, 5)])
async def test_waiting_ends_with_the_conversion(seconds: float, polls: int) -> None:
    sandbox, target = await converting(seconds)
    watched = await looked_at(sandbox, target, 45)
    assert watched.last.conversion == "complete"
    assert len(sandbox.requests) == polls
    assert watched.states[-1].startswith("complete after ")


async def test_a_call_ends_before_its_client_hangs_up() -> None:
    sandbox, target = await converting(1000)
    async with asking(sandbox.app) as flipsnack:
        context = CallContext(flipsnack, anyio.current_time() + 20)
        start = anyio.current_time()
        await Conversions().of(target).until_settled(context, 45)
    assert anyio.current_time() - start <= 20


SPOILT = [Fault("slow", seconds=2.5, times=0), Fault("hang", times=0), Fault("maintenance", times=0), None]


@pytest.mark.parametrize("fault", SPOILT, ids=["slow answers", "no answer", "maintenance", "others use up the budget"])
async def test_a_last_poll_that_fails_does_not_lose_what_was_seen(fault: Fault | None) -> None:
    sandbox, target = await converting(1000)
    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:

        async def spoil() -> None:
            await anyio.sleep(40 if fault else 1)
            if fault:
                sandbox.add_fault(fault)
            for _ in range(0 if fault else 59):
                group.start_soon(flipsnack.send, GetCollection(collection_hash=target))

        group.start_soon(spoil)
        context = CallContext(flipsnack, anyio.current_time() + 45)
        watched = await Conversions().of(target).until_settled(context, 45)
    assert watched.last.conversion == "processing"


@pytest.mark.parametrize("conversion", ["complete", "failed", "unknown"])
async def test_what_is_settled_or_unknown_is_looked_at_once(conversion: str) -> None:
    sandbox = unlimited(account="empty")
    made = sandbox.account.add(title="T", conversion=conversion.replace("unknown", "complete"))
    if conversion == "unknown":
        made.items.clear()
    watched = await looked_at(sandbox, made.hash, 45)
    assert watched.last.conversion == conversion
    assert len(sandbox.requests) == 1


async def test_the_look_that_ends_a_wait_goes_before_polls_so_that_it_is_no_longer_than_was_asked_for() -> None:
    lanes: list[Lane] = []

    async def look(_: CallContext, lane: Lane) -> str:
        lanes.append(lane)
        return "processing"

    async with asking(unlimited(account="empty").app) as flipsnack:
        await Watch("conversion", look, str).until_settled(CallContext(flipsnack), 6)
    assert lanes == [Lane.INTERACTIVE, Lane.BACKGROUND, Lane.BACKGROUND, Lane.INTERACTIVE]


async def test_no_seconds_mean_one_look() -> None:
    sandbox, target = await converting(1000)
    await looked_at(sandbox, target, 0)
    assert len(sandbox.requests) == 1
    with pytest.raises(FlipsnackError):
        await looked_at(sandbox, "nothere", 45)


async def test_cancelling_stops_the_polls_at_once() -> None:
    sandbox, target = await converting(1000)
    async with asking(sandbox.app) as flipsnack:
        start = anyio.current_time()
        with anyio.move_on_after(6):
            await Conversions().of(target).until_settled(CallContext(flipsnack), 45)
        stopped, polls = anyio.current_time(), len(sandbox.requests)
        await anyio.sleep(100)
    assert stopped - start == pytest.approx(6)
    assert polls == len(sandbox.requests) == 3


async def test_every_wait_is_told() -> None:
    told = Told()
    await looked_at(*await converting(9), 45, told)
    assert told == [f"conversion: processing, {at} s, poll {n}" for n, at in enumerate((0, 2, 5), 1)]


async def test_short_waits_are_not_worth_a_word() -> None:
    told = Told()
    waiting = Waiting(told)
    for pause, seconds in ((0, 0.2), (0, 12.0), (0, 11.0), (6, 5.0)):
        await anyio.sleep(pause)
        await waiting("request budget of the key", seconds)
    assert told == [f"next call in about {seconds} s: request budget of the key" for seconds in (12, 5)]


LINE = ("request budget of the key", "budget shared with 1 other process", "budget shared with 2 other processes")


@pytest.mark.parametrize(("others", "why"), list(enumerate(LINE)))
async def test_a_call_that_waits_in_line_tells_how_long_and_who_is_in_it_too(others: int, why: str) -> None:
    sandbox, budget, told = unlimited(), BudgetInMemory(), Told()
    clients = [asking(sandbox.app, budget=budget) for _ in range(1 + others)]
    for number in range(60):
        await clients[number % len(clients)].send(ListCollections())
    await CallContext(clients[0], tell=told).send(ListCollections())
    assert len(told) > 5
    assert all(re.fullmatch(rf"next call in about \d\d s: {why}", one) for one in told[:2])


async def test_a_call_that_would_wait_for_others_beyond_its_time_is_answered_at_once() -> None:
    sandbox, budget = unlimited(), BudgetInMemory()
    other, mine = (asking(sandbox.app, budget=budget) for _ in range(2))
    for _ in range(60):
        await other.send(ListCollections())
    before = anyio.current_time()
    with pytest.raises(OutOfTimeError, match=r"A turn comes in about \d+ seconds."):
        await CallContext(mine, deadline=before + 30).send(ListCollections())
    assert anyio.current_time() == before
    assert len(sandbox.requests) == 60


async def test_bytes_are_told_once_a_second_and_at_the_end() -> None:
    told = Told()
    transfer = Throttled(told, "upload")
    for step in range(1, 101):
        await anyio.sleep(0.03)
        await transfer(step * 1024**2, 100 * 1024**2)
    assert told[0] == "upload: 1.0 MB of 100.0 MB, 1 %"
    assert told[-1] == "upload: 100.0 MB of 100.0 MB, 100 %"
    assert len(told) <= 5


LIST, GET = "collection.getList", "collection.getCollection"


async def waited(sandbox: Sandbox, hashes: list[str], seconds: float) -> dict[str, tuple[Collection, float]]:
    """How each of them ended, and after how many seconds."""
    ended: dict[str, tuple[Collection, float]] = {}
    start = anyio.current_time()

    async def wait(conversions: Conversions, context: CallContext, one: str) -> None:
        watched = await conversions.of(one).until_settled(context, seconds)
        ended[one] = watched.last, anyio.current_time() - start

    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        conversions = Conversions()
        for one in hashes:
            group.start_soon(wait, conversions, CallContext(flipsnack), one)
    return ended


def asked(sandbox: Sandbox) -> Counter[str]:
    return Counter(one.action for one in sandbox.requests)


async def test_twenty_are_polled_with_one_list_at_a_time() -> None:
    sandbox = unlimited(account="empty", conversion_seconds=60)
    ended = await waited(sandbox, uploaded(sandbox, 20), 90)
    latest = max(seconds for _, seconds in ended.values())
    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert latest < 60 + 10 + LIST_SERVES + 20 * 1.05  # a second for each last look
    assert asked(sandbox)[LIST] <= 90 / LIST_SERVES
    assert asked(sandbox)[GET] <= 20 * 4  # the first look, one when there is a cover, one each half minute


@pytest.mark.parametrize("count", [1, 2])
async def test_few_are_looked_at_themselves(count: int) -> None:
    sandbox = unlimited(account="empty", conversion_seconds=20)
    ended = await waited(sandbox, uploaded(sandbox, count), 45)
    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert asked(sandbox)[LIST] == 0


async def test_one_that_fails_and_gets_no_cover_is_seen_within_half_a_minute() -> None:
    sandbox = unlimited(account="empty", conversion_seconds=1000)
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
    sandbox = unlimited(account="empty", conversion_seconds=30)
    hashes = uploaded(sandbox, 4)
    now = sandbox.account._clock()
    for n in range(120):
        sandbox.account.add(title=f"newer {n}", created_at=now + 1)
    ended = await waited(sandbox, hashes, 60)
    assert {seen.conversion for seen, _ in ended.values()} == {"complete"}
    assert max(seconds for _, seconds in ended.values()) < 30 + 10 + 1
