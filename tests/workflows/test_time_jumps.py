"""Under a clock that jumps: what was counted counts on, what was done is not done again, what was written is there."""

from datetime import UTC, date, datetime

import pytest

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.allowance import Allowance, TooManyDeletionsError
from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.plans.drafts import PlanDraft
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.record import PlanRecord
from flipsnack_mcp.workflows.plans.rules import PLAN_IS_OLD, YES_IS_OLD
from flipsnack_mcp.workflows.reports.figures import Numbers
from flipsnack_mcp.workflows.reports.record import ReportRecord
from flipsnack_mcp.workflows.reports.report import Period, Question, Report, ReportedCollection
from flipsnack_mcp.workflows.uploads.journal import Journal, JournalEntry
from tests.jumps import DAYS, HOUR, JUMPS, MINUTE, SET, Jump
from tests.virtual_clock import DAY_IN_SECONDS, Machine

ACCOUNT = "0123456789abcdef"


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def store(machine: Machine) -> Store:
    return MemoryStore(machine)


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
@pytest.mark.parametrize(("limits", "span"), [((3, 9), HOUR), ((9, 3), DAY_IN_SECONDS)], ids=["hour", "day"])
async def test_no_jump_gives_another_deletion_or_takes_one_away(
    store: Store, machine: Machine, jump: Jump, limits: tuple[int, int], span: float
) -> None:
    allowance = Allowance(store, ACCOUNT, *limits)
    await allowance.take("delete x")
    machine.set_clock(33)  # taken while the clock was ahead
    await allowance.take("delete x")
    machine.set_clock(-33)
    await allowance.take("delete x")
    await jump(machine, store)
    with pytest.raises(TooManyDeletionsError):
        await allowance.take("delete x")
    machine.run(span)
    for _ in range(3):
        await allowance.take("delete x")
    with pytest.raises(TooManyDeletionsError):
        await allowance.check()


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_the_history_stays_whole(store: Store, machine: Machine, jump: Jump) -> None:
    trail = History(store, ACCOUNT)
    for _ in range(3):
        await trail.add(tool="delete_collection", target="abc1234", decision="done")
    await jump(machine, store)
    await trail.add(tool="delete_collection", target="abc1234", decision="done")
    assert [one.number for one in await trail.events()] == [1, 2, 3, 4]
    assert await trail.verified() == ""


@pytest.mark.parametrize("days", DAYS)
async def test_the_history_says_what_the_clock_on_the_wall_showed(store: Store, machine: Machine, days: float) -> None:
    """A person looks for the day that they remember, after a long absence and with a wrong clock alike."""
    trail = History(store, ACCOUNT)
    await trail.add(tool="delete_collection", target="abc1234", decision="done")
    machine.set_clock(days)
    shown = [machine_shows(machine)]
    machine.restart(off=50 * DAY_IN_SECONDS)
    shown.append(machine_shows(machine))
    for _ in shown:
        await trail.add(tool="delete_collection", target="abc1234", decision="done")
    assert (await trail.events())[-1].at == pytest.approx(shown[-1], abs=1.0)


def machine_shows(machine: Machine) -> float:
    """What stands on the wall."""
    return machine().wall


@pytest.mark.parametrize("jump", SET.values(), ids=SET)
async def test_a_document_is_not_uploaded_twice_and_an_upload_is_not_forgotten(
    store: Store, machine: Machine, jump: Jump
) -> None:
    journal = Journal(store, ACCOUNT)
    entry = JournalEntry(
        upload_id="u1", account=ACCOUNT, document="sha256:1", title="Offers", name="offers.pdf", size=1,
        state="complete", collection_hash="abc1234",
    )  # fmt: skip
    begun = await journal.begin(entry, leases.Owner("upload"), again=False)
    await jump(machine, store)
    again = await journal.begin(entry.model_copy(update={"upload_id": "u2"}), leases.Owner("upload2"), again=False)
    assert again.upload_id == begun.upload_id
    assert [one.upload_id for one in await journal.recent()] == ["u1"]
    machine.run(DAY_IN_SECONDS)
    assert await journal.standing("sha256:1", "Offers") is None
    assert await journal.recent() == []
    assert await journal.find("u1")


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_plan_is_not_forgotten_and_its_yes_holds_no_longer(store: Store, machine: Machine, jump: Jump) -> None:
    plans = PlanRecord(store, ACCOUNT)
    item = Item(number=0, collection_hash="abc1234", title="Offers", status="public", new_status="editable")
    plan = await plans.keep(PlanDraft((item,), 0, ()))
    await plans.confirmed(plan, "form")
    await jump(machine, store)
    seen = await plans.look(plan.plan_id)
    assert seen
    assert len(seen.items) == 1
    machine.run(10 * MINUTE)
    later = await plans.look(plan.plan_id)
    assert later
    assert later.objection in {YES_IS_OLD, PLAN_IS_OLD}
    machine.run(DAY_IN_SECONDS)
    next_day = await plans.look(plan.plan_id)
    assert next_day
    assert next_day.objection == PLAN_IS_OLD


@pytest.mark.parametrize("days", DAYS)
async def test_a_plan_of_a_clock_that_was_wrong_is_not_good_when_the_clock_is_right(
    store: Store, machine: Machine, days: float
) -> None:
    plans = PlanRecord(store, ACCOUNT)
    item = Item(number=0, collection_hash="abc1234", title="Offers", status="public", new_status="editable")
    machine.set_clock(days)
    plan = await plans.keep(PlanDraft((item,), 0, ()))
    await plans.confirmed(plan, "form")
    machine.set_clock(-days)
    seen = await plans.look(plan.plan_id)
    assert seen
    assert seen.objection
    machine.run(abs(days) * DAY_IN_SECONDS)  # the day for which it was made has come
    machine.set_clock(max(0.0, -days))
    assert not (again := await plans.look(plan.plan_id)) or again.objection


TARGET = ReportedCollection(collection_hash="abc1234", title="Offers")


@pytest.mark.parametrize("days", [2.0, 3.0, 4.0, 7.0, 14.0, 30.0, 60.0, 100.0, 200.0, 400.0])
async def test_an_answer_asked_before_its_time_is_not_final(store: Store, machine: Machine, days: float) -> None:
    """A clock that is ahead takes a period for closed that goes on: what was answered then is asked again."""
    record, today = ReportRecord(store, ACCOUNT), day_of(machine)
    question = Question(TARGET, Period(today, today))
    machine.set_clock(days)
    early = await record.begin(report_of(question.period, day_of(machine)))
    await record.answered(early, question, Numbers(views=1))
    machine.set_clock(-days)
    assert await record.open_questions(await record.begin(report_of(question.period, today))) == [question]
    machine.run((days + 1) * DAY_IN_SECONDS)
    late = await record.begin(report_of(question.period, day_of(machine)))
    assert await record.open_questions(late) == [question]
    await record.answered(late, question, Numbers(views=2))
    assert await record.open_questions(late) == []


def day_of(machine: Machine) -> date:
    """The day on the calendar."""
    return datetime.fromtimestamp(machine_shows(machine), UTC).date()


def report_of(period: Period, today: date) -> Report:
    """A report on one collection over one period."""
    return Report(report_id="r", choice=Choice(), period=period, today=today, targets=(TARGET,), offset=None)
