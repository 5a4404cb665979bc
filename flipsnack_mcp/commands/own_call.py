"""What a person does from a terminal with what the tools stand on, on the same records, and no assistant in between."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import anyio
from typing_extensions import override

from flipsnack_mcp.commands.connecting import connect, open_memory
from flipsnack_mcp.commands.serve import announce
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.whose import Whose
from flipsnack_mcp.server.consent.codes import MINUTES
from flipsnack_mcp.server.consent.form import Preview
from flipsnack_mcp.server.consent.preview import Batch
from flipsnack_mcp.server.consent.yes import NotConfirmedError, yeses_of
from flipsnack_mcp.server.dispatch import run_tool, tool_call
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.telling import outcome_of
from flipsnack_mcp.server.tools.arguments import Options
from flipsnack_mcp.server.tools.plans.answers import PlanStatus
from flipsnack_mcp.server.tools.plans.going_on import broken_off, kept_plan
from flipsnack_mcp.server.tools.plans.undoing import UndoChangeInput, undoing_of
from flipsnack_mcp.server.tools.plans.updating import left_alone
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import moment
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.lookout import Lookout
from flipsnack_mcp.workflows.plans.record import PLAN
from flipsnack_mcp.workflows.plans.rules import UNDOING, PlanSnapshot
from flipsnack_mcp.workflows.progress import Progress

T = TypeVar("T")
BY_TERMINAL = "approve"
"""Whose yes it is, in the words of the history."""
LOOKS_AGAIN = 45
"""Seconds for which one call watches."""

SWITCHED_OFF = "With these settings nothing is taken offline (FLIPSNACK_CONFIRM)."
NO_HOLDS = f"Somebody said no to this in a form less than {MINUTES} minutes ago, and that holds as long: wait, then run this again."
WILL_STOP = "stopping; what was sent is looked at first"


class OwnRequest(ToolRequest):
    """A call from a terminal: it may last as long as it takes, and nothing is asked while it does."""

    can_ask = False

    def __init__(self) -> None:
        self.replies, self.state = {}, None
        self.deadline = math.inf

    @override
    async def tell(self, progress: Progress) -> None:
        announce(progress.message)


@dataclass(frozen=True)
class Proposal:
    """What would put things back, as it is shown before anything is done."""

    seen: PlanSnapshot | None
    """None where nothing would change."""
    said: list[str]
    """What of it is not to be put back."""
    confirmed_by: Preview | None
    """What has to be confirmed like a deletion; None where nothing goes offline."""


def with_account(settings: Settings, work: Callable[[App], Awaitable[T]]) -> T:
    """What some work with an account comes to, or what it raises."""
    return anyio.run(worked, settings, work)()


async def worked(settings: Settings, work: Callable[[App], Awaitable[T]]) -> Callable[[], T]:
    """Do it with all that a server has for the account, but for what others left unfinished: nobody asked for that here."""
    async with (
        open_memory(settings) as store,
        connect(settings) as flipsnack,
        anyio.create_task_group() as background,
    ):
        app = App(at_terminal(settings), flipsnack, Lookout(store, background), moment, Redactor.of(settings))
        app.jobs.unattended.clear()
        outcome = await outcome_of(lambda: work(app))
        background.cancel_scope.cancel()
    return outcome


def at_terminal(settings: Settings) -> Settings:
    """The settings where a person sits at the terminal: if any yes counts, it is theirs, given there."""
    return replace(settings, confirm=BY_TERMINAL) if yeses_of(settings.confirm) else settings


async def proposed(number: int, app: App) -> Proposal:
    """Plan what puts back what an entry of the history changed; of what goes offline a person has to be able to say yes."""
    app.check_settings()
    call = ToolCall(app, OwnRequest(), UNDOING, "", Options())
    draft, other = await undoing_of(call, number)
    said = [*left_alone(draft), *other]
    seen = await kept_plan(call, draft)
    if seen is None or not seen.offline:
        return Proposal(seen, said, None)
    if not app.confirmation.yeses:
        raise NotConfirmedError(SWITCHED_OFF)
    return Proposal(seen, said, await Batch(seen.plan, seen.offline).preview())


async def carried_through(proposal: Proposal, plan_id: str, app: App) -> tuple[PlanStatus, PlanSnapshot | None]:
    """Carry a proposal out that a person has said yes to, to its end; an interrupt ends it between two collections."""
    code = await agreed(app, proposal)
    try:
        while (status := await called_once(app, plan_id, code)).state == "running":
            pass
    except anyio.get_cancelled_exc_class():
        announce(WILL_STOP)
        with anyio.CancelScope(shield=True):
            await app.jobs.stop(PLAN, plan_id)
        raise
    try:
        return status, await app.plans.record.look(plan_id)
    except StoreUnusable as error:
        raise broken_off(UNDOING, plan_id, "collections", error) from None


async def agreed(app: App, proposal: Proposal) -> str | None:
    """Write the person's yes down; the code of what has to be confirmed like a deletion, given out and approved at once."""
    preview, consents = proposal.confirmed_by, app.confirmation.consents
    if preview is None:
        if proposal.seen:
            await app.plans.record.confirmed(proposal.seen.plan, BY_TERMINAL)
        return None
    code = await consents.new_code(UNDOING, preview, needs_approval=True)
    if code is None or not await consents.approve(code):
        raise NotConfirmedError(NO_HOLDS)
    return code


async def called_once(app: App, plan_id: str, code: str | None) -> PlanStatus:
    """One call of the tool, on record as any."""
    given = UndoChangeInput(plan_id=plan_id, confirmation=code, wait_seconds=LOOKS_AGAIN)
    tool = TOOLS[UNDOING]
    status = await run_tool(tool, tool_call(tool, given, Whose((app,)), OwnRequest()), given)
    if not isinstance(status, PlanStatus):
        raise TypeError("a terminal has no form")
    return status
