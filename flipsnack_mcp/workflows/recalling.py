"""Answers of the last seconds, for looks that may be that old: Flipsnack recommends caching, and models ask twice.

A change of ours, in whatever process, makes all of them worthless: a number in the store goes up before and after each
change, and an answer counts only while the number it was asked under does. So what is changed is never seen as it was.
Previews, second looks, polls and reconciliation do not come here.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import anyio

from flipsnack_mcp.api.action import Action, ResultT_co
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.errand import Errand

KIND = "changes"
FRESH = 5.0
"""Seconds."""
MOST = 100
TO_LOOK, TO_NOTE = 0.5, 2.0
"""Seconds for reading the number, and for raising it, also when the call behind the change was cancelled."""


@dataclass(frozen=True)
class Answer:
    """What Flipsnack said, when, and under which number of changes."""

    result: Any
    at: float
    changes: int


@dataclass
class Recent:
    """The answers this process has, and how many changes the account's processes made."""

    store: Store
    account: str
    _answers: dict[tuple[type, str], Answer] = field(default_factory=dict[tuple[type, str], Answer])

    async def ask(self, errand: Errand, action: Action[ResultT_co]) -> ResultT_co:
        """The answer to a question, which may be some seconds old."""
        changes = await self._changes()
        if changes is None:
            return await errand.send(action)
        name = (type(action), action.model_dump_json())
        known = self._answers.get(name)
        if known and known.changes == changes and anyio.current_time() - known.at < FRESH:
            return cast("ResultT_co", known.result)
        asked_at = anyio.current_time()
        result = await errand.send(action)
        self._keep(name, Answer(result, asked_at, changes))
        return result

    async def changing(self) -> None:
        """A change is about to be sent, or came to its end: nothing known before it counts any more."""
        self._answers.clear()
        try:
            with anyio.move_on_after(TO_NOTE, shield=True):
                await self.store.transact(self._count)
        except StoreUnusable:
            return  # where the number cannot be written it cannot be read: nobody remembers anything

    def _count(self, records: Records) -> None:
        records.put(KIND, self.account, {"number": changes_of(records, self.account) + 1})

    async def _changes(self) -> int | None:
        """None where the store does not say so at once: a look must not wait for it."""
        try:
            with anyio.move_on_after(TO_LOOK):
                return await self.store.transact(lambda records: changes_of(records, self.account))
        except StoreUnusable:
            return None
        return None

    def _keep(self, name: tuple[type, str], answer: Answer) -> None:
        while len(self._answers) >= MOST:
            del self._answers[next(iter(self._answers))]
        self._answers[name] = answer


def changes_of(records: Records, account: str) -> int:
    """How many changes the processes of an account have begun or ended."""
    return int((records.get(KIND, account) or {"number": 0})["number"])
