"""The plans of an account in the store: kept before anything is changed, and read after a crash.

Each item is a record of its own, so that its outcome is on disk before the next one is touched, and of several
processes one carries it out.
"""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.plans.rules import DAY, Draft, Item, Plan

KIND, ITEM = "plan", "plan-item"
KEPT = 7 * DAY
"""How long the outcome of a plan can be asked for."""
CLAIMED = 60.0
"""Longer than a call lasts: whoever took up an item before that and wrote down no outcome is dead."""
OPEN = frozenset({"planned", "sending"})


@dataclass(frozen=True)
class Claim:
    """The item to carry out now, if there is one, and how many are not at their end."""

    item: Item | None
    left: int


@dataclass(frozen=True)
class Plans:
    """The plans of one account, as all processes of the person see them."""

    store: Store
    account: str

    async def keep(self, draft: Draft) -> Plan:
        """Write down a new plan."""

        def work(records: Records) -> Plan:
            plan = Plan(
                plan_id=new_plan_id(),
                account=self.account,
                made=records.now,
                count=len(draft.items),
                unchanged=draft.unchanged,
            )
            records.put(KIND, plan.plan_id, plan.model_dump(mode="json"), keep=KEPT)
            for item in draft.items:
                put(records, plan, item)
            return plan

        return await self.store.transact(work)

    async def plan(self, plan_id: str) -> Plan | None:
        """One plan of this account."""
        return await self.store.transact(lambda records: self._get(records, plan_id))

    async def items(self, plan: Plan) -> list[Item]:
        """The items of a plan as they are now."""
        return await self.store.transact(lambda records: items_of(records, plan))

    async def too_old(self, plan: Plan) -> bool:
        """Whether a plan may no longer be carried out, by the clock all processes go by."""
        return await self.store.transact(lambda records: plan.too_old(records.now))

    async def confirmed(self, plan: Plan, how: str) -> Plan:
        """Remember a person's yes for whoever goes on with it."""

        def work(records: Records) -> Plan:
            sure = (self._get(records, plan.plan_id) or plan).model_copy(update={"confirmed": how})
            records.put(KIND, sure.plan_id, sure.model_dump(mode="json"), keep=left_of(records, sure))
            return sure

        return await self.store.transact(work)

    async def claim(self, plan: Plan, owner: str) -> Claim:
        """Take up the next item for this owner; nobody else gets it meanwhile."""

        def work(records: Records) -> Claim:
            items = items_of(records, plan)
            left = Counter(one.state in OPEN for one in items)[True]
            found = next((one for one in items if free(one, owner, records.now)), None)
            if found is None:
                return Claim(None, left)
            put(records, plan, found.model_copy(update={"state": "sending", "owner": owner, "beat": records.now}))
            return Claim(found, left)

        return await self.store.transact(work)

    async def note(self, plan: Plan, item: Item, owner: str, **facts: Any) -> Item | None:
        """Write down what is new about an item of this owner's; None where somebody else has taken it up since."""

        def work(records: Records) -> Item | None:
            stored = item_of(records, plan, item.number)
            if stored is None or stored.owner != owner:
                return None
            noted = stored.model_copy(update={"beat": records.now, **facts})
            put(records, plan, noted)
            return noted

        return await self.store.transact(work)

    def _get(self, records: Records, plan_id: str) -> Plan | None:
        body = records.get(KIND, plan_id)
        plan = Plan.model_validate(body) if body else None
        return plan if plan and plan.account == self.account else None


def free(item: Item, owner: str, now: float) -> bool:
    """Whether an item may be taken up: new, left by somebody who is gone, or to be tried again, once in a call."""
    if item.state == "sending":
        return now - item.beat > CLAIMED
    return item.state == "planned" or (item.again and item.owner != owner)


def items_of(records: Records, plan: Plan) -> list[Item]:
    """All items that are there, in their order."""
    found = (item_of(records, plan, number) for number in range(plan.count))
    return [one for one in found if one]


def item_of(records: Records, plan: Plan, number: int) -> Item | None:
    """One item."""
    body = records.get(ITEM, f"{plan.plan_id}/{number}")
    return Item.model_validate(body) if body else None


def put(records: Records, plan: Plan, item: Item) -> None:
    """Write one item, which is forgotten with its plan."""
    body = item.model_dump(mode="json")
    records.put(ITEM, f"{plan.plan_id}/{item.number}", body, keep=left_of(records, plan))


def left_of(records: Records, plan: Plan) -> float:
    """Seconds until a plan is forgotten; a moment longer for one that is being written about just then."""
    return max(1.0, plan.made + KEPT - records.now)


def new_plan_id() -> str:
    """Eight characters that a model copies without mistakes."""
    return base64.b32encode(secrets.token_bytes(5)).decode().lower()
