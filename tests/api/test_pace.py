"""The request budget, on virtual time: minutes of waiting take milliseconds."""

import importlib.util
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.api import budget, pace, upload
from flipsnack_mcp.api.budget import BudgetRules, Lane, Wait
from flipsnack_mcp.api.counting import ledger, settled_calls, waiting
from flipsnack_mcp.api.counting.ledger import SharedBudget
from flipsnack_mcp.api.counting.waiting import OnWait
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from tests.api.asking import each

T = TypeVar("T")
Limits = tuple[tuple[int, float], ...]
FIVE = BudgetRules(limits=((1, 5.0),))  # one call in five seconds
SOME_LIMITS = (((5, 1.0), (60, 60.0)), ((3, 0.5), (12, 5.0)), ((1, 0.2), (4, 3.0)), ((3, 1.0), (30, 20.0)))


class JsonStore(BudgetInMemory):
    """Shared by the pacers of a test. What is left goes through JSON, as it does between processes: at first each time."""

    skew = 0.0
    changes = 0

    @override
    async def change(self, decide: Callable[[SharedBudget, float], T]) -> T:
        answer = decide(self._document, anyio.current_time() + self.skew)
        self.changes += 1
        if self.changes > 50 and self.changes % 10:
            return answer
        returned = json.loads(json.dumps(self._document))
        assert returned == self._document
        assert ledger.fits(returned)
        assert returned["answered"]["settled"] == sorted(returned["answered"]["settled"])
        self._document = returned
        return answer


class Process(BudgetInMemory):
    """The store as one process sees it, until it is killed: then it never comes back from there."""

    killed = False

    def __init__(self, shared: JsonStore, latency: Callable[[], float] = float) -> None:
        self._shared, self._latency = shared, latency

    @override
    async def change(self, decide: Callable[[SharedBudget, float], T]) -> T:
        await anyio.sleep(self._latency())
        if self.killed:
            await anyio.sleep_forever()
        return await self._shared.change(decide)


class Calls:
    """Makes calls and notes when each was asked for, granted, and first forecast."""

    def __init__(self, takes: float = 0.1) -> None:
        self.takes = takes
        self.granted: list[float] = []
        self.by: Counter[object] = Counter()
        self.waits: list[float] = []
        self.errors: list[float] = []  # of the first forecast

    async def one(self, pacer: Pacer, lane: Lane = Lane.INTERACTIVE, hold: float | None = None) -> None:
        asked, forecasts = anyio.current_time(), list[float]()

        async def on_wait(wait: Wait) -> None:
            forecasts.append(wait.forecast)

        async with pacer.slot(lane, on_wait=on_wait, hold=hold):
            now = anyio.current_time()
            self.granted.append(now)
            self.by[pacer] += 1
            self.waits.append(now - asked)
            self.errors += [now - asked - seconds for seconds in forecasts[:1]]
            await anyio.sleep(self.takes)

    async def together(self, number: int, *pacers: Pacer) -> None:
        """So many at once, by all processes in turn."""
        async with anyio.create_task_group() as group:
            for one in range(number):
                group.start_soon(self.one, pacers[one % len(pacers)])

    async def five_minutes(self, *pacers: Pacer) -> None:
        """Batches of one call after another, one for each of these."""
        with anyio.move_on_after(300):
            async with anyio.create_task_group() as group:
                for pacer in pacers:
                    group.start_soon(self.for_ever, pacer)

    async def for_ever(self, pacer: Pacer) -> None:
        while True:
            await self.one(pacer, Lane.BACKGROUND)


@contextmanager
def takes(least: float, most: float) -> Iterator[None]:
    start = anyio.current_time()
    yield
    assert least <= anyio.current_time() - start <= most


def broken(arrivals: list[float], limits: Limits) -> list[str]:
    times = sorted(arrivals)
    return [
        f"{n + 1} calls in {last - first:.3f} s, from {first:.3f}"
        for n, window in limits
        for first, last in zip(times, times[n:], strict=False)
        if last - first < window - 1e-6
    ]


class Fuzz:
    """Random rules, processes, lanes, delays, cancellations and kills. `faults` says which promises were broken.

    A call arrives up to `hold` after it was granted, even if its caller has meanwhile been cancelled or killed.
    """

    def __init__(self, module: Any, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - to be repeatable, not secret
        self.limits, self.hold = self.dice.choice(SOME_LIMITS), self.dice.choice([0.05, 0.5, 2.0])
        self.rules = module.BudgetRules(limits=self.limits, hold=self.hold, margin=self.dice.choice([0.0, 0.05]))
        self.module, self.store = module, JsonStore()
        self.granted: list[float] = []
        self.arrived: list[float] = []

    async def faults(self) -> list[str]:
        longest, start = max(window for _, window in self.limits), anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in range(self.dice.randint(2, 4)):
                process = Process(self.store, lambda: self.dice.choice([0, 0, 0.003]))
                pacer = self.module.Pacer(process, self.rules)
                for _ in range(self.dice.randint(1, 4)):
                    group.start_soon(self.work, pacer, self.module.Lane(self.dice.randint(0, 1)))
                if number:
                    group.start_soon(self.kill, process, self.dice.uniform(0, longest))
            await anyio.sleep(max(2.5 * longest, 30))
            group.cancel_scope.cancel()
        return broken(self.arrived, self.limits) + self.holes(start, longest + self.hold + 3)

    async def work(self, pacer: Pacer, lane: Lane) -> None:
        while True:
            with anyio.move_on_after(self.dice.choice([60, self.dice.uniform(0, 3)])):
                async with pacer.slot(lane):
                    travel = self.dice.uniform(0, self.hold)
                    self.granted.append(anyio.current_time())
                    self.arrived.append(anyio.current_time() + travel)
                    await anyio.sleep(travel + self.dice.uniform(0, self.hold))
            await anyio.sleep(self.dice.choice([0, 0, 1]) * self.dice.random())

    async def kill(self, process: Process, after: float) -> None:
        await anyio.sleep(after)
        process.killed = True

    def holes(self, start: float, most: float) -> list[str]:
        times = [start, *self.granted, anyio.current_time()]
        return [f"no call from {one} to {two}" for one, two in pairwise(times) if two - one > most]


async def test_no_window_is_broken_at_arrival_whatever_the_delays_cancellations_and_kills() -> None:
    calls = 0
    for seed in range(12):  # each mutant below is found by one of them
        fuzz = Fuzz(pace, seed)
        assert not await fuzz.faults(), f"seed {seed}"
        calls += len(fuzz.granted)
    assert calls > 600


MUTANTS = {
    "no settling": ('return min(now, call["granted"] + call["hold"])', 'return call["granted"]'),
    "calls in flight are not counted": (
        ', *(stamp(call, now) for call in doc["log"])]',
        "]",
    ),
    "> for >=": ("len(self.stamps) >= n", "len(self.stamps) > n"),
    "the dead keep their place": ('if soonest <= want["due"] <= latest', ""),
    "a cancelled call counts as answered": ("await self.abandon()", "await self.settle()"),
    "all go who wait": ("                return count\n", "                return callers\n"),
    "what is told later came earlier": ("now - (here - came)", "now - 2 * (here - came) - 0.2"),
}
SOURCES = {
    one: Path(one.__file__ or "").read_text(encoding="utf-8")
    for one in (ledger, budget, upload, settled_calls, waiting, pace)
}


@each("change", MUTANTS)
async def test_the_fuzz_finds_every_mutant(
    change: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sum(source.count(change[0]) for source in SOURCES.values()) == 1, "the mutant must be written anew"
    for one, source in SOURCES.items():
        own = re.sub(r"from flipsnack_mcp\.api(\.counting)?", f"from {tmp_path.name}", source.replace(*change))
        (tmp_path / Path(one.__file__ or "").name).write_text(own, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path.parent)
    module = importlib.import_module(f"{tmp_path.name}.pace")
    for seed in range(30):
        if await Fuzz(module, seed).faults():
            return
    pytest.fail("nobody noticed")


async def test_background_alone_uses_the_allowance_and_shares_it_evenly() -> None:
    store, calls = JsonStore(), Calls()
    pacers = [Pacer(store) for _ in range(3)]
    await calls.five_minutes(*pacers * 2)
    shares = [calls.by[pacer] for pacer in pacers]
    assert sum(shares) >= 0.95 * 300
    assert max(shares) - min(shares) <= 2
    assert not broken(calls.granted, BudgetRules().limits)


async def test_calls_that_go_a_little_late_cost_nothing_of_the_allowance() -> None:
    store, calls = JsonStore(), Calls(takes=0.05)
    pacers = [Pacer(Process(store, lambda: 0.02)) for _ in range(3)]
    await calls.five_minutes(*pacers)
    assert sum(calls.by.values()) >= 0.98 * 300
    assert not broken(calls.granted, BudgetRules().limits)


@pytest.mark.parametrize("same", [True, False], ids=["in the same process", "in another process"])
async def test_a_person_does_not_wait_for_a_batch(same: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    store, batch, person = JsonStore(), Calls(), Calls()
    theirs = Pacer(store)
    mine = theirs if same else Pacer(store)
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(batch.one, theirs, Lane.BACKGROUND)
        for _ in range(24):
            await anyio.sleep(5)
            group.start_soon(person.one, mine)
    assert median(person.waits) < 0.1
    assert max(person.waits) < 1
    assert not broken(batch.granted + person.granted, BudgetRules().limits)


async def test_the_last_place_of_each_window_is_kept_for_a_person() -> None:
    store, calls = JsonStore(), Calls(takes=10)
    pacer = Pacer(store, BudgetRules(limits=((5, 1.0),)))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(calls.one, pacer, Lane.BACKGROUND)
        await anyio.sleep(1.9)
        with takes(10, 10):
            await calls.one(pacer)
    assert calls.waits.count(0) >= 2


@pytest.mark.parametrize("processes", [1, 3])
async def test_the_forecast_of_an_interactive_queue_is_right_within_a_second(processes: int) -> None:
    store, calls = JsonStore(), Calls(takes=0.05)
    pacers = [Pacer(store) for _ in range(processes)]
    await calls.together(90, *pacers)
    assert max(calls.waits) > 60
    assert len(calls.errors) >= 85  # five went at once
    assert max(map(abs, calls.errors)) < 1


async def test_the_forecast_counts_down_while_a_caller_waits() -> None:
    pacer, seen = Pacer(JsonStore(), FIVE), list[float]()

    async def on_wait(wait: Wait) -> None:
        seen.append(wait.forecast)
        await anyio.sleep(0.04)  # a slow reader of the report costs nobody a turn

    await Calls(takes=0).one(pacer)
    with takes(5.05, 5.05):
        async with pacer.slot(on_wait=on_wait):
            pass
    assert seen == pytest.approx([5.05, 4.05, 3.05, 2.05, 1.05, 0.05])


async def test_cancelled_waiters_leave_the_queue() -> None:
    store, calls = JsonStore(), Calls(takes=10)
    pacer = Pacer(store)
    with anyio.move_on_after(0.5):
        async with anyio.create_task_group() as group:
            for lane in [*Lane] * 100:
                group.start_soon(calls.one, pacer, lane)
    assert not store._document["want"]
    calls.takes = 0
    with takes(2.5, 2.6):  # for the five calls on their way, not for the waiters
        await calls.one(pacer)


async def test_a_waiter_that_leaves_does_not_take_its_companions_along() -> None:
    store, calls = JsonStore(), Calls()
    pacer = Pacer(store, BudgetRules(limits=((1, 10.0),)))
    async with anyio.create_task_group() as group:
        group.start_soon(calls.together, 2, pacer)
        await anyio.sleep(1)
        with anyio.move_on_after(1):
            await calls.one(pacer)
        assert [want["n"] for want in store._document["want"].values()] == [1]
    assert calls.granted[1] - calls.granted[0] == pytest.approx(10.15)


class Late(JsonStore):
    """It takes a second until it is known what was decided."""

    looks = 0

    @override
    async def change(self, decide: Callable[[SharedBudget, float], T]) -> T:
        self.looks += 1
        answer = await super().change(decide)
        await anyio.sleep(1)
        return answer


async def test_who_comes_together_goes_by_one_look() -> None:
    store, calls = Late(), Calls(takes=10)
    pacer = Pacer(store, BudgetRules(limits=((30, 60.0),)))
    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(calls.one, pacer)
        await anyio.sleep(2)
        assert (store.looks, calls.granted, calls.errors) == (1, [calls.granted[0]] * 30, [])


async def test_who_comes_together_goes_by_turns_where_others_wait_as_well() -> None:
    store, calls = JsonStore(), Calls()
    first, second = (Pacer(store, BudgetRules(limits=((4, 10.0),))) for _ in range(2))
    async with anyio.create_task_group() as group:
        group.start_soon(calls.together, 12, first)
        await anyio.sleep(1)
        assert calls.by == {first: 4}  # nobody else was there
        group.start_soon(calls.together, 12, second)
        await anyio.sleep(20)
    assert calls.by == {first: 12, second: 12}
    assert not broken(calls.granted, ((4, 10.0),))


async def test_who_is_still_told_to_wait_is_granted_nothing_that_grows_old() -> None:
    store, calls, told = JsonStore(), Calls(takes=0), anyio.Event()
    pacer = Pacer(store, BudgetRules(limits=((2, 5.0),)))

    async def slow(_: Wait) -> None:
        told.set()
        await anyio.sleep(20)

    async with anyio.create_task_group() as group:
        await calls.together(2, pacer)
        group.start_soon(calls.one, pacer)
        await anyio.sleep(1)
        async with pacer.slot(on_wait=slow) as slot:
            assert slot.is_good
            assert store._document["log"][-1]["granted"] == anyio.current_time()
    assert told.is_set()


async def test_who_is_slow_to_hear_that_another_goes_first_holds_up_nobody_and_keeps_its_place() -> None:
    pacer, calls, went = Pacer(JsonStore(), FIVE), Calls(takes=0), dict[str, float]()

    async def slow(_: Wait) -> None:
        await anyio.sleep(7)

    async def one(name: str, on_wait: OnWait = upload.ignore) -> None:
        async with pacer.slot(on_wait=on_wait):
            went[name] = anyio.current_time()

    async with anyio.create_task_group() as group:
        await calls.one(pacer)
        for name, on_wait in (("second", upload.ignore), ("slow", slow), ("last", upload.ignore)):
            group.start_soon(one, name, on_wait)
            await anyio.sleep(0.1)
    assert [*went] == ["second", "slow", "last"]  # the last one looks while the slow one is still told to wait
    assert [at - calls.granted[0] for at in went.values()] == pytest.approx([5.05, 10.1, 15.15], abs=0.1)


async def test_what_one_was_granted_that_has_gone_is_given_back_and_the_others_go_at_once() -> None:
    store, calls, going = Late(), Calls(takes=0), anyio.CancelScope()
    pacer = Pacer(store, BudgetRules(limits=((9, 60.0),)))

    async def goes() -> None:
        with going:
            await calls.one(pacer)

    async with anyio.create_task_group() as group:
        group.start_soon(calls.one, pacer)
        group.start_soon(goes)
        group.start_soon(calls.one, pacer)
        await anyio.sleep(0.5)
        gone_at = anyio.current_time()
        going.cancel()
    assert [at - gone_at for at in calls.granted] == pytest.approx([0.5, 0.5])
    assert len(budget.stamps(store._document, anyio.current_time())) == 2
    assert not store._document["want"]


@pytest.mark.parametrize("lane", Lane)
async def test_a_killed_process_locks_nothing(lane: Lane) -> None:
    store, victim, survivor = JsonStore(), Calls(), Calls()
    process = Process(store)
    first, second = Pacer(process), Pacer(store)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(victim.one, first, lane)
        await anyio.sleep(0.5)
        process.killed = True
        served = len(victim.granted)
        with takes(0.5, 0.7 + BudgetRules().grace + (2 if lane else 0)):
            await survivor.one(second, lane)
        assert len(victim.granted) == served
        group.cancel_scope.cancel()


async def test_a_killed_process_does_not_hold_up_its_own_end() -> None:
    process = Process(JsonStore())
    pacer = Pacer(process)
    with takes(BudgetRules().nap, BudgetRules().nap):
        async with pacer.slot():
            process.killed = True


async def test_a_pause_delays_everybody_and_the_forecast_says_so() -> None:
    store, calls = JsonStore(), Calls()
    one, other = Pacer(store), Pacer(store)
    await one.pause(30)
    await one.pause(5)  # the longer one stays
    await anyio.sleep(10)
    async with anyio.create_task_group() as group:
        group.start_soon(calls.one, one)
        group.start_soon(calls.one, other)
        group.start_soon(calls.one, other, Lane.BACKGROUND)
    assert calls.waits[:2] == pytest.approx([20, 20], abs=0.05)
    assert calls.waits[2] < 22.1
    assert max(map(abs, calls.errors)) < 2
    await one.pause(10)
    with takes(10, 10.2):
        await calls.one(other)


@pytest.mark.parametrize("back", [0.5, 30, 100_000])
async def test_a_clock_that_goes_back_costs_a_minute_at_most_and_breaks_nothing(back: float) -> None:
    store, calls = JsonStore(), Calls()
    pacer = Pacer(store)
    async with anyio.create_task_group() as group:
        group.start_soon(calls.together, 200, pacer)
        await anyio.sleep(5)
        await pacer.pause(10)
        store.skew -= back
    assert not broken(calls.granted, BudgetRules().limits)
    assert max(two - one for one, two in pairwise(sorted(calls.granted))) < 62
    assert max(calls.granted) < 200 + 62


async def test_what_was_never_answered_before_the_clock_went_back_counts_no_longer_than_ever() -> None:
    store, calls = JsonStore(), Calls(takes=20)
    pacer = Pacer(store, FIVE)
    with anyio.move_on_after(1):
        await calls.one(pacer)
    store.skew -= 1000
    calls.takes = 0
    with takes(5, 3 + 5.06):
        await calls.one(pacer)


@pytest.mark.parametrize(
    "damaged", [{"log": "seven"}, {"answered": {"settled": [1.0], "granted": [], "id": []}}, {"last": [1]}]
)
def test_what_is_no_such_document_is_told(damaged: dict[str, object]) -> None:
    assert ledger.fits(ledger.blank())
    assert not ledger.fits({**ledger.blank(), **damaged})


@pytest.mark.parametrize(("hold", "wait"), [(None, 2 + 1.05), (10, 8 + 1.05)], ids=["a call", "an upload"])
async def test_a_call_without_an_answer_counts_as_long_as_it_may_be_on_its_way(hold: float | None, wait: float) -> None:
    calls, pacer = Calls(takes=8), Pacer(JsonStore())
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(calls.one, pacer, Lane.INTERACTIVE, hold)
        await anyio.sleep(0.001)
        group.start_soon(calls.one, pacer)
    assert calls.waits[-1] == pytest.approx(wait, abs=0.01)


async def test_an_upload_that_was_given_up_counts_only_as_long_as_its_last_bytes_are_on_their_way() -> None:
    calls, pacer = Calls(takes=20), Pacer(JsonStore(), BudgetRules(limits=((1, 1.0),)))
    with anyio.move_on_after(3):
        await calls.one(pacer, hold=30)
    calls.takes = 0
    with takes(2 + 1.05, 2 + 1.06):
        await calls.one(pacer)


async def test_a_killed_process_takes_its_upload_along() -> None:
    store, calls = JsonStore(), Calls(takes=0)
    process = Process(store)
    one = BudgetRules(limits=((1, 1.0),))
    async with anyio.create_task_group() as group:
        group.start_soon(Calls(takes=100).one, Pacer(process, one), Lane.INTERACTIVE, 3600)
        await anyio.sleep(30)
        process.killed = True
        with takes(one.lease / 2, one.lease + 1.06):
            await calls.one(Pacer(store, one))
        group.cancel_scope.cancel()


async def test_a_wait_says_how_many_other_processes_share_the_budget() -> None:
    store, others, killed = JsonStore(), list[int](), Calls(takes=0)

    async def on_wait(wait: Wait) -> None:
        others.append(wait.others)

    rules = BudgetRules(limits=((1, 5.0), (60, 60.0)))
    mine, first, second = (Pacer(store, rules) for _ in range(3))
    await killed.one(mine)
    async with mine.slot(Lane.BACKGROUND, on_wait=on_wait):
        pass
    assert set(others) == {0}  # its other lane is no other process
    async with anyio.create_task_group() as group:
        group.start_soon(killed.one, first)
        group.start_soon(killed.one, first, Lane.BACKGROUND)
        group.start_soon(killed.one, second, Lane.BACKGROUND)
        await anyio.sleep(0.1)
        async with mine.slot(on_wait=on_wait):
            pass
    assert others[-1] == 2
    others.clear()
    async with mine.slot(on_wait=on_wait):
        pass
    assert set(others) == {2}  # also of those whose calls have been answered
    others.clear()
    await anyio.sleep(60)
    await killed.one(mine)
    async with mine.slot(on_wait=on_wait):
        pass
    assert set(others) == {0}  # who asked for nothing in the last minute shares nothing


async def test_what_is_left_of_the_minute_is_counted_for_all_processes_and_is_none_while_they_pause() -> None:
    store, calls, left = JsonStore(), Calls(takes=0.1), list[int]()
    ten = BudgetRules(limits=((5, 1.0), (10, 60.0)))
    mine, other = Pacer(store, ten), Pacer(store, ten)
    for pacer, lane, rest in ((mine, 0, 0), (other, 0, 30), (other, 1, 0), (mine, 0, 31), (mine, 0, 0)):
        left.append(await mine.calls_left())
        await calls.one(pacer, Lane(lane))
        await anyio.sleep(rest)
    await other.pause(10)
    left.append(await mine.calls_left())
    await anyio.sleep(10)
    left.append(await other.calls_left())
    assert left == [10, 9, 8, 7, 8, 0, 7]


@pytest.mark.parametrize("store", [JsonStore, BudgetInMemory])
async def test_a_call_grows_old_by_the_loops_clock_from_its_headers_on_not_from_the_end_of_its_body(
    store: Callable[[], BudgetInMemory],
) -> None:
    pacer = Pacer(store(), FIVE)
    async with pacer.slot() as slot:
        await anyio.sleep(1)
        await slot.settle()
        await anyio.sleep(1)
        await slot.settle()  # once is enough
    with takes(4.05, 4.05):
        await Calls(takes=0).one(pacer)


async def test_a_call_that_failed_still_counts_and_its_error_comes_through() -> None:
    pacer = Pacer(JsonStore(), FIVE)
    for hold in (3600, None):
        with pytest.raises(ConnectionError):
            async with pacer.slot(hold=hold):
                raise ConnectionError
    with takes(2 + 5.05, 2 + 5.06):
        await Calls(takes=0).one(pacer)


def test_the_background_keeps_one_call_of_each_window_free() -> None:
    assert budget.quota(BudgetRules(), Lane.INTERACTIVE) == ((5, 1.05), (60, 60.05))
    assert budget.quota(BudgetRules(), Lane.BACKGROUND) == ((4, 1.05), (59, 60.05))
    assert budget.quota(BudgetRules(limits=((1, 1.0),)), Lane.BACKGROUND) == ((1, 1.05),)
