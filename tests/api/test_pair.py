"""Two places in the budget at one moment: for a look, and for the act that must follow it at once."""

from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.api import budget, pace
from flipsnack_mcp.api.budget import BudgetRules, Lane, Wait
from flipsnack_mcp.api.pace import Pacer, Slot
from tests.api.asking import each
from tests.api.test_pace import Calls, Fuzz, JsonStore, Late, Limits, Process, broken, takes

MINUTE: Limits = ((60, 60.0),)


class Pairs(Fuzz):
    """The fuzz, in which a call may be the second of a pair, made up to eight seconds later or never."""

    @override
    async def work(self, pacer: Any, lane: Lane) -> None:
        while True:
            with anyio.move_on_after(self.dice.choice([60, self.dice.uniform(0, 12)])):
                if self.dice.random() < 0.5:
                    async with pacer.slot(lane):
                        await self.travel()
                async with pacer.pair(lane) as places:
                    for place in places[: self.dice.randint(0, 2)]:
                        await anyio.sleep(self.dice.choice([0, self.dice.uniform(0, 6)]))
                        if place.is_good:
                            async with place.calling(0):
                                await self.travel()
            await anyio.sleep(self.dice.choice([0, 0, 1]) * self.dice.random())

    async def travel(self) -> None:
        way = self.dice.uniform(0, self.hold)
        self.granted.append(anyio.current_time())
        self.arrived.append(anyio.current_time() + way)
        await anyio.sleep(way + self.dice.uniform(0, self.hold))


async def test_no_window_is_broken_by_pairs_whatever_the_delays_cancellations_and_kills() -> None:
    calls = 0
    for seed in range(15):
        fuzz = Pairs(pace, seed)
        await fuzz.faults()
        assert not broken(fuzz.arrived, fuzz.limits), f"seed {seed}"
        calls += len(fuzz.granted)
    assert calls > 300


LIMITS: dict[str, tuple[Limits, Lane, int]] = {
    "five a second": (((5, 1.0),), Lane.INTERACTIVE, 2), "two a second": (((2, 1.0),), Lane.INTERACTIVE, 2),
    "one a second": (((1, 1.0),), Lane.INTERACTIVE, 1), "one of two limits": (((5, 1.0), (1, 9.0)), Lane.INTERACTIVE, 1),
    "background": (((5, 1.0),), Lane.BACKGROUND, 2), "background of three": (((3, 1.0),), Lane.BACKGROUND, 2),
    "background of two": (((2, 1.0),), Lane.BACKGROUND, 1), "background of one": (((1, 1.0),), Lane.BACKGROUND, 1),
}  # fmt: skip


@each("row", LIMITS)
async def test_there_are_two_wherever_the_limits_have_room_for_two(row: tuple[Limits, Lane, int]) -> None:
    limits, lane, count = row
    async with Pacer(JsonStore(), BudgetRules(limits=limits)).pair(lane) as places:
        assert len(places) == count


@each("used", {"none": 0, "the look": 1, "both": 2})
async def test_what_is_not_used_is_given_back(used: int) -> None:
    store = JsonStore()
    async with Pacer(store).pair() as places:
        for place in places[:used]:
            async with place.calling(0):
                pass
        assert len(budget.stamps(store._document, anyio.current_time())) == 2
    assert len(budget.stamps(store._document, anyio.current_time())) == used


@each("failure", {"cancelled": TimeoutError(), "an error": ValueError()})
async def test_it_is_given_back_also_after_a_failure(failure: Exception) -> None:
    store = JsonStore()
    with pytest.raises(type(failure)):
        async with Pacer(store).pair():
            raise failure
    assert budget.stamps(store._document, anyio.current_time()) == []


async def test_both_come_at_one_moment_and_two_who_want_a_pair_never_wait_for_each_other() -> None:
    store, got = JsonStore(), list[float]()
    rules = BudgetRules(limits=((3, 5.0),))

    async def pair(pacer: Pacer) -> None:
        async with pacer.pair() as places:
            got.append(anyio.current_time())
            await use(places)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(pair, Pacer(store, rules))
    assert got == pytest.approx([0, 5.05, 10.1], abs=0.2)


async def use(places: list[Slot]) -> None:
    for place in places:
        async with place.calling(0):
            pass


async def test_single_calls_do_not_starve_a_pair() -> None:
    store, calls = JsonStore(), Calls(takes=0)
    rules = BudgetRules(limits=((2, 1.0), *MINUTE))
    one, other = Pacer(store, rules), Pacer(store, rules)

    async def for_ever() -> None:
        while True:
            await calls.one(one)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(for_ever)
        await anyio.sleep(5)
        with takes(0, 2.5):
            async with other.pair():
                group.cancel_scope.cancel()


@each("seconds", {"at once": (0.0, True), "in time": (7.9, True), "too late": (8.1, False)})
async def test_a_place_is_good_while_a_call_would_arrive_within_what_was_granted(seconds: tuple[float, bool]) -> None:
    async with Pacer(JsonStore()).pair() as places:
        await anyio.sleep(seconds[0])
        assert [one.is_good for one in places] == [seconds[1]] * 2


async def test_what_a_store_takes_to_answer_is_a_part_of_the_time_in_which_a_place_is_good() -> None:
    async with Pacer(Late()).pair() as places:  # the answer came a second later
        for seconds, good in ((6.9, True), (0.2, False)):
            await anyio.sleep(seconds)
            assert [one.is_good for one in places] == [good] * 2


async def test_a_killed_process_locks_its_pair_for_ten_seconds_and_a_minute_and_no_longer() -> None:
    store = JsonStore()
    process = Process(store)
    async with anyio.create_task_group() as group:
        async with Pacer(process, BudgetRules(limits=((2, 60.0),))).pair():
            process.killed = True
            with takes(70, 71):
                await Calls(takes=0).one(Pacer(store, BudgetRules(limits=((2, 60.0),))))
        group.cancel_scope.cancel()


async def test_a_pair_is_forecast_as_two_calls() -> None:
    pacer, told = Pacer(JsonStore(), BudgetRules(limits=((3, 10.0),))), list[float]()
    await Calls(takes=0).one(pacer)
    await Calls(takes=0).one(pacer)

    async def on_wait(wait: Wait) -> None:
        told.append(wait.forecast)

    async with pacer.pair(on_wait=on_wait):
        assert told[0] == pytest.approx(10.05, abs=0.1)


async def test_pairs_and_single_calls_that_come_together_get_what_each_wants_as_far_as_there_is_room() -> None:
    pacer, got = Pacer(JsonStore(), BudgetRules(limits=((5, 10.0),), margin=0)), list[tuple[int, int, float]]()

    async def pair(number: int) -> None:
        async with pacer.pair() as places:
            for place in places:
                async with place.calling(0):
                    got.append((number, len(places), anyio.current_time()))

    async def one(number: int) -> None:
        async with pacer.slot(hold=BudgetRules().lease):  # as long as a pair may be under way
            got.append((number, 1, anyio.current_time()))

    async with anyio.create_task_group() as group:
        for number, way in enumerate([pair, pair, pair, one]):
            group.start_soon(way, number)
    began = got[0][2]
    now, later = pytest.approx(0), pytest.approx(10, abs=0.1)
    assert [(number, places) for number, places, _ in got] == [(0, 2), (0, 2), (1, 2), (1, 2), (2, 2), (2, 2), (3, 1)]
    assert [at - began for *_, at in got] == [now, now, now, now, later, later, later]
