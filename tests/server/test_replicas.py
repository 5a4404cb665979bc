"""Several servers of a team over one store: long work is found from each, and what one leaves another goes on with."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.jobs import BEAT
from flipsnack_mcp.workflows.lookout import BEAT_OF_LOOKS
from tests.on_redis import new_prefix, store_on
from tests.server.bench import Assistant, Bench, Person, Said, types_what_is_asked
from tests.server.long_bench import CREATE
from tests.server.revisions import newer
from tests.server.test_bulk import OFFERS, OFFLINE, ONLINE, UPDATE
from tests.workflows.running import Fragile

STATS = "collection.getStats"
ADDRESS = "https://example.com/offers.pdf"
TO_ITS_END = 60.0
"""Seconds in which all of it is done once somebody is at it."""

# What is proven here is on no protocol.
mode = newer


@dataclass
class Team:
    """Several servers, before one sandbox and over one store."""

    bench: Bench
    opened: Callable[[], Store]
    """The store, as one more process opens it."""

    @asynccontextmanager
    async def replica(self, person: Person | None = None) -> AsyncIterator[tuple[Assistant, Fragile]]:
        """One of them, and its own line to the store."""
        line = Fragile(self.opened())
        async with self.bench.assistant(person, self.bench.server(line, team=True)) as assistant:
            yield assistant, line


@pytest.fixture(params=["sqlite", "redis"])
def team(bench: Bench, request: pytest.FixtureRequest) -> Team:
    if request.param == "sqlite":
        return Team(bench, lambda: SqliteStore(bench.folder / "state.sqlite", bench.clock))
    server, prefix = request.getfixturevalue("redis_server"), new_prefix()
    return Team(bench, lambda: store_on(server, bench.clock, prefix))


@dataclass(frozen=True)
class Work:
    """Long work of one kind: how it is begun, asked for, and what Flipsnack must have been sent just once."""

    begun: Callable[[Assistant], Any]
    tool: str
    id_name: str
    sent: str
    times: int | None = None

    async def asked_for(self, assistant: Assistant, work_id: str, **more: Any) -> Said:
        said = await assistant.call(self.tool, {self.id_name: work_id, "wait_seconds": 0, **more})
        assert not said.is_error, said.text
        return said

    def assert_finished(self, bench: Bench, told: Said) -> None:
        """All of it, and once. An upload that was cut off before Flipsnack had it is nobody's to send again."""
        cut_off = self.sent == CREATE and not bench.sandbox.carried_out(CREATE)
        assert told.data["state"] == ("interrupted" if cut_off else "complete"), told.text
        assert cut_off or self.sent_once(bench)
        assert told.data.get("counts", {}).get("done", 0) in {0, len(bench.sandbox.carried_out(self.sent))}

    def sent_once(self, bench: Bench) -> bool:
        sent = [one.params for one in bench.sandbox.carried_out(self.sent)]
        about = Counter(one.get("collectionHash") or one.get("fileUrl") for one in sent)
        # What was asked and not yet answered when its server was killed is asked once more: that changes nothing.
        return self.sent == STATS or (set(about.values()) == {1} and self.times in {None, len(sent)})


async def report(assistant: Assistant) -> str:
    said = await assistant.call("report_stats", {"query": "Weekly", "wait_seconds": 0})
    return str(said.data["report_id"])


async def plan(assistant: Assistant, rule: dict[str, Any] = OFFERS) -> str:
    planned = str((await assistant.call("update_collections", rule)).data["plan_id"])
    begun = await assistant.call("update_collections", plan_id=planned, wait_seconds=0)
    assert begun.data["state"] == "running", begun.text
    return planned


async def offline(assistant: Assistant) -> str:
    return await plan(assistant, OFFLINE)


async def upload(assistant: Assistant) -> str:
    said = await assistant.call("create_collection", file_url=ADDRESS, title="Brand new", wait_seconds=0)
    return str(said.data["upload_id"])


async def batch(assistant: Assistant) -> str:
    addresses = [f"{ADDRESS}?{number}" for number in range(4)]
    planned = await assistant.call("create_collections", documents=addresses)
    assert not planned.is_error, planned.text
    await assistant.call("create_collections", plan_id=planned.data["plan_id"], wait_seconds=0)
    return str(planned.data["plan_id"])


WORK = {
    "a report": Work(report, "report_stats", "report_id", STATS),
    "a plan": Work(plan, "update_collections", "plan_id", UPDATE, 7),
    "a plan that takes offline": Work(offline, "update_collections", "plan_id", UPDATE, ONLINE),
    "a batch": Work(batch, "create_collections", "plan_id", CREATE),
    "an upload": Work(upload, "get_upload", "upload_id", CREATE, 1),
}
every_kind = pytest.mark.parametrize(
    ("team", "work"),
    [pytest.param(("sqlite", "redis")[nth % 2], work, id=name) for nth, (name, work) in enumerate(WORK.items())],
    indirect=["team"],
)
MOMENTS = (0.0, 0.5, 2.5)
LEFT = [
    *((name, after, nth % len(MOMENTS) == turn) for nth, name in enumerate(WORK) for turn, after in enumerate(MOMENTS)),
]
"""Killed at two moments, and drained at the third: what a drained server was at it has let go of itself."""
ENDS = [*(("sqlite", *one) for one in LEFT), *(("redis", *one) for one in LEFT[1::3])]
"""Every kind of work in a file; each of them on Redis, where the store's own tests prove the rest."""


@pytest.mark.parametrize(
    ("team", "work", "after", "cleanly"),
    [
        pytest.param(
            store, WORK[name], after, cleanly, id=f"{store}-{name}-{after}-{'drained' if cleanly else 'killed'}"
        )
        for store, name, after, cleanly in ENDS
    ],
    indirect=["team"],
)
async def test_work_of_a_replica_that_is_gone_is_finished_by_another_that_nobody_calls(
    team: Team, work: Work, after: float, *, cleanly: bool
) -> None:
    """What was let go of is taken up at once, and done by when a killed one would count as dead."""
    async with team.replica(Person(types_what_is_asked)) as (heir, _):
        async with team.replica(Person(types_what_is_asked)) as (owner, line):
            work_id = await work.begun(owner)
            await anyio.sleep(after)
            line.cut = not cleanly
        await anyio.sleep(DEAD_AFTER - 1 if cleanly else DEAD_AFTER + BEAT_OF_LOOKS + TO_ITS_END)
        told = await work.asked_for(heir, work_id)
    work.assert_finished(team.bench, told)


@every_kind
async def test_of_three_replicas_one_takes_over(team: Team, work: Work) -> None:
    async with AsyncExitStack() as others:
        heirs = [(await others.enter_async_context(team.replica()))[0] for _ in range(3)]
        async with team.replica(Person(types_what_is_asked)) as (owner, line):
            work_id = await work.begun(owner)
            line.cut = True
        await anyio.sleep(DEAD_AFTER + BEAT_OF_LOOKS + TO_ITS_END)
        told = [await work.asked_for(one, work_id) for one in heirs]
    for one in told:
        work.assert_finished(team.bench, one)


@every_kind
async def test_work_is_asked_for_at_another_replica_than_the_one_that_does_it(team: Team, work: Work) -> None:
    async with team.replica(Person(types_what_is_asked)) as (owner, _), team.replica() as (other, _):
        work_id = await work.begun(owner)
        under_way = await work.asked_for(other, work_id)
        await anyio.sleep(TO_ITS_END)
        done = await work.asked_for(other, work_id, wait_seconds=45)
    assert (under_way.data["state"], done.data["state"]) != ("complete", "running")
    work.assert_finished(team.bench, done)


async def test_how_far_it_is_is_told_where_it_is_watched(team: Team) -> None:
    for number in range(60):
        team.bench.sandbox.account.add(
            title=f"Weekly {number}", status="public", created_at=team.bench.clock() - 40 * 86400
        )
    async with team.replica() as (owner, _), team.replica() as (other, _):
        work_id = await report(owner)
        told = await WORK["a report"].asked_for(other, work_id, wait_seconds=45)
    shown = [message for _, message in told.progress]
    assert len(shown) >= 45 // BEAT - 1
    assert all("collections" in one for one in shown), shown


@pytest.mark.parametrize("name", ["a report", "a plan"])
async def test_work_is_stopped_at_another_replica_than_the_one_that_does_it(team: Team, name: str) -> None:
    for number in range(60):
        team.bench.sandbox.account.add(
            title=f"Weekly offers {number}", status="public", created_at=team.bench.clock() - 4e6
        )
    work = WORK[name]
    async with team.replica() as (owner, _), team.replica() as (other, _):
        work_id = await work.begun(owner)
        said = await other.call("stop_work", work_id=work_id)
        await anyio.sleep(2 * BEAT)
        before = len(team.bench.sandbox.requests)
        await anyio.sleep(DEAD_AFTER + 2 * BEAT_OF_LOOKS)
        stopped = await work.asked_for(other, work_id) if name == "a report" else None
    assert said.data["state"].startswith("stopping"), said.text
    assert len(team.bench.sandbox.requests) == before, "nobody goes on with it"
    assert stopped is None or stopped.data["state"] == "stopped"


async def test_the_same_document_at_two_replicas_at_once_is_one_upload(team: Team) -> None:
    ids = list[str]()
    async with team.replica() as (one, _), team.replica() as (other, _):

        async def begin(assistant: Assistant) -> None:
            ids.append(await upload(assistant))

        async with anyio.create_task_group() as calls:
            for each in (one, other, one, other):
                calls.start_soon(begin, each)
        await WORK["an upload"].asked_for(one, ids[0], wait_seconds=45)
    assert len(set(ids)) == 1
    assert len(team.bench.sandbox.carried_out(CREATE)) == 1


async def test_a_change_at_one_replica_is_seen_at_once_at_another(team: Team) -> None:
    """Answers of the last seconds are remembered by each, and counted as old by a number that all share."""
    wanted = team.bench.collection().hash
    async with team.replica() as (one, _), team.replica() as (other, _):
        before = await other.call("get_collection", collection_hash=wanted)
        await one.call("update_collection", collection_hash=wanted, title="Renamed")
        after = await other.call("get_collection", collection_hash=wanted)
    assert "Renamed" not in before.text
    assert "Renamed" in after.text


async def test_a_package_that_one_replica_had_begun_is_got_at_another_and_built_once(team: Team) -> None:
    wanted, built = team.bench.collection(), list[object]()
    async with team.replica() as (one, _), team.replica() as (other, _):
        states = list[str]()
        while len(states) < 12 and "complete" not in states:
            asked = (one, other)[len(states) % 2]
            said = await asked.call("download_collection_html", collection_hash=wanted.hash, wait_seconds=1, save=False)
            states.append(said.data["state"])
            built.append(wanted.packaging)
    assert states[-1] == "complete", states
    assert len(states) > 2
    assert all(one is built[0] for one in built)


async def test_uploads_in_line_at_a_replica_that_is_drained_are_sent_by_another(team: Team) -> None:
    """Two go at once; of the others nothing was sent, and what lies at an address anybody can have fetched."""
    begun = list[str]()
    team.bench.fails("slow", CREATE, times=2, seconds=20.0)
    async with team.replica() as (heir, _):
        async with team.replica() as (owner, _):
            for number in range(6):
                given = {"file_url": f"{ADDRESS}?{number}", "title": f"New {number}", "wait_seconds": 0}
                begun.append((await owner.call("create_collection", given)).data["upload_id"])
            await anyio.sleep(5)
        await anyio.sleep(DEAD_AFTER + 2 * BEAT_OF_LOOKS + TO_ITS_END)
        told = [await WORK["an upload"].asked_for(heir, one, wait_seconds=45) for one in begun]
    states = [one.data["state"] for one in told]
    made = Counter(one.params["title"] for one in team.bench.sandbox.carried_out(CREATE))
    assert states[2:] == ["complete"] * 4, "nothing of them had been sent"
    assert set(made.values()) == {1}
    assert len(made) == states.count("complete")
