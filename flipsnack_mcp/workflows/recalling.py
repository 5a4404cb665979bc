"""Answers of the last seconds, for looks that may be that old: Flipsnack recommends caching, and models ask twice.

A change of ours, in whatever process, makes all of them worthless: a number in the store goes up before and after each
change, and an answer counts only while the number it was asked under does. So what is changed is never seen as it was.
Previews, second looks, polls and reconciliation do not come here.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import anyio

from flipsnack_mcp.api import Action, ResultT_co, even_if_cancelled
from flipsnack_mcp.api.actions.collections import Collection, CollectionList, CollectionSummary
from flipsnack_mcp.store.records import Records, Store, StoreUnreachable, StoreUnusable
from flipsnack_mcp.workflows.context import CallContext

NUMBER_OF_CHANGES = "changes"
FRESH = 5.0
"""Seconds."""
MOST = 100
TO_LOOK = 0.5
"""Seconds for reading the number."""


@dataclass
class Recent:
    """The answers this process has, and how many changes the account's processes made."""

    store: Store
    account: str
    _answers: dict[tuple[type, str, int], tuple[float, Any]] = field(default_factory=dict)
    """When each question was asked under which number of changes, and its answer."""

    async def ask(self, context: CallContext, action: Action[ResultT_co]) -> ResultT_co:
        """The answer to a question, which may be some seconds old."""
        changes = await self._changes()
        if changes is None:
            return await context.send(action)
        name, now = (type(action), action.model_dump_json(), changes), anyio.current_time()
        asked_at, known = self._answers.get(name, (-FRESH, None))
        if now - asked_at < FRESH:
            return cast("ResultT_co", known)
        result = await context.send(action)
        fresh = [(asked, told) for asked, told in self._answers.items() if now - told[0] < FRESH]
        self._answers = dict([*fresh[1 - MOST :], (name, (now, result))])
        return result

    async def titles(self) -> dict[str, str]:
        """The titles that lists and looks told of collections by now, by hash; nobody is asked for it."""
        now, changes, known = anyio.current_time(), await self._changes(), dict[str, str]()
        for (_, _, number), (asked_at, answer) in self._answers.items():
            if number == changes and now - asked_at < FRESH:
                rows = answer.collections if isinstance(answer, CollectionList) else [answer]
                known |= {
                    one.collection_hash: one.title for one in rows if isinstance(one, Collection | CollectionSummary)
                }
        return known

    async def changing(self) -> None:
        """A change is about to be sent: nothing known before it counts any more.

        Raises:
            StoreUnreachable: Servers on other machines would not hear of it, and nothing may be changed without them.
        """
        self._answers.clear()
        try:
            await self.store.transact(self._count)  # however long that takes: who gives up waiting has told nobody
        except StoreUnreachable:
            raise
        except StoreUnusable:
            pass  # where the number cannot be written it cannot be read: nobody remembers anything

    async def changed(self) -> None:
        """It came to its end, which nothing here may alter any more."""
        self._answers.clear()
        with suppress(StoreUnusable):
            await even_if_cancelled(self.store.transact(self._count))

    def _count(self, records: Records) -> None:
        records.put(NUMBER_OF_CHANGES, self.account, {"number": changes_of(records, self.account) + 1})

    async def _changes(self) -> int | None:
        """None where the store does not say so at once: a look must not wait for it."""
        with suppress(StoreUnusable), anyio.move_on_after(TO_LOOK):
            return await self.store.transact(lambda records: changes_of(records, self.account))
        return None


def changes_of(records: Records, account: str) -> int:
    """How many changes the processes of an account have begun or ended."""
    return int((records.get(NUMBER_OF_CHANGES, account) or {"number": 0})["number"])
