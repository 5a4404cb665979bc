"""The last look is last: a target is looked at, written down and destroyed within two seconds, or left alone.

Whatever may take long comes before the look: places in the request budget for look and act, and all that has to be
written first. What comes after it has to be quick, or all from the look on is done again, three looks at most.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import anyio

from flipsnack_mcp.api import Action, Changed, Document, FlipsnackError, LookTooOldError, ResultT_co
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.workflows.context import CallContext

LOOK_HOLDS = 2.0
"""Seconds from the moment a look was sent: what it saw may be as old as that."""
MOST_LOOKS = 3


class NotAsSeenError(Exception):
    """At the last look the target was not what was agreed to. Nothing was sent."""


@dataclass
class LastLook:
    """What has to be true of a target just before it is changed, and what is kept of it."""

    look: Callable[[CallContext], Awaitable[Collection]]
    """Fetches the target by one request, and raises where it is not what was agreed to."""
    keep: Callable[[Collection], Awaitable[object]]
    """Writes down how the target is; not once more where the next look sees the same."""
    seen: Collection | None = None
    """As it was at the last look that was written down."""
    answered: int = 0

    async def take(self, context: CallContext) -> None:
        """Look and write down, for a change that takes nothing away: it may follow whenever its turn comes."""
        await self._written(await self.look(context))

    async def then_send(
        self, context: CallContext, action: Action[ResultT_co], document: Document | None = None
    ) -> ResultT_co:
        """Send an action within two seconds of a look.

        Raises:
            LookTooOldError: Something took longer each time; nothing was changed.
        """
        # Here and not just before the request, since it may have to wait for the store.
        await context.flipsnack.changing()
        try:
            return await self._sent(context, action, document)
        finally:
            await context.flipsnack.changed()
            await context.flipsnack.announce(action)

    async def _sent(self, context: CallContext, action: Action[ResultT_co], document: Document | None) -> ResultT_co:
        failures = 0
        while True:
            looks = self.answered
            try:
                return await self._tried(context, action, document)
            except LookTooOldError:
                if self.answered >= MOST_LOOKS:
                    raise
            except FlipsnackError as error:
                failures += 1
                asked = action if self.answered > looks else GetCollection(collection_hash="any")
                if self.answered >= MOST_LOOKS or not await may_try_again(context, asked, error, failures):
                    raise

    async def _tried(self, context: CallContext, action: Action[ResultT_co], document: Document | None) -> ResultT_co:
        async with context.flipsnack.pair(context.terms) as (first, *second):
            leave_by = anyio.current_time() + LOOK_HOLDS
            seen = await self.look(replace(context, place=first))
            self.answered += 1
            if anyio.current_time() <= leave_by:
                await self._written(seen)
            if any(not place.is_good for place in second):
                raise LookTooOldError
            place = second[0] if second else None
            return await replace(context, place=place, leave_by=leave_by).send(action, document)

    async def _written(self, seen: Collection) -> None:
        if seen != self.seen:
            await self.keep(seen)
            self.seen = seen


async def may_try_again(context: CallContext, asked: Action[Any], error: FlipsnackError, failures: int) -> bool:
    """Whether what failed has certainly changed nothing and may work later; it is later then."""
    if error.changed is not Changed.NOTHING:
        return False
    return await context.flipsnack.stepped_back(asked, error, failures, context.terms)
