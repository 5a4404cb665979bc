"""Carrying out a plan in the background: each collection as planned and once, whoever is killed or takes over."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from flipsnack_mcp.api import Changed, Flipsnack, FlipsnackError, Lane, NotFoundError, cleaned, errors
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.changing import Updated, change, differences
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import by_title
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.last_look import LastLook
from flipsnack_mcp.workflows.plans.deleting import as_shown, deletion
from flipsnack_mcp.workflows.plans.record import PLAN, PlanRecord
from flipsnack_mcp.workflows.plans.rules import YES_IS_OLD, Item, ItemState, Permissions, Plan, PlanSnapshot
from flipsnack_mcp.workflows.progress import News, Progress, Tell, budget_used_up, plan_at
from flipsnack_mcp.workflows.uploads.journal import Journal

MOST_FAILURES, MOST_IN_A_ROW = 5, 3
TIME_FOR_AN_ITEM = 90.0
"""Seconds a collection may take, waiting for its turn included."""
PAUSE_IN_LINE = 10.0
"""Seconds until it is tried again where others use up what the key allows."""
CHANGED_SINCE = "It changed since the plan was made, so it was left alone."
ALREADY = "It was already so before its turn came."
NO_LONGER_THERE = "It is no longer there under this hash, so it was left alone."
NEITHER = "It was being changed when a call broke off, and is now neither as before nor as planned: look at it."
NEW_HASH_UNKNOWN = "It was being published when a call broke off; its new hash was not found: look for its title."
ON_REQUEST = "It was stopped on request."

NOT_CARRIED_OUT = frozenset[ItemState]({"skipped", "failed"})

ItemFacts = dict[str, Any]


class Settled(Exception):  # noqa: N818 - it is no error
    """There is nothing to send for an item; what is to be noted about it instead."""

    def __init__(self, facts: ItemFacts) -> None:
        super().__init__()
        self.facts = facts


class YesIsOld(Exception):  # noqa: N818 - it is no error
    """A person's yes ran out while its turn was waited for; nothing was sent."""


@dataclass
class Failures:
    """How many failures there were since the plan was last taken up, and how many of them in a row."""

    count: int = 0
    in_a_row: int = 0

    def after(self, item: Item) -> str:
        """Why to stop, once there were too many."""
        failed = item.state in {"failed", "unclear"}
        self.count += failed
        self.in_a_row = self.in_a_row + 1 if failed else 0
        if self.in_a_row >= MOST_IN_A_ROW:
            return f"Stopped after {self.in_a_row} failures in a row. The last one: {item.said}"
        return f"Stopped after {self.count} failures. The last one: {item.said}" if self.count >= MOST_FAILURES else ""


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
        first = partial(self.record.start, plan)
        return await self.jobs.start(PLAN, plan.plan_id, self.carry_out, self.note_stop, first)

    async def watch(self, plan: Plan, seconds: float, tell: Tell) -> None:
        """Tell how far a plan is until it ends, for so many seconds."""
        news = News(tell)
        await self.jobs.watch(PLAN, plan.plan_id, seconds, news)

    async def note_stop(self, job: Job) -> None:
        """A plan that somebody stopped goes on when a call asks for it."""
        record, allowance = replace(self.record, store=job.store), replace(self.allowance, store=job.store)
        if seen := await record.look(job.job_id):
            await record.stop(seen.plan, ON_REQUEST)
            await allowance.give_back(*seen.spared)

    async def carry_out(self, job: Job) -> None:
        """Carry out what is left of a plan, for as long as it may go on by itself."""
        await Execution(self, job).run()


class Execution:
    """A plan that is carried out by one job, item after item."""

    def __init__(self, plans: Plans, job: Job) -> None:
        self._job, self._allowed = job, plans.allowed
        self._record = replace(plans.record, store=job.store)
        self._history, self._journal = replace(plans.history, store=job.store), replace(plans.journal, store=job.store)
        self._allowance = replace(plans.allowance, store=job.store)
        self._flipsnack, self._failures = plans.flipsnack, Failures()
        self._start, self._done = anyio.current_time(), 0

    async def run(self) -> None:
        """Take up one item after the other, unless something speaks against that."""
        while (seen := await self._record.look(self._job.job_id)) and seen.plan.started and seen.left:
            if not seen.is_allowed(self._allowed):
                self._job.unresolved = True  # a process with other settings may go on with it
                return
            if objection := seen.objection or await self._take_up(seen):
                await self._record.stop(seen.plan, objection)
                await self._give_back_the_rest()
                return

    async def _give_back_the_rest(self) -> None:
        """What a plan that stops did not take offline does not count."""
        if seen := await self._record.look(self._job.job_id):
            await self._allowance.give_back(*seen.spared)

    async def _take_up(self, seen: PlanSnapshot) -> str:
        """Carry out the next item; why the plan stops after it, or nothing."""
        self._job.tell(done=seen.plan.count - len(seen.left), total=seen.plan.count)
        next_one = seen.left[0]
        try:
            with self._job.step():
                item = await self._carry_out(seen.plan, next_one)
        except errors.OutOfTimeError as error:
            await self._tell(budget_used_up(error.again, next_one.doing))
            await anyio.sleep(PAUSE_IN_LINE)
            return ""
        except YesIsOld:
            return YES_IS_OLD
        self._done, left = self._done + 1, len(seen.left) - 1
        each = (anyio.current_time() - self._start) / self._done
        await self._tell(plan_at(seen.plan.count - left, seen.plan.count, each * left, item.doing))
        return self._failures.after(item)

    async def _tell(self, progress: Progress) -> None:
        """What has no numbers of its own leaves them as they are."""
        self._job.tell(progress if progress.total else replace(self._job.progress, message=progress.message))

    async def _carry_out(self, plan: Plan, item: Item) -> Item:
        """Carry out one item and write down what came of it.

        Raises:
            OutOfTimeError, YesIsOld: Nothing was sent; it stays planned.
        """
        try:
            facts = await self._outcome(plan, item)
        except (errors.OutOfTimeError, YesIsOld):
            await self._record.note(plan, item, state="planned", begun=item.begun)
            raise
        ended = item.model_copy(update=facts)
        if ended.state in NOT_CARRIED_OUT and item.goes_offline:
            await self._allowance.give_back(item.counted_as(plan))
        if ended.state != "skipped":
            await self._history.add(decision=ended.state, said=short(ended.said), **facts_of(plan, item))
        if ended.new_hash:
            await self._journal.rename(item.collection_hash, ended.new_hash)
        return await self._record.note(plan, item, **facts)

    async def _outcome(self, plan: Plan, item: Item) -> ItemFacts:
        context = CallContext(self._flipsnack, tell=self._tell, lane=Lane.BACKGROUND).within(TIME_FOR_AN_ITEM)
        last = LastLook(partial(self._look, plan, item), partial(self._begin, context, plan, item))
        try:
            if item.needs_yes:
                counted = {item.counted_as(plan): item.counted_for}
                await self._job.store.transact(lambda records: self._allowance.count(records, counted))
            if item.deletes:
                return await deletion(context, item, last)
            updated = await change(context, item.action, last)
        except Settled as settled:
            return settled.facts
        except NotFoundError:
            return await facts_of_vanished(context, item)
        except FlipsnackError as error:
            if isinstance(error, errors.OutOfTimeError) and error.changed is Changed.NOTHING:
                raise
            return facts_of_failure(item, error)
        return facts_of_update(item, updated)

    async def _look(self, plan: Plan, item: Item, context: CallContext) -> Collection:
        """The collection as it has to be; and a person's yes to it has to hold still, however long its turn took."""
        seen = await (as_shown if item.deletes else as_planned)(context, item)
        if item.needs_yes and not await self._record.is_confirmed(plan):
            raise YesIsOld
        return seen

    async def _begin(self, context: CallContext, plan: Plan, item: Item, before: Collection) -> None:
        """How it was before it is changed is kept."""
        twins = await twins_of(context, item)
        kept = before.model_dump(mode="json", exclude_none=True)
        await self._history.add(decision="allowed", before=kept, **facts_of(plan, item))
        # The last thing before it is sent: whoever finds it so later knows that it may have been.
        await self._record.note(plan, item, state="sending", begun=True, twins=twins)


async def as_planned(context: CallContext, item: Item) -> Collection:
    """The collection of an item, which has to be as it was planned."""
    seen = await context.send(GetCollection(collection_hash=item.collection_hash))
    if not item.is_as_planned(seen):
        raise Settled(facts_of_other(item, seen))
    return seen


def facts_of(plan: Plan, item: Item) -> dict[str, str]:
    """What the history says of a change, besides how it ended."""
    return {"tool": plan.tool, "target": item.collection_hash, "confirmed": plan.confirmed}


def short(said: str) -> str:
    """The first sentence, for one line of the history."""
    return cleaned(said.split(". ", maxsplit=1)[0], 200)


def facts_of_other(item: Item, seen: Collection) -> ItemFacts:
    """What is noted about an item that is not as planned: done by a job that broke off, or touched by somebody."""
    if item.is_done(seen):
        return {"state": "done", "said": ""} if item.begun else {"state": "skipped", "said": ALREADY}
    return {"state": "unclear", "said": NEITHER} if item.begun else {"state": "skipped", "said": CHANGED_SINCE}


def facts_of_update(item: Item, updated: Updated) -> ItemFacts:
    """What is noted about an item whose update Flipsnack took."""
    now = updated.after.collection_hash
    new_hash = now if now != item.collection_hash else ""
    if wrong := differences(item.action, updated.after):
        return {"state": "failed", "said": " ".join(wrong), "new_hash": new_hash}
    return {"state": "done", "said": " ".join(updated.warnings), "new_hash": new_hash}


def facts_of_failure(item: Item, error: FlipsnackError) -> ItemFacts:
    """What is noted about an item whose update failed: the next call takes it up again, and looks first."""
    if error.changed is Changed.PERHAPS:
        return {"state": "unclear", "said": error.happened, "again": True}
    return {"state": "failed", "said": error.happened, "again": True, "begun": item.begun}


async def facts_of_vanished(context: CallContext, item: Item) -> ItemFacts:
    """What is noted about an item that is not there under its hash: published by a job that broke off, or gone."""
    if not (item.begun and item.publishes):
        return {"state": "skipped", "said": NO_LONGER_THERE}
    try:
        found = [one for one in await twins_of(context, item) if one not in item.twins]
    except errors.OutOfTimeError:
        raise
    except FlipsnackError as error:
        return {"state": "unclear", "said": error.happened, "again": True}
    if len(found) != 1:
        return {"state": "unclear", "said": NEW_HASH_UNKNOWN}
    return {"state": "done", "said": "", "new_hash": found[0]}


async def twins_of(context: CallContext, item: Item) -> tuple[str, ...]:
    """The collections that look as an item will when it is published; nothing else tells the new one from them."""
    if not item.publishes:
        return ()
    title, status = item.target
    rows = await by_title(context, title, "date_published")
    return tuple(row.collection_hash for row in rows if row.status == status)
