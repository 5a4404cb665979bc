"""Carrying out a plan: each collection as planned and once, whoever is killed or takes over."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from flipsnack_mcp.api import Changed, FlipsnackError, Lane, NotFoundError, errors
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.text import first_sentence
from flipsnack_mcp.workflows.changing import NOT_LOOKED_AT, send_change
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.last_look import LastLook
from flipsnack_mcp.workflows.plans import outcomes
from flipsnack_mcp.workflows.plans.deleting import as_shown, deletion, is_gone_meanwhile
from flipsnack_mcp.workflows.plans.item import Item, ItemState, Listed
from flipsnack_mcp.workflows.plans.listing import CHANGES_AT_ONCE, UNREAD, how_far_along, read_listing
from flipsnack_mcp.workflows.plans.rules import YES_IS_OLD, Plan, PlanSnapshot
from flipsnack_mcp.workflows.progress import Progress, budget_used_up

if TYPE_CHECKING:
    from flipsnack_mcp.workflows.plans.carrying_out import Plans

TIME_FOR_AN_ITEM = 90.0
"""Seconds a collection or a list may take, waiting for its turn included."""
TIME_AT_THE_END = 20.0
"""Seconds for a last look at what was changed, where somebody waits for a plan to stop."""
PAUSE_IN_LINE = 10.0
"""Seconds until it is tried again where others use up what the key allows."""
UNTIL_LISTED = 5.0
"""Seconds in which Flipsnack's list may still lack what was published just now."""
UNLISTED_NOW = "The account's list, which shows how its collections are, could not be read."

NOT_CARRIED_OUT = frozenset[ItemState]({"skipped", "failed"})


class Settled(Exception):  # noqa: N818 - it is no error
    """There is nothing to send for an item; what is to be noted about it instead."""

    def __init__(self, facts: outcomes.ItemFacts) -> None:
        super().__init__()
        self.facts = facts


class YesIsOld(Exception):  # noqa: N818 - it is no error
    """A person's yes ran out while its turn was waited for; nothing was sent."""


class Execution:
    """A plan that is carried out by one job: item after item, between lists that show how they are and what they became."""

    def __init__(self, plans: "Plans", job: Job) -> None:
        self._flipsnack, self._job, self._allowed = plans.flipsnack, job, plans.allowed
        self._record, self._history = replace(plans.record, store=job.store), replace(plans.history, store=job.store)
        self._journal = replace(plans.journal, store=job.store)
        self._allowance = replace(plans.allowance, store=job.store)
        self._failures = outcomes.Failures()
        self._start, self._asked = anyio.current_time(), 0
        self._listing = UNREAD

    async def run(self) -> None:
        """Do one thing after the other, unless something speaks against that."""
        while (seen := await self._record.look(self._job.job_id)) and seen.plan.started and seen.is_under_way:
            if not seen.is_allowed(self._allowed):
                self._job.unresolved = True  # a process with other settings may go on with it
                return
            await self._job.heed()
            self._job.tell(how_far_along(seen, self._listing, self._seconds_a_call))
            if objection := (seen.objection if seen.left else "") or await self._advance(seen):
                await self.end(objection)
                return
        if seen and seen.plan.started:
            await self._note_end(seen.plan, "done", in_states(seen))

    async def end(self, why: str) -> None:
        """Stop here: what was sent is looked at, and what the plan did not take offline does not count."""
        seen = await self._record.look(self._job.job_id)
        if seen is None:
            return
        if seen.unchecked:
            with anyio.move_on_after(TIME_AT_THE_END), suppress(FlipsnackError):
                await self._list(seen)
                await self._check(seen)
        await self._record.stop(seen.plan, why)
        await self._allowance.give_back(*seen.spared)
        await self._note_end(seen.plan, "stopped", why)

    async def _note_end(self, plan: Plan, decision: str, said: str) -> None:
        if plan.history_id:
            ended = {"decision": decision, "said": first_sentence(said), "of": plan.history_id}
            await self._history.add(**ended, **outcomes.facts_of(plan))

    @property
    def _seconds_a_call(self) -> float:
        return (anyio.current_time() - self._start) / self._asked if self._asked else 0.0

    async def _advance(self, seen: PlanSnapshot) -> str:
        """Read a list where one is due, or carry out the next item; why the plan stops after it, or nothing."""
        item = next(iter(seen.left), None)
        try:
            with self._job.step():
                if (
                    item
                    and len(seen.unchecked) < CHANGES_AT_ONCE
                    and (not item.needs_list or self._listing.holds_for(item))
                ):
                    return self._failures.after(await self._carry_out(seen.plan, item))
                await self._list(seen)
                return await self._check(seen)
        except errors.OutOfTimeError as error:
            trouble = budget_used_up(error.again, seen.plan.doing)
            self._job.tell(message=trouble, trouble=trouble)
            await anyio.sleep(PAUSE_IN_LINE)
        except YesIsOld:
            now = await self._record.look(self._job.job_id)
            return now.no_yes if now else YES_IS_OLD
        except FlipsnackError as error:
            return f"{UNLISTED_NOW} {error.happened}"
        return ""

    async def _list(self, seen: PlanSnapshot) -> None:
        self._listing = await read_listing(self._context, seen)
        self._asked += self._listing.windows

    async def _check(self, seen: PlanSnapshot) -> str:
        """Note what became of everything that was sent since the last list, which is read once more where a new hash is missing."""
        if any(outcomes.is_unseen(one, self._listing, seen.unchecked) for one in seen.unchecked):
            await anyio.sleep(UNTIL_LISTED)
            await self._list(seen)
        objection = ""
        for item in seen.unchecked:
            facts = outcomes.of_listing(item, self._listing, seen.unchecked) or await self._closer_look(item)
            ended = await self._record.note(seen.plan, item, **facts)
            if (ended.state, ended.new_hash) != (item.state, item.new_hash):
                await self._enter(seen.plan, ended)
            objection = objection or self._failures.after(ended)
        return objection

    async def _closer_look(self, item: Item) -> outcomes.ItemFacts:
        try:
            known = GetCollection(collection_hash=item.new_hash or item.collection_hash)
            return outcomes.of_closer_look(item, await self._context.send(known))
        except NotFoundError:
            return {"said": outcomes.NOT_FOUND, "checked": True}
        except FlipsnackError:
            return {"said": item.said or NOT_LOOKED_AT, "checked": True}

    @property
    def _context(self) -> CallContext:
        return CallContext(self._flipsnack, tell=self._tell, lane=Lane.BACKGROUND).within(TIME_FOR_AN_ITEM)

    async def _tell(self, progress: Progress) -> None:
        """What has no numbers of its own leaves them as they are."""
        self._job.tell(progress if progress.total else replace(self._job.progress, message=progress.message))

    async def _carry_out(self, plan: Plan, item: Item) -> Item:
        """Carry out one item and write down what came of it.

        Raises:
            OutOfTimeError, YesIsOld: Nothing was sent; it stays planned.
        """
        self._asked += item.calls
        try:
            facts = await self._outcome(plan, item)
        except (errors.OutOfTimeError, YesIsOld):
            await self._record.note(plan, item, state="planned", begun=item.begun)
            raise
        ended = await self._record.note(plan, item, **facts)
        if ended.state in NOT_CARRIED_OUT and item.goes_offline:
            await self._allowance.give_back(item.counted_as(plan.plan_id))
        if ended.state != "skipped" or ended.entry != item.entry:
            await self._enter(plan, ended)
        return ended

    async def _enter(self, plan: Plan, item: Item) -> None:
        """Write down how an item ended, and the hash that it has now."""
        ended = {"decision": item.state, "said": first_sentence(item.said), "of": item.entry}
        await self._history.add(**ended, after=outcomes.left_as(item), **outcomes.facts_of(plan, item))
        left = outcomes.left_as(item)
        if item.new_hash or "title" in left or (item.deletes and item.state == "done"):
            now = item.new_hash or ("" if item.deletes else item.collection_hash)
            await self._journal.rename(item.collection_hash, now, left.get("title"))

    async def _outcome(self, plan: Plan, item: Item) -> outcomes.ItemFacts:
        context = self._context
        last = LastLook(partial(self._last_look, plan, item), partial(self._begin, plan, item))
        try:
            if item.needs_yes:
                counted = {item.counted_as(plan.plan_id): item.counted_for}
                await self._job.store.transact(lambda records: self._allowance.count(records, counted))
            if item.deletes:
                return await deletion(context, item, last)
            return outcomes.of_answer(item, await send_change(context, item.action, last))
        except Settled as settled:
            return settled.facts
        except FlipsnackError as error:
            if error.changed is Changed.PERHAPS:  # also where it is gone by now: what was lost may have published it
                return await self._of_lost(item, error)
            if isinstance(error, NotFoundError) and (not last.seen or await is_gone_meanwhile(context, item)):
                return outcomes.of_vanished(item, self._listing)
            if isinstance(error, errors.OutOfTimeError):
                raise
            return outcomes.of_failure(item, error)

    async def _last_look(self, plan: Plan, item: Item, context: CallContext) -> Collection:
        """The collection as it has to be; and a person's yes to it has to hold still, however long its turn took."""
        seen = await (as_shown if item.deletes else self._as_planned)(context, item)
        if item.needs_yes and not await self._record.is_confirmed(plan):
            raise YesIsOld
        return seen

    async def _as_planned(self, context: CallContext, item: Item) -> Collection:
        """The collection of an item, which has to be as it was planned: in the list, or by a look of its own."""
        row = None if item.looked_at else self._listing.rows.get(item.collection_hash)
        if row and item.is_as_planned(listed := Listed.of(row)) and not item.is_done(listed):
            return listed
        # What speaks against it has to be so still: a list may show a change later than the collection itself.
        seen = await context.send(GetCollection(collection_hash=item.collection_hash))
        if item.is_done(seen) or not item.is_as_planned(seen):
            raise Settled(outcomes.of_other(item, seen))
        return seen

    async def _begin(self, plan: Plan, item: Item, before: Collection) -> None:
        """How it was before it is changed is kept."""
        told = before.model_dump(mode="json", exclude_none=True, exclude_unset=isinstance(before, Listed))
        entry = await self._history.add(decision="allowed", before=told, **outcomes.facts_of(plan, item))
        twins = self._listing.with_target(item) if item.publishes else ()
        # The last thing before it is sent: whoever finds it so later knows that it may have been.
        await self._record.note(plan, item, state="sending", begun=True, twins=twins, entry=entry)

    async def _of_lost(self, item: Item, error: FlipsnackError) -> outcomes.ItemFacts:
        """For an item the answer to whose update was lost. A draft that is gone may be published: a list tells."""
        try:
            seen = await self._context.send(GetCollection(collection_hash=item.collection_hash))
        except FlipsnackError:
            return outcomes.of_failure(item, error)
        return outcomes.DONE if item.is_done(seen) else outcomes.of_failure(item, error)


def in_states(seen: PlanSnapshot) -> str:
    """How many there are of each, for one line of the history."""
    return ", ".join(f"{count} {state}" for state, count in Counter(one.state for one in seen.items).items())
