"""A call that may change something: how it ends goes into the history, whatever that is."""

from typing import Any

import anyio
from mcp import types
from pydantic import BaseModel

from flipsnack_mcp.api import Action, Changed, Effect, FlipsnackError
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.callers.rights import NotAllowedError, NotTheirsError
from flipsnack_mcp.server.consent.yes import NotConfirmedError
from flipsnack_mcp.server.tools.arguments import Options, ToolInput
from flipsnack_mcp.server.tools.tool import Tool, ToolCall
from flipsnack_mcp.server.wording import Illustrated
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.allowance import TooManyDeletionsError

TO_RECORD = 2.0
"""Seconds for a last line about a call that was cancelled."""


async def on_record(tool: Tool[Any], call: ToolCall, given: Any) -> BaseModel | Illustrated | types.InputRequiredResult:
    """A call that may change something: how it ended goes into the history, whatever it was."""
    try:
        outcome = await tool.run(call, given)
    except Exception as error:
        await call.record(*end_of(error))
        raise
    except anyio.get_cancelled_exc_class():
        if call.saved is not None:  # what was saved was about to be changed, and may be by now
            with anyio.move_on_after(TO_RECORD, shield=True):
                await call.record("unclear", "the call was cancelled")
        raise
    if call.ended and not isinstance(outcome, types.InputRequiredResult):
        await call.record(call.ended, "")
    return outcome


def may_change(given: Action[Any] | ToolInput, options: Options) -> bool:
    """Whether a call belongs in the history: it writes or destroys, or stops an upload."""
    if isinstance(given, ToolInput):
        return given.changes_something
    return given.effect is not Effect.READS and not options.dry_run


def end_of(error: Exception) -> tuple[str, str]:
    """What the history calls an end that was an error, and what it says about it."""
    if isinstance(error, NotConfirmedError | RefusedFile | TooManyDeletionsError | NotAllowedError | NotTheirsError):
        return "refused", str(error)
    if isinstance(error, FlipsnackError | StoreUnusable):
        perhaps = isinstance(error, FlipsnackError) and error.changed is Changed.PERHAPS
        return "unclear" if perhaps else "failed", str(error)
    return "unclear", "something unexpected went wrong"
