"""The engine of long work: what is carried out once, whoever is killed, asleep, misled by a clock or short of disk."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.api.upload import ignore
from flipsnack_mcp.store.leases import DEAD_AFTER, LEASE
from flipsnack_mcp.store.records import Records, Store, held, inaccessible
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.job import Job, Work
from flipsnack_mcp.workflows.jobs import BEAT, ENDS_REMEMBERED, Jobs
from flipsnack_mcp.workflows.lookout import BEAT_OF_LOOKS, Lookout
from flipsnack_mcp.workflows.progress import Progress
from tests.on_redis import store_on
from tests.server.bench import LoopClock
from tests.workflows.running import Fragile

Log = pytest.LogCaptureFixture
MONTH = 30 * 24 * 3600.0
STEPS, SECONDS_EACH = 6, 8.0
FULL = inaccessible(Path("state.sqlite"), "database or disk is full")
LOCKED = held(Path("state.sqlite"), 20)


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: LoopClock) -> AsyncIterator[Store]:
    store: Store = MemoryStore(clock) if request.param == "memory" else SqliteStore(tmp_path / "state.sqlite", clock)
    if request.param == "redis":
        store = store_on(request.getfixturevalue("redis_server"), clock)
    yield store
    await store.close()


@dataclass
class Counting:
    """Work in steps, each written down when it is done, and gone on with where it was left."""

    seconds: float = SECONDS_EACH
    before: list[int] = field(default_factory=list[int])
    """The steps that were begun, by whomever."""
    breaks_at: int = -1
    error: Exception = field(default_factory=lambda: ZeroDivisionError("https://secret.example"))

    async def __call__(self, job: Job) -> None:
        while (step := await job.store.transact(done)) < STEPS:
            self.before.append(step)
            if step == self.breaks_at:
                raise self.error
            with job.step():
                await anyio.sleep(self.seconds)
                await job.store.transact(partial(write, step + 1))
            job.tell(done=step + 1, total=STEPS, message="counting")


class Stopped(list[Job]):
    """The jobs of which was told that they were stopped, by whoever may still write."""

    async def __call__(self, job: Job) -> None:
        await job.store.transact(lambda records: records.put("work", "stopped", {}))
        self.append(job)


async def idle(_: Job) -> None:
    """Writes nothing, and has no steps."""
    await anyio.sleep(200)


def write(steps: int, records: Records) -> None:
    records.put("work", "a", {"done": steps})


def done(records: Records) -> int:
    body = records.get("work", "a")
    return int(body["done"]) if body else 0


@asynccontextmanager
async def process(store: Store, account: str = "mine") -> AsyncIterator[Jobs]:
    """One server process, which is ended at the end."""
    async with anyio.create_task_group() as background:
        yield Jobs(Lookout(store, background), account)
        background.cancel_scope.cancel()


@asynccontextmanager
async def begun(store: Store, work: Work, stopped: Work = ignore) -> AsyncIterator[Jobs]:
    """A process, and the work that it has begun."""
    async with process(store) as jobs:
        await jobs.start("count", "a", work, stopped)
        yield jobs


async def kill(line: Fragile, jobs: Jobs) -> None:
    """From now on this process writes nothing, as if it were gone."""
    line.cut = True
    jobs._background.cancel_scope.cancel()


async def go_on(jobs: Jobs, work: Counting) -> int:
    """What a process does at its first use of the store; how many jobs it took over."""
    adopted = await jobs.adopt("count")
    for job in adopted:
        jobs.begin(job, work)
    return len(adopted)


async def ended(jobs: Jobs, kind: str = "count", job_id: str = "a") -> Job:
    job = await jobs.watch(kind, job_id, 600, ignore)
    assert job
    assert job.ended
    return job


# From the start to the end, watched
async def test_work_is_started_once_goes_on_when_nobody_watches_and_ends(store: Store) -> None:
    work = Counting()
    async with process(store) as jobs:
        started = [await jobs.start("count", "a", work) for _ in range(2)]
        with anyio.move_on_after(5):
            await jobs.watch("count", "a", 600, ignore)
        job = await ended(jobs)
        assert (started, job.error) == ([job, job], None)
        assert work.before == list(range(STEPS))
        assert not await jobs.elsewhere("count", "a")
        assert not await jobs.adopt("count")


async def test_all_who_watch_are_told_and_none_of_them_is_needed(store: Store) -> None:
    told: dict[str, list[int]] = {"one": [], "two": [], "gone": []}

    async def listen(jobs: Jobs, who: str, seconds: float) -> None:
        async def tell(progress: Progress) -> None:
            told[who].append(progress.done)

        with anyio.move_on_after(seconds):
            await jobs.watch("count", "a", 600, tell)

    async with process(store) as jobs, anyio.create_task_group() as calls:
        await jobs.start("count", "a", Counting())
        for who, seconds in [("one", 600), ("two", 600), ("gone", SECONDS_EACH * 2.5)]:
            calls.start_soon(listen, jobs, who, seconds)
    every = list(range(STEPS + 1))
    assert told["one"][:STEPS] == told["two"][:STEPS] == every[:STEPS]
    assert told["gone"] == [0, 1, 2]


async def test_an_end_that_comes_while_progress_is_told_is_not_missed(store: Store) -> None:
    async def tell(_: Progress) -> None:
        await anyio.sleep(SECONDS_EACH * STEPS * 2)

    async with begun(store, Counting()) as jobs:
        with anyio.fail_after(SECONDS_EACH * STEPS * 5):
            await jobs.watch("count", "a", 10_000, tell)


async def test_a_watcher_has_only_its_time(store: Store) -> None:
    async with begun(store, Counting()) as jobs:
        start = anyio.current_time()
        job = await jobs.watch("count", "a", 20, ignore)
        assert (anyio.current_time() - start, job and job.ended) == (20, False)


async def test_how_a_job_ended_can_be_asked_for_a_while_and_is_then_forgotten(store: Store) -> None:
    async with begun(store, Counting(seconds=0)) as jobs:
        await ended(jobs)
        await anyio.sleep(ENDS_REMEMBERED / 2)
        await jobs.start("count", "b", Counting(seconds=0))
        assert jobs.find("count", "a")
        await anyio.sleep(ENDS_REMEMBERED)
        assert jobs.find("count", "a") is None


# Errors
async def test_an_unexpected_error_ends_its_job_alone_and_is_told_without_its_text(store: Store, caplog: Log) -> None:
    async with process(store) as jobs:
        await jobs.start("other", "b", Counting())
        await jobs.start("count", "a", Counting(breaks_at=2))
        job = await ended(jobs)
        assert isinstance(job.error, FlipsnackError)
        assert "secret" not in f"{job.error} {caplog.text}"
        assert "ZeroDivisionError" in caplog.text
        assert not await jobs.adopt("count")
        assert (await ended(jobs, "other", "b")).error is None


@pytest.mark.parametrize(("error", "again"), [(FULL, True), (FlipsnackError("It is gone.", "Look for it."), False)])
async def test_an_error_of_the_store_ends_no_work(store: Store, error: Exception, caplog: Log, *, again: bool) -> None:
    async with begun(store, Counting(breaks_at=2, error=error)) as jobs:
        assert (await ended(jobs)).error is error
        assert await go_on(jobs, Counting()) == again
        assert ((await ended(jobs)).error is None) == again
    assert await store.transact(done) == (STEPS if again else 2)
    assert again or not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_what_breaks_off_unresolved_is_left_to_whoever_comes_next(store: Store) -> None:
    async def work(job: Job) -> None:
        job.unresolved = True
        await anyio.sleep(20)
        raise ZeroDivisionError

    async with begun(store, work) as jobs:
        error = (await ended(jobs)).error
        assert isinstance(error, FlipsnackError)
        assert error.changed is Changed.PERHAPS
        [job] = await jobs.adopt("count")
        assert job.idle == 0


@pytest.mark.parametrize("error", [FULL, LOCKED, OSError("https://secret.example")])
async def test_a_store_that_fails_for_a_while_ends_no_job(store: Store, error: Exception, caplog: Log) -> None:
    line = Fragile(store)
    async with begun(line, idle) as jobs:
        await jobs.start("count", "b", idle)
        line.error = error
        await anyio.sleep(100)
        line.error = None
        assert [(await ended(jobs, "count", one)).error for one in "ab"] == [None, None]
        assert not await jobs.adopt("count")
    assert "secret" not in caplog.text


@pytest.mark.parametrize("error", [FULL, LOCKED])
async def test_work_that_could_not_be_written_down_is_told_and_gone_on_with(store: Store, error: Exception) -> None:
    line, work = Fragile(store), Counting()
    async with begun(line, work) as jobs:
        await anyio.sleep(SECONDS_EACH * 2.5)
        line.error = error
        await jobs.watch("count", "a", 20, ignore)
        assert (await ended(jobs)).error is error
        line.error = None
        await anyio.sleep(DEAD_AFTER + 1)
        assert await go_on(jobs, work) == 1
        assert (await ended(jobs)).error is None
    assert await store.transact(done) == STEPS


async def test_work_that_cannot_be_claimed_is_not_begun(store: Store) -> None:
    work = Counting()
    async with process(Fragile(store, FULL)) as jobs:
        with pytest.raises(type(FULL)):
            await jobs.start("count", "a", work)
        assert jobs.find("count", "a") is None
    assert work.before == []


# Two processes
async def test_of_two_processes_one_carries_it_out_and_the_other_watches(store: Store) -> None:
    work, told = Counting(), list[Progress]()

    async def tell(progress: Progress) -> None:
        told.append(progress)

    async with process(store) as one, process(store) as two:
        assert await one.start("count", "a", work)
        assert await two.start("count", "a", work) is None
        assert await two.watch("count", "a", 600, tell) is None
    assert work.before == list(range(STEPS))
    assert (told[-1].done >= STEPS - 2, told[-1].message) == (True, "counting")  # as of its last sign of life


async def test_work_of_another_account_is_invisible(store: Store) -> None:
    async with process(store) as one, process(store, "theirs") as two:
        await one.start("count", "a", Counting())
        assert not await two.elsewhere("count", "a")
        assert not await two.stop("count", "a")
    async with process(store, "theirs") as two:
        assert not await two.adopt("count")


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "ended, and at once"])
@pytest.mark.parametrize("step", range(STEPS))
async def test_work_of_a_dead_process_is_gone_on_with_where_it_was(store: Store, step: int, *, cleanly: bool) -> None:
    line, work = Fragile(store), Counting()
    async with begun(line, work) as killed:
        await anyio.sleep(SECONDS_EACH * (step + 0.5))
        if not cleanly:
            await kill(line, killed)
    assert await store.transact(done) == step
    async with process(store) as jobs:
        if not cleanly:
            assert await go_on(jobs, work) == 0
            await anyio.sleep(DEAD_AFTER + 0.1)
        assert await go_on(jobs, work) == 1
        assert await go_on(jobs, work) == 0
        await ended(jobs)
    assert work.before == [*range(step + 1), *range(step, STEPS)]


async def test_a_server_ends_soon_also_when_its_store_hangs(store: Store) -> None:
    line = Fragile(store)
    async with begun(line, Counting()):
        line.cut = True
        start = anyio.current_time()
    assert anyio.current_time() - start <= 2


async def test_two_processes_that_look_at_once_share_the_orphans(store: Store) -> None:
    line = Fragile(store)
    async with process(line) as killed:
        for job_id in "abc":
            await killed.start("count", job_id, Counting())
        await kill(line, killed)
    await anyio.sleep(DEAD_AFTER + 1)
    found: list[str] = []

    async def adopt(jobs: Jobs) -> None:
        found.extend(job.job_id for job in await jobs.adopt("count"))

    async with process(store) as one, process(store) as two, anyio.create_task_group() as calls:
        calls.start_soon(adopt, one)
        calls.start_soon(adopt, two)
    assert found == ["a", "b", "c"]


async def test_work_adopted_within_a_call_that_is_cancelled_is_left_to_the_next_call(store: Store) -> None:
    work = Counting()
    async with begun(store, work):
        await anyio.sleep(SECONDS_EACH * 1.5)
    async with process(store) as jobs:
        [job] = await jobs.adopt("count")
        with anyio.move_on_after(SECONDS_EACH * 1.5):
            await jobs.carry_out(job, work)
        assert job.ended
        [job] = await jobs.adopt("count")
        await jobs.carry_out(job, work)
    assert work.before == [0, 1, 1, 2, 2, 3, 4, 5]


# Sleep, and clocks that jump
async def test_after_the_computer_slept_its_own_work_is_no_orphan(store: Store, clock: LoopClock) -> None:
    work = Counting()
    async with begun(store, work) as jobs:
        await anyio.sleep(SECONDS_EACH * 1.5)
        clock.advance(9 * 3600)
        assert await go_on(jobs, work) == 0
        await ended(jobs)
    assert work.before == list(range(STEPS))


@pytest.mark.parametrize("jump", [9 * 3600.0, MONTH, -9 * 3600.0, -MONTH])
async def test_who_lost_its_work_over_a_jump_writes_nothing_more(store: Store, clock: LoopClock, jump: float) -> None:
    slow, quick = Counting(), Counting()
    async with begun(store, slow) as one, process(store) as two:
        await anyio.sleep(SECONDS_EACH * 1.5)
        clock.advance(jump)
        adopted = await go_on(two, quick)
        loser = one.running("count", "a")
        assert loser
        await one.watch("count", "a", 600, ignore)  # and then what the other one does
        assert await store.transact(done) == STEPS
        assert (loser.ended, loser.lost, loser.error) == (True, bool(adopted), None)
    assert slow.before + quick.before == ([0, 1, *range(1, STEPS)] if adopted else list(range(STEPS)))


@pytest.mark.parametrize("jump", [MONTH, -MONTH])
async def test_signs_of_life_count_again_after_a_jump_of_the_clock(store: Store, clock: LoopClock, jump: float) -> None:
    async with begun(store, Counting()), process(store) as two:
        clock.advance(jump)
        await anyio.sleep(BEAT + 0.1)
        assert not await two.adopt("count")
        assert await two.elsewhere("count", "a")


async def test_whoever_stops_a_job_that_is_lost_has_its_new_owner_stop_it(store: Store, clock: LoopClock) -> None:
    stopped = Stopped()
    async with begun(store, Counting(), stopped) as one, process(store) as two:
        await anyio.sleep(SECONDS_EACH / 2)
        clock.advance(3600)
        [job] = await two.adopt("count")
        two.begin(job, Counting(), stopped)
        assert await one.stop("count", "a")
        with anyio.fail_after(BEAT + SECONDS_EACH):
            await two.watch("count", "a", 600, ignore)
        assert job.stopping
    assert [one.owner.token for one in stopped] == [job.owner.token]


async def test_a_lost_lease_breaks_off_silent_work_at_the_next_sign_of_life(store: Store, clock: LoopClock) -> None:
    stopped = Stopped()

    async def silent(job: Job) -> None:
        with job.step():
            await anyio.sleep(10_000)

    async with begun(store, silent, stopped) as one, process(store) as two:
        job = one.running("count", "a")
        assert job
        clock.advance(3600)
        [taken] = await two.adopt("count")
        assert taken.idle == 3600
        two.begin(taken, silent)
        with anyio.fail_after(BEAT + 0.1):
            while not job.ended:
                await job.changed.wait()
        assert (job.lost, stopped) == (True, [])
        assert two.running("count", "a")
        await anyio.sleep(DEAD_AFTER * 2)
        assert not await one.adopt("count")


async def test_a_state_file_that_was_taken_away_does_not_break_off_work(store: Store) -> None:
    work, line = Counting(), Fragile(store)
    async with begun(line, work) as jobs:
        await anyio.sleep(BEAT / 2)
        line.store = MemoryStore(LoopClock())
        assert (await ended(jobs)).error is None
        assert await line.store.transact(done) == STEPS
    assert work.before == list(range(STEPS))


# Stopping
async def test_a_stop_lets_the_step_come_to_its_end_and_says_so(store: Store) -> None:
    work, stopped = Counting(), Stopped()
    async with begun(store, work, stopped) as jobs:
        await anyio.sleep(SECONDS_EACH * 2.5)
        assert await jobs.stop("count", "a")
        assert (await store.transact(done), [one.job_id for one in stopped]) == (3, ["a"])
        assert await store.transact(lambda records: records.get("work", "stopped")) == {}
        assert not await jobs.adopt("count")
        assert not await jobs.stop("count", "a")
    assert work.before == [0, 1, 2]


async def test_another_process_stops_it_at_its_next_sign_of_life(store: Store) -> None:
    async with begun(store, Counting()) as one, process(store) as two:
        assert await two.stop("count", "a")
        with anyio.fail_after(BEAT + SECONDS_EACH):
            await two.watch("count", "a", 600, ignore)
        assert (await ended(one)).ended
        assert await store.transact(done) < STEPS


async def test_work_that_its_dead_owner_was_asked_to_stop_is_stopped_by_whoever_adopts_it(store: Store) -> None:
    line, work, stopped = Fragile(store), Counting(), Stopped()
    async with begun(line, work) as killed:
        await kill(line, killed)
    async with process(store) as jobs:
        assert await jobs.stop("count", "a")
        await anyio.sleep(DEAD_AFTER + 1)
        await jobs.adopt("count")  # and nothing is made of it, as if this process were killed in turn
        await anyio.sleep(DEAD_AFTER + 1)
        [job] = await jobs.adopt("count")
        await jobs.carry_out(job, work, stopped)
        assert not await jobs.adopt("count")
    assert [one.job_id for one in stopped] == ["a"]
    assert await store.transact(done) == 0


async def test_a_stop_cuts_work_that_is_in_no_step_at_once(store: Store) -> None:
    async with begun(store, idle) as jobs:
        await anyio.sleep(1)
        start = anyio.current_time()
        await jobs.stop("count", "a")
        assert anyio.current_time() == start


async def test_a_call_that_stops_a_job_may_be_cancelled_itself(store: Store) -> None:
    async with begun(store, Counting()) as jobs:
        await anyio.sleep(1)
        with anyio.move_on_after(1):
            await jobs.stop("count", "a")
        await ended(jobs)
        assert await store.transact(done) == 1


# Looking for unfinished work
@dataclass
class Waiting:
    """An heir that takes nothing over, and notes when it was asked."""

    looks: list[float] = field(default_factory=list[float])
    takes_over: bool = True

    def is_heir_to(self, _: object) -> bool:
        self.looks.append(anyio.current_time())
        return False

    async def go_on(self) -> None:
        raise AssertionError


async def test_unfinished_work_is_looked_for_from_the_first_use_of_the_store_until_a_while_after_the_last(
    store: Store,
) -> None:
    async with anyio.create_task_group() as background:
        lookout, heir = Lookout(store, background), Waiting()
        lookout.heirs.append(heir)
        await anyio.sleep(2 * DEAD_AFTER)
        assert heir.looks == []
        start = anyio.current_time()
        for _ in range(10):
            await lookout.store.transact(done)
            await anyio.sleep(1)
        await anyio.sleep(10 * DEAD_AFTER)
        assert heir.looks == [start, start + DEAD_AFTER, start + 2 * DEAD_AFTER], "until a while after the last use"
        await lookout.store.transact(done)

    assert len(heir.looks) == 5


async def test_where_others_on_the_store_may_be_killed_it_is_looked_for_as_long_as_the_process_runs(
    store: Store,
) -> None:
    async with anyio.create_task_group() as background:
        lookout, heir = Lookout(store, background), Waiting()
        lookout.heirs.append(heir)
        lookout.keep_on()
        for _ in range(3):
            await lookout.store.transact(done)
        await anyio.sleep(10 * BEAT_OF_LOOKS + 1)
        assert heir.looks == [BEAT_OF_LOOKS * turn for turn in range(11)]
        background.cancel_scope.cancel()


async def test_one_look_at_the_store_serves_all_accounts_of_a_process(store: Store) -> None:
    reads = list[str]()

    async def read(what: str) -> None:
        reads.append(what)

    async with anyio.create_task_group() as background:
        lookout = Lookout(Fragile(store, before=read), background)
        for account in range(20):
            Jobs(lookout, str(account)).unattended = {"count": (Counting(), ignore), "other": (idle, ignore)}
        await lookout.look()
        assert len(reads) == 1


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "drained"])
async def test_a_process_that_nobody_calls_goes_on_with_what_another_left(store: Store, *, cleanly: bool) -> None:
    line, work = Fragile(store), Counting()
    async with anyio.create_task_group() as background:
        lookout = Lookout(store, background)
        heir = Jobs(lookout, "mine")
        heir.unattended = {"count": (work, ignore)}
        lookout.keep_on()
        async with begun(line, work) as owner:
            await anyio.sleep(SECONDS_EACH * 1.5)
            if not cleanly:
                await kill(line, owner)
        await anyio.sleep(BEAT_OF_LOOKS + (0 if cleanly else DEAD_AFTER) + 1)
        await ended(heir)
        background.cancel_scope.cancel()
    assert work.before == [0, 1, *range(1, STEPS)]


async def test_a_lease_of_a_later_version_is_understood(store: Store) -> None:
    """Of several replicas one is updated first."""
    async with begun(store, idle):
        pass

    def grow(records: Records) -> None:
        [(work, body)] = records.all(LEASE)
        note = {"done": 3, "message": "counting", "of_tomorrow": 1}
        records.put(LEASE, work, {**body, "owner": "them", "note": note, "of_tomorrow": 1})

    await store.transact(grow)
    told = list[Progress]()

    async def tell(progress: Progress) -> None:
        told.append(progress)

    async with process(store) as jobs:
        await jobs.watch("count", "a", 2, tell)
        assert told[0] == Progress(3, message="counting")
        await anyio.sleep(DEAD_AFTER + 1)
        assert len(await jobs.adopt("count")) == 1


async def test_what_cannot_be_looked_for_ends_nothing_else(store: Store, caplog: Log) -> None:
    line, work = Fragile(store), Counting()
    async with begun(store, work):
        pass
    async with process(line) as jobs:
        jobs.unattended = {"count": (work, ignore)}
        line.error = OSError("https://secret.example")
        await jobs.go_on()
        line.error = None
        await jobs.go_on()
        assert (await ended(jobs)).error is None
    assert "secret" not in caplog.text
    assert "OSError" in caplog.text


# What an heir found
async def test_work_that_ended_here_and_was_taken_up_elsewhere_is_watched_there(store: Store) -> None:
    async with process(store) as one, process(store) as other:
        await one.start("count", "a", Counting(breaks_at=0))
        assert (await ended(one)).error
        await other.start("count", "a", Counting())
        told: list[Progress] = []

        async def tell(progress: Progress) -> None:
            told.append(progress)

        start = anyio.current_time()
        await one.watch("count", "a", 200, tell)
        assert anyio.current_time() - start >= (STEPS - 1) * SECONDS_EACH
        assert told[-1].total == STEPS


async def test_what_was_adopted_is_never_idle_for_less_than_nothing_and_can_be_let_go(
    store: Store, clock: LoopClock
) -> None:
    async with process(store) as jobs:
        await store.transact(jobs.new("count", "a").owner.claim)
        clock.advance(-3600)
        (adopted,) = await jobs.adopt("count")
        with anyio.CancelScope() as cancelled:
            cancelled.cancel()
            await jobs.let_go(adopted)
        assert [(one.job_id, adopted.idle) for one in await jobs.adopt("count")] == [("a", 0.0)]


async def test_a_wish_to_stop_outlives_the_process_that_could_not_end_the_work(store: Store) -> None:
    async def unresolved(job: Job) -> None:
        job.unresolved = True
        with job.step():
            await anyio.sleep(5)

    async with begun(store, unresolved) as jobs:
        await anyio.sleep(1)
        await jobs.stop("count", "a")
        assert [one.stopping for one in await jobs.adopt("count")] == [True]
