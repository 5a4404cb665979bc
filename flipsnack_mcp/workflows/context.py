"""One call of a person while it lasts: whom to ask, until when, and where to tell how it goes."""

import math
from dataclasses import dataclass, replace
from typing import Self

import anyio

from flipsnack_mcp.api import Action, Document, Flipsnack, Lane, ResultT_co, Sent, Slot, Terms, ignore
from flipsnack_mcp.workflows.progress import Tell, Throttled, Waiting

TIME_TO_LOOK = 6.0
SPARE = 1.0
"""Seconds a call keeps for its own answer."""


@dataclass(frozen=True)
class CallContext:
    """Asks Flipsnack on behalf of one call."""

    flipsnack: Flipsnack
    deadline: float = math.inf
    """On anyio's clock."""
    tell: Tell = ignore
    sent: Sent | None = None
    """Told about every piece of a document, where somebody else than `tell` wants to know."""
    lane: Lane = Lane.INTERACTIVE
    """Of all that it sends; a single request can only step further back."""
    place: Slot | None = None
    """A place in the budget, taken before, for the one request that this context is for."""
    leave_by: float = math.inf
    """When a request has to have left, or it stays."""

    async def send(
        self, action: Action[ResultT_co], document: Document | None = None, lane: Lane = Lane.INTERACTIVE
    ) -> ResultT_co:
        """Carry out one action within this call's time, telling about every wait and about bytes on their way."""
        return await self.flipsnack.send(action, document, replace(self.terms, lane=max(lane, self.lane)))

    @property
    def terms(self) -> Terms:
        """On which terms it asks."""
        waits, sent = Waiting(self.tell), self.sent or Throttled(self.tell, "upload")
        return Terms(self.lane, self.deadline, waits, sent, self.place, self.leave_by)

    def within(self, seconds: float) -> Self:
        """The same context for a question that must not take longer."""
        return replace(self, deadline=min(self.deadline, anyio.current_time() + seconds))

    def patience(self, seconds: float) -> float:
        """So many seconds, or those that this call has left for waiting."""
        return max(0.0, min(seconds, self.deadline - SPARE - anyio.current_time()))

    @property
    def leaving_time(self) -> Self:
        """The same context for a change, ending early enough to look what came of it when its answer is lost."""
        return replace(self, deadline=self.deadline - TIME_TO_LOOK)
