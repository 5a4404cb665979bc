"""Carrying out a plan over many collections: each as planned and once, whoever is killed or comes to help."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.errors import Changed, FlipsnackError, NotFoundError, OutOfTimeError
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.changing import Updated, change, differences
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.finding import by_title
from flipsnack_mcp.workflows.plans.record import Plans
from flipsnack_mcp.workflows.plans.rules import Item, Plan
from flipsnack_mcp.workflows.progress import budget_used_up, plan_at

MOST_FAILURES, MOST_IN_A_ROW = 5, 3
SECONDS_EACH = 3.0
"""What a collection takes at the pace of the key: it is looked at, changed, and looked at again."""
LOOK_AT_OTHERS = 1.0
"""Seconds between two looks at what other processes carry out."""
TO_LET_GO = 2.0
CHANGED_SINCE = "It changed since the plan was made, so it was left alone."
ALREADY = "It was already so before its turn came."
GONE = "It is no longer there under this hash, so it was left alone."
NEITHER = "It was being changed when a call broke off, and is now neither as before nor as planned: look at it."
NEW_HASH_UNKNOWN = "It was being published when a call broke off; its new hash was not found: look for its title."

Facts = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """Where it is written down what was changed."""

    before: Callable[[Item, Collection], Awaitable[object]]
    """Called before a collection is changed; what it raises keeps it from that."""
    after: Callable[[Item], Awaitable[object]]
    """Called with the outcome."""


@dataclass(frozen=True)
class Ended:
    """Why a call ended before the plan did; empty where the plan is carried out or the time was up."""

    stopped: str = ""
    waits: str = ""


class Settled(Exception):  # noqa: N818 - it is no error
    """There is nothing to send for an item; what is to be noted about it instead."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts


class TakenOver(Exception):  # noqa: N818 - it is no error
    """Somebody else took up the item, because we were too slow."""


@dataclass
class Budget:
    """How many failures a call has seen, and how many of them in a row."""

    failures: int = 0
    in_a_row: int = 0

    def after(self, item: Item) -> str:
        """Why to stop, once there were too many."""
        failed = item.state in {"failed", "unclear"}
        self.failures += failed
        self.in_a_row = self.in_a_row + 1 if failed else 0
        if self.in_a_row >= MOST_IN_A_ROW:
            return f"Stopped after {self.in_a_row} failures in a row. The last one: {item.said}"
        return (
            f"Stopped after {self.failures} failures. The last one: {item.said}"
            if self.failures >= MOST_FAILURES
            else ""
        )


class Progress:
    """Tells how far a plan is, and for how long it will go on at the pace of this call."""

    def __init__(self, errand: Errand, plan: Plan) -> None:
        self._errand, self._plan = errand, plan
        self._start, self._done = anyio.current_time(), 0

    async def another(self, left: int) -> None:
        """One more item has come to its end, and so many are left."""
        self._done += 1
        each = (anyio.current_time() - self._start) / self._done or SECONDS_EACH
        await self._errand.tell(plan_at(self._plan.count - left, self._plan.count, each * left))


@dataclass(frozen=True)
class Hand:
    """One call at work on a plan."""

    errand: Errand
    plans: Plans
    plan: Plan
    record: Record
    owner: str

    async def one(self, item: Item) -> Item | None:
        """Carry out one item and write down what came of it; None where somebody else took it over.

        Raises:
            OutOfTimeError: Nothing was sent; it stays planned.
        """
        try:
            facts = await self._outcome(item)
            ended = item.model_copy(update=facts)
            if ended.state != "skipped":
                await self.record.after(ended)
            return await self._note(item, **facts)
        except TakenOver:
            return None
        except OutOfTimeError:
            await self._note(item, **untouched(item))
            raise
        except BaseException:
            with anyio.move_on_after(TO_LET_GO, shield=True), suppress(StoreUnusable):
                await self._note(item, beat=0.0)  # the next call looks at once what came of it
            raise

    async def _outcome(self, item: Item) -> Facts:
        try:
            updated = await change(self.errand, item.action, partial(self._begin, item))
        except Settled as settled:
            return settled.facts
        except NotFoundError:
            return await vanished(self.errand, item)
        except OutOfTimeError as error:
            if error.changed is Changed.PERHAPS:
                return failure(item, error)
            raise
        except FlipsnackError as error:
            return failure(item, error)
        return outcome(item, updated)

    async def _begin(self, item: Item, before: Collection) -> None:
        """The last look before it is changed: it is as planned, it is still ours, and how it was is kept."""
        if not item.is_as_planned(before):
            raise Settled(left_alone(item, before))
        twins = await alike(self.errand, item)
        await self.record.before(item, before)
        # The last thing before it is sent: whoever finds it so later knows that it may have been.
        if await self._note(item, begun=True, twins=twins) is None:
            raise TakenOver

    async def _note(self, item: Item, **facts: Any) -> Item | None:
        return await self.plans.note(self.plan, item, self.owner, **facts)


async def carry_out(errand: Errand, plans: Plans, plan: Plan, record: Record, end: float) -> Ended:
    """Carry out what is left of a plan, item after item; none is begun after `end`."""
    hand = Hand(replace(errand, lane=Lane.BACKGROUND), plans, plan, record, secrets.token_hex(8))
    budget, progress = Budget(), Progress(errand, plan)
    while anyio.current_time() < end:
        claim = await plans.claim(plan, hand.owner)
        if claim.item is None:
            if not claim.left:
                break
            await anyio.sleep(min(LOOK_AT_OTHERS, end - anyio.current_time()))
            continue
        try:
            item = await hand.one(claim.item)
        except OutOfTimeError as error:
            await errand.tell(budget_used_up(error.again))
            await anyio.sleep_until(end)  # or the next call would only come sooner, for nothing
            return Ended(waits=f"Others use up what the key allows. {error.again}")
        await progress.another(max(0, claim.left - 1))
        if item and (stopped := budget.after(item)):
            return Ended(stopped=stopped)
    return Ended()


def left_alone(item: Item, seen: Collection) -> Facts:
    """What is noted about an item that is not as planned: done by a call that broke off, or touched by somebody."""
    if item.is_done(seen):
        done: Facts = {"state": "done", "said": ""} if item.begun else {"state": "skipped", "said": ALREADY}
        return {**done, "again": False}
    other: Facts = {"state": "unclear", "said": NEITHER} if item.begun else {"state": "skipped", "said": CHANGED_SINCE}
    return {**other, "again": False}


def outcome(item: Item, updated: Updated) -> Facts:
    """What is noted about an item whose update Flipsnack took."""
    now = updated.after.collection_hash
    new_hash = now if now != item.collection_hash else ""
    if wrong := differences(item.action, updated.after):
        return {"state": "failed", "said": " ".join(wrong), "new_hash": new_hash, "again": False}
    return {"state": "done", "said": " ".join(updated.warnings), "new_hash": new_hash, "again": False}


def failure(item: Item, error: FlipsnackError) -> Facts:
    """What is noted about an item whose update failed: the next call takes it up again, and looks first."""
    if error.changed is Changed.PERHAPS:
        return {"state": "unclear", "said": error.happened, "again": True}
    return {"state": "failed", "said": error.happened, "again": True, "begun": item.begun}


def untouched(item: Item) -> Facts:
    """What is noted about an item for which nothing was sent."""
    return {"state": "planned", "begun": item.begun, "beat": 0.0}


async def vanished(errand: Errand, item: Item) -> Facts:
    """A collection that is not there under its hash: published by a call that broke off, or gone."""
    if not (item.begun and item.publishes):
        return {"state": "skipped", "said": GONE, "again": False}
    try:
        found = [one for one in await alike(errand, item) if one not in item.twins]
    except OutOfTimeError:
        raise
    except FlipsnackError as error:
        return {"state": "unclear", "said": error.happened, "again": True}
    if len(found) != 1:
        return {"state": "unclear", "said": NEW_HASH_UNKNOWN, "again": False}
    return {"state": "done", "said": "", "new_hash": found[0], "again": False}


async def alike(errand: Errand, item: Item) -> tuple[str, ...]:
    """The collections that look as an item will when it is published; nothing else tells the new one from them."""
    if not item.publishes:
        return ()
    title, status = item.target
    rows = await by_title(errand, title, "date_published")
    return tuple(row.collection_hash for row in rows if row.status == status)
