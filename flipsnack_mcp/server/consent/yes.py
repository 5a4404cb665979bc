"""Whose yes counts, and the refusal where there is none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from flipsnack_mcp.api import Changed
from flipsnack_mcp.server.consent.codes import Ticket
from flipsnack_mcp.server.consent.reply import QUESTION
from flipsnack_mcp.server.request import ToolRequest

UNCHANGED: str = Changed.NOTHING.value
How = Literal["form", "code", "approve", "allow"]
"""Whose yes it was."""
YESES: dict[str, frozenset[How]] = {
    "ask": frozenset({"form", "code", "approve"}),
    "approve": frozenset({"approve"}),
    "allow": frozenset({"form", "code", "approve", "allow"}),
}
"""Which yes counts under which FLIPSNACK_CONFIRM, also one from before a restart. Any other value: none."""


class NotConfirmedError(Exception):
    """A destruction was refused; the text ends by saying that nothing was changed."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text} {UNCHANGED}")


class SaidNoError(NotConfirmedError):
    """A person read the question and said no."""


def yeses_of(way: str) -> frozenset[How]:
    """Which yes counts under this FLIPSNACK_CONFIRM."""
    return YESES.get(way, frozenset())


def brings_no_yes(request: ToolRequest) -> bool:
    """Whether a form of an earlier round comes back with something else than a yes."""
    return request.state is not None and getattr(request.replies.get(QUESTION), "action", "accept") != "accept"


async def nothing() -> None:
    """Nothing has to be spent."""


@dataclass(frozen=True)
class Yes:
    """Whose yes it was, and to what."""

    how: How
    seen: str = ""
    """The fingerprint of what was shown; empty where nobody was asked."""
    ticket: Ticket | None = None
    """What a code stands for."""
    spend: Callable[[], Awaitable[None]] = nothing
    """Uses a code up, and raises where somebody was faster."""
