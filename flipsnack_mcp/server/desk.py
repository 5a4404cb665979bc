"""Where a call is answered: understood, allowed, carried out, worded. Every failure becomes a text of ours here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import anyio
from mcp import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, InputRequiredResult, TextContent
from pydantic import BaseModel

from flipsnack_mcp.api.action import Action, Effect, JsonObject
from flipsnack_mcp.api.errors import Changed, ConfigurationError, FlipsnackError
from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.arguments import understood
from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.consent.confirmation import NotConfirmedError
from flipsnack_mcp.server.tool import App, Tool, Work, WorkflowCall
from flipsnack_mcp.server.wording import data_of, worded
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.allowance import TooManyDeletionsError

UNEXPECTED = (
    "Something unexpected went wrong in this server. Something may have been changed. "
    "Do not simply repeat it. Look with get_collection or list_collections what is there, and tell the person."
)

TO_RECORD = 2.0
"""Seconds for a last line about a call that was cancelled."""

log = logging.getLogger(__name__)


class Desk:
    """Answers calls with the tools it has."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self.tools = tools

    async def answer(
        self, name: str, arguments: Mapping[str, Any], call: Call, app: App
    ) -> CallToolResult | InputRequiredResult:
        """Carry out one call."""
        try:
            outcome = await self._carried_out(name, arguments, call, app)
        except (FlipsnackError, NotConfirmedError) as error:
            return failed(str(error), app)
        except (RefusedFile, StoreUnusable) as error:
            return failed(
                f"{error.happened} {Changed.NOTHING.value} Trying again will not help. {error.next_step}", app
            )
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001  # the SDK would send the text of any exception to the model
            log_unexpected(name, error)
            return failed(UNEXPECTED, app)
        return outcome if isinstance(outcome, InputRequiredResult) else shown(outcome, app)

    async def _carried_out(
        self, name: str, arguments: Mapping[str, Any], call: Call, app: App
    ) -> BaseModel | InputRequiredResult:
        tool = self.tools.get(name)
        if tool is None:
            raise no_such_tool(name, self.tools, call)
        understood_call = understood(tool.takes, arguments)
        if missing := app.settings.missing:
            raise ConfigurationError(missing, "Ask the person to set it in the configuration of this MCP server.")
        work = Work(app, call, name, target_of(understood_call))
        if may_change(understood_call):
            return await self._on_record(tool, work, understood_call)
        return await tool.run(work, understood_call)

    async def _on_record(self, tool: Tool, work: Work, understood_call: Any) -> BaseModel | InputRequiredResult:
        """A call that may change something: how it ended goes into the history, whatever it was."""
        try:
            outcome = await tool.run(work, understood_call)
        except (FlipsnackError, NotConfirmedError, RefusedFile, StoreUnusable) as error:
            await recorded(work, decision_of(error), str(error))
            raise
        except anyio.get_cancelled_exc_class():
            if work.trail.saved is not None:  # what was saved was about to be changed, and may be by now
                with anyio.move_on_after(TO_RECORD, shield=True):
                    await recorded(work, "unclear", "the call was cancelled")
            raise
        except Exception:
            await recorded(work, "unclear", "something unexpected went wrong")
            raise
        if not isinstance(outcome, InputRequiredResult):
            await recorded(work, "done", "")
        return outcome


def may_change(call: Action[Any] | WorkflowCall) -> bool:
    """Whether a call belongs in the history: it writes or destroys, or stops an upload."""
    if getattr(call, "dry_run", False):
        return False
    return call.effect is not Effect.READS or bool(getattr(call, "cancel", False))


def decision_of(error: Exception) -> str:
    """What the history calls an end that was an error."""
    if isinstance(error, NotConfirmedError | RefusedFile | TooManyDeletionsError):
        return "refused"
    return "unclear" if isinstance(error, FlipsnackError) and error.changed is Changed.PERHAPS else "failed"


async def recorded(work: Work, decision: str, said: str) -> None:
    """Write down how a call ended. It has ended so: a store that fails now must not change what the caller is told."""
    facts = {"tool": work.tool, "target": work.target, "confirmed": work.trail.confirmed}
    try:
        await work.app.history.add(decision=decision, said=cleaned(said.split(". ", maxsplit=1)[0], 200), **facts)
    except StoreUnusable as error:
        log.warning("the history could not be written: %s", error.happened)


def target_of(call: Any) -> str:
    """What a call is about, in a few words."""
    hashes = [getattr(call, name, None) for name in ("collection_hash", "flipbook_hash", "upload_id", "plan_id")]
    named = [one for one in hashes if one]
    return "/".join(named) or cleaned(str(getattr(call, "title", None) or ""), 100)


def no_such_tool(name: str, tools: Iterable[str], call: Call) -> Exception:
    """What is not on the menu, hidden or unknown alike.

    Up to 2025-11-25 the specification's own example is a protocol error. On 2026-07-28 the official suite expects an
    answer, as the SDK gives it, and the model can read that one.
    """
    happened = f"There is no tool `{cleaned(name, 60)}`."
    if call.modern:
        return FlipsnackError(happened, f"The tools are: {', '.join(tools)}.")
    return MCPError(INVALID_PARAMS, f"{happened} {Changed.NOTHING.value}")


def shown(result: BaseModel, app: App) -> CallToolResult:
    """A result as complete text, and the same data structured."""
    data = app.redactor.data(data_of(result))
    return CallToolResult(
        content=[TextContent(text=marked(worded(data), app))], structured_content=marked_data(data, app)
    )


def redacted_data(result: BaseModel, app: App) -> JsonObject:
    """A result's data alone, as safe as in an answer."""
    return marked_data(app.redactor.data(data_of(result)), app)


def marked_data(data: JsonObject, app: App) -> JsonObject:
    """Against the sandbox the data says so too."""
    return {**data, "sandbox": True} if app.settings.sandbox else data


def failed(text: str, app: App) -> CallToolResult:
    """A failure the model can read; nothing structured, clients drop it on errors."""
    return CallToolResult(content=[TextContent(text=marked(text, app))], is_error=True)


def marked(text: str, app: App) -> str:
    """Against the sandbox every answer says so."""
    safe = app.redactor.text(text)
    return f"[sandbox] {safe}" if app.settings.sandbox else safe


def log_unexpected(tool: str, error: Exception) -> None:
    """Where it happened, without the exception's text: that can hold anything, also a signed URL."""
    places: list[str] = []
    trace = error.__traceback__
    while trace:
        places.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    log.error("%s failed with %s at %s", cleaned(tool, 60), type(error).__name__, " > ".join(places[-6:]))
