"""The plans of an account in the store: kept before anything is changed, and read after a crash.

Each item is a record of its own, so that its outcome is on disk before the next one is touched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.store.records import Records, Store, stamp_of
from flipsnack_mcp.workflows.begun import ANYBODY, Beginner
from flipsnack_mcp.workflows.jobs import new_job_id
from flipsnack_mcp.workflows.plans.drafts import PlanDraft
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import Plan, PlanSnapshot

PLAN, ITEM = "plan", "plan-item"
PLAN_KEPT = 7 * 24 * 3600.0
"""How long the outcome of a plan can be asked for."""


def ignored(_: Records) -> None:
    """Nothing more is so."""


@dataclass(frozen=True)
class PlanRecord:
    """The plans of one account, as all processes of the person see them."""

    store: Store
    account: str

    async def keep(self, draft: PlanDraft, tool: str = "update_collections", beginner: Beginner = ANYBODY) -> Plan:
        """Write down a new plan."""

        def work(records: Records) -> Plan:
            times = {"made": records.now, "made_shown": records.wall}
            counted = {"count": len(draft.items), "unchanged": draft.unchanged}
            whose = {"plan_id": new_job_id(), "account": self.account, "tool": tool, **beginner._asdict()}
            plan = Plan.model_validate({**whose, **times, **counted})
            put_plan(records, plan)
            for item in draft.items:
                put_item(records, plan, item)
            return plan

        return await self.store.transact(work)

    async def look(self, plan_id: str) -> PlanSnapshot | None:
        """One plan of this account as it is now."""

        def work(records: Records) -> PlanSnapshot | None:
            plan = self._get(records, plan_id)
            return PlanSnapshot(plan, read_items(records, plan), *stamp_of(records)) if plan else None

        return await self.store.transact(work)

    async def is_confirmed(self, plan: Plan) -> bool:
        """Whether a person's yes to it holds now."""

        def work(records: Records) -> bool:
            known = self._get(records, plan.plan_id)
            return known is not None and PlanSnapshot(known, (), *stamp_of(records)).is_confirmed

        return await self.store.transact(work)

    async def confirmed(self, plan: Plan, how: str, also: Callable[[Records], None] = ignored) -> None:
        """Remember a person's yes for whoever goes on with it, and what has to be so together with it."""

        def work(records: Records) -> None:
            also(records)
            times = {"confirmed_at": records.now, "confirmed_shown": records.wall}
            self._note(records, plan, confirmed=how, taken_back=False, **times)

        await self.store.transact(work)

    async def take_back(self, plan: Plan) -> bool:
        """Forget a person's yes, since a person said no after it; whether the plan had begun by it."""

        def work(records: Records) -> bool:
            known = self._get(records, plan.plan_id) or plan
            self._note(records, plan, confirmed="", confirmed_at=None, confirmed_shown=None, taken_back=True)
            return bool(known.confirmed) and known.started

        return await self.store.transact(work)

    def start(self, plan: Plan, records: Records, enter: Callable[[Records, Plan], int]) -> None:
        """Let it go on by itself from now on, on record; what failed before gets one more try."""
        known = self._get(records, plan.plan_id) or plan
        self._note(records, plan, started=True, stopped="", history_id=known.history_id or enter(records, known))
        for item in read_items(records, plan):
            if item.again:
                again = {"state": "planned", "again": False, "checked": True}
                put_item(records, plan, item.model_copy(update=again))

    async def stop(self, plan: Plan, why: str) -> None:
        """Let it not go on until a call asks for it."""
        await self.store.transact(lambda records: self._note(records, plan, started=False, stopped=why))

    async def note(self, plan: Plan, item: Item, **facts: Any) -> Item:
        """Write down what is new about an item."""

        def work(records: Records) -> Item:
            noted = (read_item(records, plan, item.number) or item).model_copy(update=facts)
            put_item(records, plan, noted)
            return noted

        return await self.store.transact(work)

    def _note(self, records: Records, plan: Plan, **facts: Any) -> None:
        put_plan(records, (self._get(records, plan.plan_id) or plan).model_copy(update=facts))

    def _get(self, records: Records, plan_id: str) -> Plan | None:
        body = records.get(PLAN, plan_id)
        plan = Plan.model_validate(body) if body else None
        return plan if plan and plan.account == self.account else None


def read_items(records: Records, plan: Plan) -> tuple[Item, ...]:
    """All items that are there, in their order."""
    bodies = records.several(ITEM, [f"{plan.plan_id}/{number}" for number in range(plan.count)])
    return tuple(Item.model_validate(body) for body in bodies if body)


def read_item(records: Records, plan: Plan, number: int) -> Item | None:
    """One item."""
    body = records.get(ITEM, f"{plan.plan_id}/{number}")
    return Item.model_validate(body) if body else None


def put_plan(records: Records, plan: Plan) -> None:
    """Write a plan."""
    records.put(PLAN, plan.plan_id, plan.model_dump(mode="json"), keep=kept_for(records, plan))


def put_item(records: Records, plan: Plan, item: Item) -> None:
    """Write one item, which is forgotten with its plan."""
    body = item.model_dump(mode="json")
    records.put(ITEM, f"{plan.plan_id}/{item.number}", body, keep=kept_for(records, plan))


def kept_for(records: Records, plan: Plan) -> float:
    """Seconds until a plan is forgotten; a moment longer for one that is being written about just then."""
    return max(1.0, plan.made + PLAN_KEPT - records.now)
