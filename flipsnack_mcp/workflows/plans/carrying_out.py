"""Plans as a process carries them out in the background: begun by a call, watched by calls, stopped on request."""

from dataclasses import dataclass
from functools import partial

from flipsnack_mcp.api import Flipsnack
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.plans.execution import Execution
from flipsnack_mcp.workflows.plans.outcomes import facts_of
from flipsnack_mcp.workflows.plans.record import PLAN, PlanRecord
from flipsnack_mcp.workflows.plans.rules import Permissions, Plan
from flipsnack_mcp.workflows.uploads.journal import Journal

ON_REQUEST = "It was stopped on request."


@dataclass(frozen=True)
class Plans:
    """The plans of an account, as this process carries them out."""

    flipsnack: Flipsnack
    jobs: Jobs
    record: PlanRecord
    history: History
    """In which every collection of a plan has entries of its own."""
    journal: Journal
    allowance: Allowance
    """In which every collection that goes offline counts, from the yes to the plan on."""
    allowed: Permissions

    async def start(self, plan: Plan) -> Job | None:
        """Have a plan carried out, unless somebody is at it; the job where that is this process."""

        def enter(records: Records, known: Plan) -> int:
            return self.history.write(
                records, decision="begun", said=as_many(known.count, "collection"), **facts_of(known)
            )

        first = partial(self.record.start, plan, enter=enter)
        return await self.jobs.start(PLAN, plan.plan_id, self.carry_out, self.note_stop, first)

    async def note_stop(self, job: Job) -> None:
        """A plan that somebody stopped goes on when a call asks for it."""
        await Execution(self, job).end(ON_REQUEST)

    async def carry_out(self, job: Job) -> None:
        """Carry out what is left of a plan, for as long as it may go on by itself."""
        await Execution(self, job).run()
