"""Work in the background stays that of whoever had it begun: it is theirs in the history, and ends where they may no more."""

import anyio
import pytest

from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.leases import DEAD_AFTER
from flipsnack_mcp.workflows.batches.record import BATCH
from flipsnack_mcp.workflows.begun import Beginner, BegunWork
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import Choice, choose
from flipsnack_mcp.workflows.plans.drafts import draft_plan
from flipsnack_mcp.workflows.plans.rules import Permissions, Plan
from flipsnack_mcp.workflows.uploads.journal import UPLOAD, Journal, JournalEntry
from flipsnack_mcp.workflows.uploads.sending import MAY_NO_MORE, Uploads
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows import test_batch_sending as sending
from tests.workflows.running import CREATE, LongWork, Told
from tests.workflows.test_changing_many import OFFLINE, RULE, UPDATE, YESES, Server, process, shelf, states

ANNA = Beginner("anna", "token 1234")


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock, account="empty")


class Admitted:
    """Who may still have work done; and what was asked of that."""

    def __init__(self) -> None:
        self.may = True
        self.asked = set[tuple[str, bool]]()

    def __call__(self, principal: str, /, *, destroys: bool = False, **_: bool) -> bool:
        self.asked.add((principal, destroys))
        return self.may


async def annas(server: Server, work: LongWork, offline: bool = False) -> Plan:  # noqa: FBT001, FBT002  # a test's own
    shelf(work, 8)
    rows = await choose(CallContext(server.plans.flipsnack), Choice(query="Number"))
    plan = await server.plans.record.keep(draft_plan(OFFLINE if offline else RULE, rows), beginner=ANNA)
    await server.plans.record.confirmed(plan, "form")
    return plan


@pytest.mark.parametrize("offline", [False, True], ids=["renaming", "taking offline"])
async def test_a_plan_ends_between_two_collections_once_its_caller_may_no_more(work: LongWork, offline: bool) -> None:  # noqa: FBT001
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=2, times=0))
    admitted = Admitted()
    async with process(work, allowed=Permissions(True, YESES, admitted)) as server:  # noqa: FBT003  # a field
        plan = await annas(server, work, offline)
        await server.work(plan, 5)
        admitted.may = False
        await anyio.sleep(3)
        done = len(work.sandbox.carried_out(UPDATE))
        await anyio.sleep(120)
        await server.plans.jobs.go_on()
        await anyio.sleep(120)
        assert len(work.sandbox.carried_out(UPDATE)) == done < 8
        admitted.may = True
        await server.plans.record.confirmed(plan, "form")
        items = await server.to_its_end(plan)
    assert [one.state for one in items] == ["done"] * 8
    assert admitted.asked == {("token 1234", offline)} | ({("token 1234", False)} if offline else set())


async def test_what_another_process_goes_on_with_is_in_the_history_as_its_callers(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("slow", UPDATE, seconds=2, times=0))
    async with process(work) as server:
        plan = await annas(server, work)
        await server.work(plan, 5)
    async with process(work) as server:
        await server.plans.jobs.go_on()
        await anyio.sleep(60)
        assert states(await server.look(plan)) == {"done": 8}
        events = await server.plans.history.events()
    assert {one.caller for one in events} == {"anna"}


async def test_a_batch_ends_between_two_documents_once_its_caller_may_no_more(work: LongWork) -> None:
    admitted = Admitted()
    async with sending.process(work) as batches:
        batch = await sending.planned(work, batches)
        whose = batch.model_copy(update=ANNA._asdict())
        await batches.record.keep(whose)
        object.__setattr__(batches, "still_may", admitted)
        admitted.may = False
        assert await batches.start(whose)
        await batches.jobs.watch(BATCH, batch.plan_id, 60, Told())
        assert work.sandbox.carried_out("collection.create") == []
        admitted.may = True
        await sending.carried_out(batches, whose, Told())
        events = await batches.history.events()
    assert len(work.sandbox.carried_out("collection.create")) == 3
    assert {one.caller for one in events} == {"anna"}


@pytest.mark.parametrize("may", [True, False])
async def test_what_was_in_line_elsewhere_is_sent_only_for_whom_it_may(work: LongWork, may: bool) -> None:  # noqa: FBT001
    admitted = Admitted()
    admitted.may = may
    action = CreateCollection(file_url="https://example.com/a.pdf", title="A", status="editable")
    async with work.server() as (flipsnack, jobs):
        journal = Journal(jobs.store, "mine")
        asked = JournalEntry(
            upload_id="u",
            account="mine",
            document="url:1",
            title="A",
            name="",
            size=0,
            unsent=action.model_dump(mode="json", exclude_none=True),
            **ANNA._asdict(),
        )
        await journal.begin(asked, jobs.new(UPLOAD, "u").owner, again=False)
        work.clock.advance(DEAD_AFTER + 1)
        await Uploads(flipsnack, journal, jobs, admitted).go_on()
        await anyio.sleep(60)
    assert len(work.sandbox.carried_out("collection.create")) == may
    assert admitted.asked == {("token 1234", False)}


async def test_what_is_in_line_when_its_caller_may_no_more_is_not_sent(work: LongWork) -> None:
    work.road.upload_seconds = 5.0
    async with work.process() as process:
        process.uploads._still_may = admitted = Admitted()
        entries = [(await process.begin(work.paper(f"{n}.pdf"), f"Number {n}"))[0] for n in range(4)]
        await anyio.sleep(1)
        admitted.may = False
        ends = [await process.ended(one) for one in entries]
    assert [one.state for one in ends] == ["converting", "converting", "failed", "failed"]
    assert {one.said for one in ends[2:]} == {
        f"{MAY_NO_MORE} Nothing was changed. Trying again will not help. Whoever may upload can ask for it anew."
    }
    titles = {one.params["title"] for one in work.sandbox.requests if one.action == CREATE}
    assert titles == {"Number 0", "Number 1"}


def test_what_an_earlier_version_wrote_is_nobodys() -> None:
    assert BegunWork.model_validate({}).beginner == Beginner()
