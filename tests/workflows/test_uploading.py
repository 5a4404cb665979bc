"""Uploads that outlive their call: in line, stopped, killed at any moment, reconciled, and never sent twice."""

from itertools import count
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.publishing import FOUND_AGAIN
from flipsnack_mcp.workflows.uploads.following import follow
from flipsnack_mcp.workflows.uploads.journal import KIND, RUNNING, Entry, Journal
from flipsnack_mcp.workflows.uploads.reconciling import NEVER_SENT, NOT_FOUND, NOT_SO_FAR, NOT_YET
from flipsnack_mcp.workflows.uploads.uploading import STOPPED, Uploads
from tests.api.asking import KEY, PDF, SECRET
from tests.in_memory import forget_everything
from tests.server.bench import LoopClock
from tests.workflows.running import PIECE, Broken, Fragile, Mortal, Road, begin, errand_of, process

CREATE, LIST, GET = "collection.create", "collection.getList", "collection.getCollection"
SLOW = 5.0


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0))


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def road() -> Road:
    return Road()


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return written(tmp_path, "offers.pdf")


def written(folder: Path, name: str, pieces: int = 4) -> Path:
    """A document of so many pieces, unlike every other."""
    path = folder / name
    path.write_bytes(PDF + name.encode() + bytes((pieces - 1) * PIECE))
    return path


def created(sandbox: Sandbox) -> int:
    return len(sandbox.carried_out(CREATE))


def attempts(sandbox: Sandbox) -> int:
    return len([one for one in sandbox.requests if one.action == CREATE])


async def now(uploads: Uploads, entry: Entry) -> Entry:
    seen = await uploads.journal.entry(entry.upload_id)
    assert seen is not None
    return seen


async def ended(uploads: Uploads, entry: Entry, seconds: float = 300) -> Entry:
    """The entry once nobody works on it any more."""
    return await uploads.watch(Errand(uploads._flipsnack), entry, seconds)


async def test_the_upload_goes_on_when_nobody_waits(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, new = await begin(uploads, paper)
        with anyio.move_on_after(7):
            await uploads.watch(errand_of(uploads), entry, 45)
        half = await now(uploads, entry)
        whole = await ended(uploads, entry)

    assert new
    assert half.state == "uploading"
    assert whole.state == "converting"
    assert whole.collection_hash in sandbox.account.collections
    assert created(sandbox) == 1


async def test_two_go_at_once_and_the_others_wait_in_line_in_order(
    sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path
) -> None:
    road.upload_seconds = 1.0
    async with process(sandbox, store, road) as uploads:
        entries = [(await begin(uploads, written(tmp_path, f"{n}.pdf"), f"Number {n}"))[0] for n in range(6)]
        await anyio.sleep(2)
        states = [(await now(uploads, one)).state for one in entries]
        said = [uploads.speed(await now(uploads, one)) for one in entries]
        ends = [await ended(uploads, one) for one in entries]

    assert states == ["uploading"] * 2 + ["waiting"] * 4
    assert [one == "waiting in line" for one in said] == [False] * 2 + [True] * 4
    assert road.most_at_once == 2
    assert [one.state for one in ends] == ["converting"] * 6
    assert sorted(one.params["title"] for one in sandbox.carried_out(CREATE)) == [f"Number {n}" for n in range(6)]
    assert len({one.collection_hash for one in ends}) == 6


async def test_speed_tells_bytes_percent_and_rate(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(12)
        said = uploads.speed(await now(uploads, entry))

    assert "256.0 KB of 768." in said
    assert "33 %" in said
    assert said.endswith("/s")


async def test_whoever_watches_is_told_bytes_and_percent(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    told: list[str] = []

    async def tell(message: str) -> None:
        told.append(message)

    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await uploads.watch(Errand(uploads._flipsnack, tell=tell), entry, 100)

    assert [one for one in told if "33 %" in one]
    assert [one for one in told if "100 %" in one]


async def test_an_end_that_comes_while_progress_is_told_is_not_missed(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    """A client that is slow to take a notification must not cost the rest of the wait."""
    started = anyio.current_time()

    async def slow(_: str) -> None:
        await anyio.sleep(3)

    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        entry = await uploads.watch(Errand(uploads._flipsnack, tell=slow), entry, 40)
        took = anyio.current_time() - started

    assert entry.state == "converting"
    assert took < 15


# Stopping


async def test_stopping_an_upload_under_way_cuts_it(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(8)
        await uploads.stop(entry.upload_id)
        seen = await now(uploads, entry)
        await anyio.sleep(100)

    assert (seen.state, seen.said) == ("failed", STOPPED)
    assert 0 < road.bytes_up < 3 * PIECE
    assert created(sandbox) == attempts(sandbox) == 0


async def test_stopping_one_in_line_sends_no_byte_and_frees_its_place(
    sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entries = [(await begin(uploads, written(tmp_path, f"{n}.pdf"), f"Number {n}"))[0] for n in range(4)]
        await anyio.sleep(1)
        await uploads.stop(entries[2].upload_id)
        ends = [await ended(uploads, one) for one in entries]

    assert [one.state for one in ends] == ["converting", "converting", "failed", "converting"]
    assert ends[2].said == STOPPED
    assert {one.params["title"] for one in sandbox.requests if one.action == CREATE} == {
        *("Number 0", "Number 1", "Number 3")
    }


async def test_a_stopped_upload_may_be_made_again(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(8)
        await uploads.stop(entry.upload_id)
        entry, new = await begin(uploads, paper)
        entry = await ended(uploads, entry)

    assert new
    assert entry.state == "converting"
    assert created(sandbox) == 1


async def test_one_that_is_stopped_when_all_of_it_was_sent_is_looked_up_and_found(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.add_fault(Fault("slow", CREATE, seconds=20, phase="after"))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(5)
        await uploads.stop(entry.upload_id)
        stopped = await now(uploads, entry)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert stopped.state == "interrupted"
    assert created(sandbox) == 1
    assert seen.state == "converting"
    assert seen.collection_hash in sandbox.account.collections


async def test_another_process_stops_it_at_its_next_sign_of_life(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW * 3
    async with process(sandbox, store, road) as mine, process(sandbox, store, owner="other") as theirs:
        entry, _ = await begin(mine, paper)
        await anyio.sleep(8)
        await theirs.stop(entry.upload_id)
        seen = await ended(theirs, entry)
        took = anyio.current_time()
        await anyio.sleep(100)

    assert (seen.state, seen.said) == ("failed", STOPPED)
    assert took <= 21
    assert created(sandbox) == attempts(sandbox) == 0


async def test_asking_a_dead_process_to_stop_does_not_make_it_look_alive(
    sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, paper, "piece")
    async with process(sandbox, store, owner="next") as uploads:
        clock.advance(20)
        await uploads.stop(entry.upload_id)
        clock.advance(15)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert seen.state not in RUNNING


# Lost answers


@pytest.mark.parametrize("kind", ["reset", "cut", "garbled", "hang"])
async def test_an_upload_whose_answer_is_lost_is_found_and_never_sent_again(
    kind: str, sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    older = sandbox.account.add(title="Brand new", status="editable").hash
    sandbox.add_fault(Fault(kind, CREATE, phase="after"))

    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        entry = await ended(uploads, entry)

    assert entry.state == "converting"
    assert entry.collection_hash in sandbox.account.collections
    assert entry.collection_hash != older
    assert FOUND_AGAIN in entry.warnings
    assert created(sandbox) == attempts(sandbox) == 1


@pytest.mark.parametrize("kind", ["reset", "hang"])
async def test_an_upload_that_never_arrived_is_said_to_be_interrupted_and_not_sent_again(
    kind: str, sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.account.add(title="Brand new", status="editable")
    sandbox.add_fault(Fault(kind, CREATE, phase="before"))

    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        entry = await ended(uploads, entry)
        error = uploads.error_of(entry.upload_id)
        await uploads.reconcile(errand_of(uploads))
        early = await now(uploads, entry)
        await anyio.sleep(31)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)
        repeated, new = await begin(uploads, paper)

    assert entry.state == "interrupted"
    assert error is not None
    assert error.changed is Changed.PERHAPS
    assert (early.state, early.said, early.checked) == ("interrupted", NOT_SO_FAR, False)
    assert (seen.state, seen.said, seen.checked) == ("interrupted", NOT_FOUND, True)
    assert (repeated.upload_id, new) == (entry.upload_id, False)
    assert attempts(sandbox) == 1
    assert created(sandbox) == 0


async def test_an_upload_whose_answer_and_lookup_are_lost_is_found_at_the_next_call(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.add_fault(Fault("reset", CREATE, phase="after"))
    sandbox.add_fault(Fault("slow", CREATE, seconds=1, phase="after"))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(0.5)  # the look before it is sent went well
        sandbox.add_fault(Fault("code", LIST, times=0, code=99))
        entry = await ended(uploads, entry)
        await uploads.reconcile(errand_of(uploads))
        still = await now(uploads, entry)
        sandbox.clear_faults()
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert created(sandbox) == 1
    assert entry.state == "interrupted"
    assert (still.state, still.said, still.checked) == ("interrupted", NOT_YET, False)
    assert seen.state == "converting"
    assert seen.collection_hash in sandbox.account.collections


async def test_a_refusal_ends_it_as_failed_and_does_not_stand(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.add_fault(Fault("quota", CREATE))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        refused = await ended(uploads, entry)
        entry, new = await begin(uploads, paper)
        taken = await ended(uploads, entry)

    assert refused.state == "failed"
    assert "33" in refused.said
    assert new
    assert taken.state == "converting"
    assert created(sandbox) == 1


async def test_a_document_that_changes_while_it_is_sent_is_not_called_sent(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(6)
        paper.write_bytes(PDF)  # noqa: ASYNC240 - a few bytes of a test
        entry = await ended(uploads, entry)
        error = uploads.error_of(entry.upload_id)
        await anyio.sleep(31)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert entry.state == "interrupted"
    assert error is not None
    assert "document" in str(error)
    assert (seen.state, seen.said) == ("interrupted", NOT_FOUND)
    assert created(sandbox) == 0


@pytest.mark.parametrize("title", [None, "Weekly offers"], ids=["untitled", "same title"])
async def test_an_upload_that_never_arrived_is_not_taken_for_another_of_the_same_time(
    title: str | None, sandbox: Sandbox, store: MemoryStore, tmp_path: Path
) -> None:
    """Two documents at once, both without a title: the first is lost on its way, the second arrives meanwhile."""
    sandbox.add_fault(Fault("slow", CREATE, seconds=5))
    sandbox.add_fault(Fault("reset", CREATE, phase="before"))

    async with process(sandbox, store) as uploads:
        first, _ = await begin(uploads, written(tmp_path, "first.pdf"), title)
        await anyio.sleep(1)
        second, _ = await begin(uploads, written(tmp_path, "second.pdf"), title)
        lost, arrived = await ended(uploads, first), await ended(uploads, second)
        await uploads.reconcile(errand_of(uploads))
        lost = await now(uploads, lost)

    assert created(sandbox) == 1
    assert arrived.state == "converting"
    assert lost.collection_hash != arrived.collection_hash
    assert lost.state == "interrupted"


# What nobody expects


async def test_an_unexpected_exception_ends_neither_the_others_nor_the_server(
    sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Uploads._send

    async def odd(self: Uploads, job: object, source: object) -> None:
        if source.action.title == "Odd":  # type: ignore[attr-defined]  # a Source
            raise Broken
        await real(self, job, source)  # type: ignore[arg-type]  # likewise

    monkeypatch.setattr(Uploads, "_send", odd)
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        good, _ = await begin(uploads, written(tmp_path, "good.pdf"), "Good")
        bad, _ = await begin(uploads, written(tmp_path, "bad.pdf"), "Odd")
        good = await ended(uploads, good)
        await uploads.reconcile(errand_of(uploads))
        bad = await now(uploads, bad)

    assert good.state == "converting"
    assert bad.state not in RUNNING
    assert created(sandbox) == 1


@pytest.mark.parametrize(
    "error", [StoreUnusable("The disk is full.", "Make room."), Broken(), KeyError("gone")], ids=repr
)
@pytest.mark.parametrize("after", [0.0, 3.0, 12.0])
async def test_a_store_that_fails_during_an_upload_does_not_end_the_server(
    error: Exception, after: float, sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    """A full disk, or a state file that a stopped process holds for twenty seconds."""
    road.upload_seconds = SLOW
    fragile = Fragile(store)
    async with process(sandbox, fragile, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(after)
        fragile.error = error
        await anyio.sleep(120)
        fragile.error = None
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert seen.state not in RUNNING
    assert attempts(sandbox) <= 1
    if created(sandbox):
        assert seen.collection_hash in sandbox.account.collections


async def test_a_state_file_that_vanishes_during_an_upload_does_not_end_the_server(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    """A person tidies up: the store starts anew, and this process still knows what it sent."""
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(7)
        forget_everything(store)
        await anyio.sleep(60)
        seen = await now(uploads, entry)
        _, new = await begin(uploads, paper)

    assert (seen.state, new) == ("converting", False)
    assert seen.collection_hash in sandbox.account.collections
    assert created(sandbox) == attempts(sandbox) == 1


# Killed, reconciled


async def killed(
    sandbox: Sandbox, store: MemoryStore, paper: Path, what: str, title: str | None = "Brand new", which: int = 1
) -> Entry:
    """The entry of an upload whose process was killed at this moment."""
    road = Road(upload_seconds=0.5)
    mortal = Mortal(store, 10**9)
    seen = 0

    async def moment(here: str) -> None:
        nonlocal seen
        seen += here == what and road.uploads > 0
        if seen == which:
            mortal.dies_at = 0
        await mortal.moment(here)

    road.moment = moment
    async with process(sandbox, mortal, road, owner="killed") as uploads:
        entry, _ = await begin(uploads, paper, title)
        with anyio.fail_after(300):
            await mortal.died.wait()
    return entry


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "ended"])
async def test_a_process_that_ends_at_any_moment_leaves_nothing_open_and_nothing_twice(
    cleanly: bool,  # noqa: FBT001 - a parameter of the table
    clock: LoopClock,
    paper: Path,
) -> None:
    moments: list[str] = []
    outcomes: set[tuple[int, str]] = set()
    for dies_at in count():
        sandbox = Sandbox(
            api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0), seeded=False
        )
        older = sandbox.account.add(title="Brand new", status="editable").hash
        store = MemoryStore(clock)
        mortal = Mortal(store, dies_at, cleanly)
        road = Road(upload_seconds=4.0, moment=mortal.moment)
        async with process(sandbox, mortal, road, owner="mortal") as uploads, anyio.create_task_group() as life:

            async def live(uploads: Uploads = uploads, mortal: Mortal = mortal) -> None:
                entry, _ = await begin(uploads, paper)
                await follow(errand_of(uploads), uploads, entry, 40)
                mortal.died.set()

            life.start_soon(live)
            await mortal.died.wait()
            life.cancel_scope.cancel()
        if len(mortal.moments) <= dies_at:
            break
        moments.append(mortal.moments[-1])
        clock.advance(31)
        async with process(sandbox, store, owner="next") as uploads:
            await uploads.reconcile(errand_of(uploads))
            entries = await uploads.journal.recent()
            where = f"moment {dies_at}, {mortal.moments[-3:]}: {entries}"
            sent = created(sandbox)
            assert sent == attempts(sandbox) <= 1, where
            assert len(entries) <= 1, where
            if entries:
                outcomes.add((sent, entries[0].state))
                assert entries[0].state not in RUNNING, where
                assert entries[0].collection_hash != older, where
            if sent:
                assert entries[0].collection_hash in sandbox.account.collections, where
            elif entries:
                assert entries[0].said in {NEVER_SENT, NOT_FOUND}, where
                assert (entries[0].state == "interrupted") == (entries[0].said == NOT_FOUND), where
            again, new = await begin(uploads, paper)
            again = await ended(uploads, again)
            assert new == (not entries or entries[0].said == NEVER_SENT), where
            assert created(sandbox) == max(sent, int(new)), where

    assert {"before transaction", "after transaction", "request", "piece", "answer"} <= set(moments)
    assert {(0, "failed"), (0, "interrupted"), (1, "converting")} <= outcomes


async def test_a_server_that_ends_leaves_its_uploads_to_whoever_comes_next_at_once(
    sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entries = [(await begin(uploads, written(tmp_path, f"{n}.pdf"), f"Number {n}"))[0] for n in range(3)]
        await anyio.sleep(7)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        early = [await now(uploads, one) for one in entries]
        await anyio.sleep(31)
        await uploads.reconcile(errand_of(uploads))
        seen = [await now(uploads, one) for one in entries]

    assert [one.said for one in early] == [NOT_SO_FAR, NOT_SO_FAR, NEVER_SENT]
    assert [one.said for one in seen] == [NOT_FOUND, NOT_FOUND, NEVER_SENT]
    assert attempts(sandbox) == 0


async def test_what_flipsnack_makes_of_it_after_the_first_look_is_found_by_the_next(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.add_fault(Fault("slow", CREATE, seconds=600))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(5)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        early = await now(uploads, entry)
        made = sandbox.account.add(title="Brand new", status="editable").hash
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert (early.state, early.said) == ("interrupted", NOT_SO_FAR)
    assert (seen.state, seen.collection_hash) == ("converting", made)


async def test_which_of_several_new_collections_it_became_is_left_to_a_person(
    sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, paper, "answer")
    other = sandbox.account.add(title="Brand new").hash
    clock.advance(31)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)
        _, new = await begin(uploads, paper)

    assert (seen.state, seen.checked, new) == ("interrupted", True, False)
    assert "2 new collections" in seen.said
    assert other in seen.said
    assert created(sandbox) == 1


@pytest.mark.parametrize("title", ["Brand new ", "Brand\u200b new"])
async def test_titles_that_look_alike_are_one(
    title: str, sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path
) -> None:
    """The one is made while the other is on its way and lost; both could be it when the other is looked for."""
    road.upload_seconds = 5.0  # for each of four pieces
    sandbox.add_fault(Fault("slow", CREATE, seconds=20, phase="after"))
    async with process(sandbox, store, road) as uploads:
        arrives, _ = await begin(uploads, written(tmp_path, "one.pdf"), title)
        await anyio.sleep(5)
        lost, _ = await begin(uploads, written(tmp_path, "two.pdf"))
        while not created(sandbox):  # noqa: ASYNC110 - on the clock of the loop, which waits for nothing
            await anyio.sleep(1)
        sandbox.add_fault(Fault("reset", CREATE, phase="before"))
        repeated, new = await begin(uploads, tmp_path / "one.pdf")
        arrives, lost = await ended(uploads, arrives), await ended(uploads, lost)

    assert created(sandbox) == 1
    assert (arrives.state, lost.state, lost.collection_hash) == ("converting", "interrupted", "")
    assert (repeated.upload_id, new) == (arrives.upload_id, False)


async def test_a_state_file_that_was_taken_away_does_not_make_this_process_upload_twice(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(2)
        await store.transact(lambda records: records.delete(KIND, entry.upload_id))
        repeated, new = await begin(uploads, paper)
        await ended(uploads, entry)

    assert (repeated.upload_id, new) == (entry.upload_id, False)
    assert attempts(sandbox) == 1


@pytest.mark.parametrize("title", ["Weekly offers", None], ids=["same title", "untitled"])
async def test_orphans_that_could_be_mistaken_for_each_other_do_not_wait_for_each_other(
    title: str | None, sandbox: Sandbox, store: MemoryStore, road: Road, tmp_path: Path
) -> None:
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entries = [(await begin(uploads, written(tmp_path, f"{n}.pdf"), title))[0] for n in range(2)]
        await anyio.sleep(12)
    await anyio.sleep(31)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        seen = [await now(uploads, one) for one in entries]

    assert [one.said for one in seen] == [NOT_FOUND, NOT_FOUND]


async def test_an_owner_with_signs_of_life_is_left_alone(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    road.upload_seconds = 30.0
    async with process(sandbox, store, road) as mine, process(sandbox, store, owner="other") as theirs:
        entry, _ = await begin(mine, paper)
        for _ in range(10):
            await anyio.sleep(9)
            await theirs.reconcile(errand_of(theirs))
            assert (await now(theirs, entry)).state in RUNNING
        entry = await ended(theirs, entry)

    assert entry.state == "converting"
    assert entry.owner == "me"
    assert created(sandbox) == 1


async def test_a_server_never_takes_its_own_running_upload_for_a_dead_one(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path, clock: LoopClock
) -> None:
    """A laptop sleeps for an hour: the time of day jumps, the upload goes on."""
    road.upload_seconds = SLOW
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await anyio.sleep(6)
        clock.advance(3600)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)
        entry = await ended(uploads, entry)

    assert seen.state == "uploading"
    assert entry.state == "converting"


async def test_two_processes_that_reconcile_at_once_look_each_orphan_up_once(
    sandbox: Sandbox, store: MemoryStore, tmp_path: Path, clock: LoopClock
) -> None:
    entries = [await killed(sandbox, store, written(tmp_path, f"{n}.pdf"), "answer", f"Number {n}") for n in range(2)]
    assert created(sandbox) == 2
    clock.advance(31)
    sandbox.requests.clear()
    sandbox.add_fault(Fault("slow", LIST, seconds=1, times=0))

    async with (
        process(sandbox, store, owner="a") as one,
        process(sandbox, store, owner="b") as two,
        anyio.create_task_group() as group,
    ):
        group.start_soon(one.reconcile, errand_of(one))
        group.start_soon(two.reconcile, errand_of(two))
        group.start_soon(two.reconcile, errand_of(two))
    async with process(sandbox, store) as uploads:
        seen = [await now(uploads, entry) for entry in entries]

    assert [one.state for one in seen] == ["converting"] * 2
    assert len([one for one in sandbox.requests if one.action == LIST]) == 2


@pytest.mark.parametrize("owners", [("a", "b"), ("a", "a")], ids=["two processes", "one process"])
async def test_a_slow_second_lookup_does_not_undo_what_the_first_found(
    owners: tuple[str, str], sandbox: Sandbox, store: MemoryStore, tmp_path: Path
) -> None:
    """Two calls look up the same two interrupted uploads; the second is still at the first when all are found."""
    entries = []
    for number in range(2):
        entries.append(await killed(sandbox, store, written(tmp_path, f"{number}.pdf"), "answer", f"Number {number}"))
        await Journal(store, "mine", "x").note(entries[-1], state="interrupted", said=NOT_YET, beat=0.0)
    sandbox.add_fault(Fault("slow", LIST, seconds=1))
    sandbox.add_fault(Fault("slow", LIST, seconds=3))

    async with (
        process(sandbox, store, owner=owners[0]) as one,
        process(sandbox, store, owner=owners[1]) as two,
        anyio.create_task_group() as group,
    ):
        group.start_soon(one.reconcile, errand_of(one))
        await anyio.sleep(0.5)
        group.start_soon(two.reconcile, errand_of(two))
    async with process(sandbox, store) as uploads:
        seen = [await now(uploads, entry) for entry in entries]

    assert [one.state for one in seen] == ["converting"] * 2
    assert {one.collection_hash for one in seen} <= set(sandbox.account.collections)


async def test_an_unfinished_lookup_is_tried_again_at_the_next_call(
    sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, paper, "answer")
    clock.advance(31)
    sandbox.add_fault(Fault("code", LIST, times=0, code=99))
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        first = await now(uploads, entry)
        sandbox.clear_faults()
        await uploads.reconcile(errand_of(uploads))
        second = await now(uploads, entry)

    assert (first.state, first.said) == ("interrupted", NOT_YET)
    assert (second.state, second.said) == ("converting", "")
    assert second.collection_hash in sandbox.account.collections
    assert created(sandbox) == 1


async def test_a_lookup_that_is_cancelled_is_made_by_a_later_call(
    sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, paper, "answer")
    clock.advance(31)
    sandbox.add_fault(Fault("slow", LIST, seconds=10))
    async with process(sandbox, store, owner="next") as uploads:
        with anyio.move_on_after(2):
            await uploads.reconcile(errand_of(uploads))
        clock.advance(31)
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert seen.state == "converting"


@pytest.mark.parametrize("title", ["Brand new", None], ids=["titled", "untitled"])
async def test_an_older_collection_of_the_same_title_is_never_taken_for_an_orphan(
    title: str | None, sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    older = {sandbox.account.add(title=title or "offers", status="editable").hash for _ in range(2)}
    entry = await killed(sandbox, store, paper, "piece", title, which=2)
    clock.advance(31)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert seen.collection_hash not in older
    assert (seen.state, seen.said) == ("interrupted", NOT_FOUND)


@pytest.mark.parametrize("days", [0, 2])
async def test_an_orphan_is_not_taken_for_a_later_upload_of_the_same_title(
    days: int, sandbox: Sandbox, store: MemoryStore, tmp_path: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, written(tmp_path, "lost.pdf"), "piece", "Weekly offers", which=2)
    async with process(sandbox, store) as uploads:
        later, _ = await begin(uploads, written(tmp_path, "later.pdf"), "Weekly offers")
        later = await ended(uploads, later)
    clock.advance(31 + days * 24 * 3600)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        seen = await now(uploads, entry)

    assert later.state == "converting"
    assert seen.collection_hash == ""
    assert seen.state == "interrupted"


async def test_two_orphans_that_cannot_be_told_apart_are_not_said_to_be_missing(
    sandbox: Sandbox, store: MemoryStore, tmp_path: Path, clock: LoopClock
) -> None:
    """Both got through under one title: who reads that nothing was found uploads twice what is there twice."""
    sandbox.add_fault(Fault("slow", CREATE, seconds=50, phase="after", times=2))
    mortal = Mortal(store, 10**9)
    async with process(sandbox, mortal, owner="killed") as uploads:
        entries = [(await begin(uploads, written(tmp_path, f"{n}.pdf"), "Weekly offers"))[0] for n in range(2)]
        await anyio.sleep(5)
        mortal.dies_at = 0
        await mortal.died.wait()
    clock.advance(31)
    async with process(sandbox, store, owner="next") as uploads:
        await uploads.reconcile(errand_of(uploads))
        seen = [await now(uploads, one) for one in entries]

    assert created(sandbox) == 2
    assert len({one.collection_hash for one in seen if one.collection_hash}) in {0, 2}
    assert not any("no collection of it was found" in one.said for one in seen)


async def test_uploads_of_another_account_are_invisible(
    sandbox: Sandbox, store: MemoryStore, paper: Path, clock: LoopClock
) -> None:
    entry = await killed(sandbox, store, paper, "answer")
    clock.advance(31)
    async with process(sandbox, store, account="another") as uploads:
        assert await uploads.journal.entry(entry.upload_id) is None
        assert await uploads.journal.recent() == []
        sandbox.requests.clear()
        await uploads.reconcile(errand_of(uploads))
        assert sandbox.requests == []
        _, new = await begin(uploads, paper)
        assert new


async def test_an_upload_is_journalled_before_a_byte_leaves(
    sandbox: Sandbox, store: MemoryStore, road: Road, paper: Path
) -> None:
    seen: list[Entry] = []

    async def moment(what: str) -> None:
        if what == "piece" and not seen:
            seen.extend(await Journal(store, "mine", "witness").recent())

    road.moment = moment
    older = sandbox.account.add(title="Brand new").hash
    async with process(sandbox, store, road) as uploads:
        entry, _ = await begin(uploads, paper)
        await ended(uploads, entry)

    assert [(one.upload_id, one.state) for one in seen] == [(entry.upload_id, "uploading")]
    assert older in seen[0].before
    assert seen[0].document.startswith("sha256:")


async def test_what_cannot_be_journalled_is_not_sent(sandbox: Sandbox, store: MemoryStore, paper: Path) -> None:
    """The disk is full when the upload is about to leave: without its entry nobody could tell what came of it."""
    fragile = Fragile(store)
    calls = 0

    async def before(_: str) -> None:
        nonlocal calls
        calls += 1
        fragile.error = Broken() if calls == 2 else None

    fragile.before = before
    async with process(sandbox, fragile) as uploads:
        await begin(uploads, paper)
        await anyio.sleep(60)

    assert attempts(sandbox) == 0


async def test_the_error_of_an_upload_has_four_parts(sandbox: Sandbox, store: MemoryStore, paper: Path) -> None:
    sandbox.add_fault(Fault("reset", CREATE, phase="before"))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        await ended(uploads, entry)
        error = uploads.error_of(entry.upload_id)

    assert isinstance(error, FlipsnackError)
    assert "Something may have been changed." in str(error)
    assert all((error.happened, error.again, error.next_step))
