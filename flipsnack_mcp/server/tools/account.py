"""get_user_stats: the account's totals, whose they are, what may be done there, and how much of it is left."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Annotated, TypeVar

import anyio
from pydantic import Field

from flipsnack_mcp.api.actions import statistics
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.tools.tool import Answered, ToolCall
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.labels import UNNAMED
from flipsnack_mcp.store.records import StoreUnusable

KnownT = TypeVar("KnownT")

TO_COUNT = 2.0
"""Seconds for what the store knows: the totals do not wait for a file that hangs."""
DELETIONS = {
    "ask": "delete once a person agreed",
    "approve": "delete once a person approved it in a terminal",
    "allow": "delete without asking",
}
"""How they are confirmed, by FLIPSNACK_CONFIRM; any other value: not at all."""


class Standing(Answered):
    """Whose an account is, what this server may do there, and how much of that is left."""

    account: Annotated[str, Field(description="Whose")]
    live: Annotated[bool, Field(description="No sandbox")]
    key_end: Annotated[str | None, Field(description="Of the key")] = None
    allowed: Annotated[list[str], Field(description="May be done here")]
    left: Annotated[dict[str, int], Field(description="Of allowances")]


class AccountStats(statistics.UserStats, Standing):
    """The account's totals, under whose they are."""


async def get_user_stats(call: ToolCall, action: statistics.GetUserStats) -> AccountStats:
    """Ask for the totals, and say what is known here of the account."""
    stats, settings = await call.context.send(action), call.app.settings
    return AccountStats(
        **stats.model_dump(),
        account=settings.label or UNNAMED,
        live=not settings.sandbox,
        key_end=settings.key_end or None,
        allowed=allowed_by(settings),
        left=await left_of(call.app, stats.api_uploads_left),
    )


def allowed_by(settings: Settings) -> list[str]:
    """What may be done by whoever asks, in short words."""
    caller = CALLER.get()
    if settings.read_only or not (caller.may(Right.WRITE) or caller.may(Right.DELETE)):
        return ["read"]
    kinds = {"default": ["read", "change"] if caller.may(Right.WRITE) else ["read"], "legacy": ["old actions"]}
    every = [word for toolset, words in kinds.items() if toolset in settings.toolsets for word in words]
    return [*every, DELETIONS[settings.confirm] if may_delete(settings) else "no deletions"]


def may_delete(settings: Settings) -> bool:
    """Whether whoever asks may delete anything, once it is confirmed."""
    return not settings.read_only and settings.confirm in DELETIONS and CALLER.get().may(Right.DELETE)


async def left_of(app: App, uploads: int | None) -> dict[str, int]:
    """What is left of each allowance, as far as that can be had: for all processes on the account."""
    calls = await if_known(app.flipsnack.calls_left())
    deletions = await if_known(app.allowance.left()) if may_delete(app.settings) else None
    left = {"calls_minute": calls, **{f"deletions_{span}": count for span, count in (deletions or {}).items()}}
    return {name: count for name, count in {**left, "uploads_month": uploads}.items() if count is not None}


async def if_known(counted: Awaitable[KnownT]) -> KnownT | None:
    """What the store says; None where it does not say so soon."""
    with suppress(StoreUnusable), anyio.move_on_after(TO_COUNT):
        return await counted
    return None
