"""Waiting for a bounded time, at growing intervals."""

import re
from itertools import pairwise

import anyio
import pytest

from flipsnack_mcp.api.actions.collections import GetCollection, ListCollections
from flipsnack_mcp.api.errors import FlipsnackError, OutOfTimeError
from flipsnack_mcp.api.pace import BudgetInMemory
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.progress import Throttled, Waiting
from flipsnack_mcp.workflows.waiting import Conversions
from tests.api.asking import asking, unlimited
from tests.workflows.running import Told


async def converting(seconds: float) -> tuple[Sandbox, str]:
    sandbox = unlimited(seeded=False, conversion_seconds=seconds)
    now = sandbox.account._clock()
    made = sandbox.account.add(
        title="T", status="editable", pages=1, created_at=now, description="", conversion="processing"
    )
    return sandbox, made.hash


async def test_the_polls_come_at_growing_intervals() -> None:
    sandbox, target = await converting(1000)
    start = anyio.current_time()

    async with asking(sandbox.app) as flipsnack:
        watched = await Conversions().of(target).until_settled(Errand(flipsnack), 50)

    times = [one.at for one in sandbox.requests]
    assert [round(later - earlier) for earlier, later in pairwise(times)] == [2, 3, 5, 8, 10, 10, 10, 2]
    assert anyio.current_time() - start == pytest.approx(50)
    assert watched.last.conversion == "processing"
    assert len(watched.states) == 9


@pytest.mark.parametrize(("seconds", "polls"), [(0.5, 2), (4, 3), (9, 4), (17, 5)])
async def test_waiting_ends_with_the_conversion(seconds: float, polls: int) -> None:
    sandbox, target = await converting(seconds)

    async with asking(sandbox.app) as flipsnack:
        watched = await Conversions().of(target).until_settled(Errand(flipsnack), 45)

    assert watched.last.conversion == "complete"
    assert len(sandbox.requests) == polls
    assert watched.states[-1].startswith("complete after ")


async def test_a_call_ends_before_its_client_hangs_up() -> None:
    sandbox, target = await converting(1000)

    async with asking(sandbox.app) as flipsnack:
        errand = Errand(flipsnack, anyio.current_time() + 20)
        start = anyio.current_time()
        await Conversions().of(target).until_settled(errand, 45)

    assert anyio.current_time() - start <= 20


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("slow", seconds=2.5, times=0), id="slow answers"),
        pytest.param(Fault("hang", times=0), id="no answer"),
        pytest.param(Fault("maintenance", times=0), id="maintenance"),
    ],
)
async def test_a_last_poll_that_fails_does_not_lose_what_was_seen(fault: Fault) -> None:
    sandbox, target = await converting(1000)

    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        errand = Errand(flipsnack, anyio.current_time() + 45)

        async def spoil() -> None:
            await anyio.sleep(40)
            sandbox.add_fault(fault)

        group.start_soon(spoil)
        watched = await Conversions().of(target).until_settled(errand, 45)

    assert watched.last.conversion == "processing"


async def test_a_budget_that_others_use_up_does_not_lose_what_was_seen() -> None:
    sandbox, target = await converting(1000)

    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        errand = Errand(flipsnack, anyio.current_time() + 45)

        async def crowd() -> None:
            await anyio.sleep(1)
            async with anyio.create_task_group() as many:
                for _ in range(59):
                    many.start_soon(flipsnack.send, GetCollection(collection_hash=target))

        group.start_soon(crowd)
        watched = await Conversions().of(target).until_settled(errand, 45)

    assert watched.last.conversion == "processing"


@pytest.mark.parametrize("conversion", ["complete", "failed"])
async def test_what_is_settled_is_looked_at_once(conversion: str) -> None:
    sandbox = unlimited(seeded=False)
    made = sandbox.account.add(
        title="T", status="public", pages=1, created_at=0.0, description="", conversion=conversion
    )

    async with asking(sandbox.app) as flipsnack:
        watched = await Conversions().of(made.hash).until_settled(Errand(flipsnack), 45)

    assert watched.last.conversion == conversion
    assert len(sandbox.requests) == 1


async def test_an_unknown_conversion_ends_the_wait() -> None:
    sandbox = unlimited(seeded=False)
    made = sandbox.account.add(title="T", status="public", pages=1, created_at=0.0, description="")
    made.items.clear()

    async with asking(sandbox.app) as flipsnack:
        watched = await Conversions().of(made.hash).until_settled(Errand(flipsnack), 45)

    assert watched.last.conversion == "unknown"
    assert len(sandbox.requests) == 1


async def test_no_seconds_mean_one_look() -> None:
    sandbox, target = await converting(1000)

    async with asking(sandbox.app) as flipsnack:
        await Conversions().of(target).until_settled(Errand(flipsnack), 0)

    assert len(sandbox.requests) == 1


async def test_cancelling_stops_the_polls_at_once() -> None:
    sandbox, target = await converting(1000)

    async with asking(sandbox.app) as flipsnack:
        start = anyio.current_time()
        with anyio.move_on_after(6):
            await Conversions().of(target).until_settled(Errand(flipsnack), 45)
        stopped, polls = anyio.current_time(), len(sandbox.requests)
        await anyio.sleep(100)

    assert stopped - start == pytest.approx(6)
    assert polls == len(sandbox.requests) == 3


async def test_every_wait_is_told() -> None:
    sandbox, target = await converting(9)
    told = Told()
    async with asking(sandbox.app) as flipsnack:
        await Conversions().of(target).until_settled(Errand(flipsnack, tell=told), 45)

    assert told == [
        "conversion: processing, 0 s, poll 1",
        "conversion: processing, 2 s, poll 2",
        "conversion: processing, 5 s, poll 3",
    ]


async def test_a_first_look_that_fails_is_an_error() -> None:
    sandbox = unlimited()

    async with asking(sandbox.app) as flipsnack:
        with pytest.raises(FlipsnackError):
            await Conversions().of("nothere").until_settled(Errand(flipsnack), 45)


async def test_short_waits_are_not_worth_a_word() -> None:
    told = Told()
    waiting = Waiting(told)
    for seconds in (0.2, 12.0, 11.0):
        await waiting("request budget of the key", seconds)
    await anyio.sleep(6)
    await waiting("request budget of the key", 5.0)

    assert told == [
        "next call in about 12 s: request budget of the key",
        "next call in about 5 s: request budget of the key",
    ]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        (0, "request budget of the key"),
        (1, "budget shared with 1 other process"),
        (2, "budget shared with 2 other processes"),
    ],
)
async def test_a_call_that_waits_in_line_tells_how_long_and_who_is_in_it_too(others: int, why: str) -> None:
    sandbox, budget, told = unlimited(), BudgetInMemory(), Told()
    clients = [asking(sandbox.app, budget=budget) for _ in range(1 + others)]
    for number in range(60):
        await clients[number % len(clients)].send(ListCollections())
    await Errand(clients[0], tell=told).send(ListCollections())

    assert len(told) > 5
    assert re.fullmatch(rf"next call in about \d\d s: {why}", told[0])
    assert re.fullmatch(rf"next call in about \d\d s: {why}", told[1])


async def test_a_call_that_would_wait_for_others_beyond_its_time_is_answered_at_once() -> None:
    sandbox, budget = unlimited(), BudgetInMemory()
    other, mine = (asking(sandbox.app, budget=budget) for _ in range(2))
    for _ in range(60):
        await other.send(ListCollections())
    before = anyio.current_time()

    with pytest.raises(OutOfTimeError, match=r"A turn comes in about \d+ seconds."):
        await Errand(mine, deadline=before + 30).send(ListCollections())

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
