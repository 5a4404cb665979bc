"""What is known of the request that is handled, for its line in an operator's log and for what is counted.

Only what this server has a name for: neither arguments nor any other text of a client.
"""

import time
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import CallToolResult
from mcp.types.methods import SPEC_CLIENT_METHODS, is_input_required
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import get_current_span

from flipsnack_mcp import observed

OTHER = "_OTHER"
"""What the semantic conventions call what is on no list."""
FACTS_IN_SCOPE = "flipsnack_mcp.asked"
"""Where a request over HTTP brings it along: a session handles it in a task of its own."""


@dataclass
class RequestFacts:
    """One request, as far as it is known by now."""

    request_id: str = ""
    """Of HTTP: from the client or a balancer, where it is plain, or made here."""
    method: str = ""
    tool: str = ""
    caller: str = ""
    account: str = ""
    outcome: str = ""
    error: str = ""
    """By what kind of error it failed, where it did."""
    trace: Context = field(default_factory=Context)
    """In whose trace it stands, where its HTTP request said so; what a message itself says counts before that."""
    trace_id: str = ""

    def end(self, outcome: str, error: str = "") -> None:
        """Know how it ended."""
        self.outcome, self.error = outcome, error


CURRENT_FACTS: ContextVar[RequestFacts | None] = ContextVar("asked", default=None)


def note_caller(name: str) -> None:
    """Know who asks, by what its operator calls them."""
    if facts := CURRENT_FACTS.get():
        facts.caller = name


def note_account(account: str) -> None:
    """Know which account the request is about, by what its operator calls it."""
    if account:
        get_current_span().set_attribute(observed.ACCOUNT, account)
    if asked := CURRENT_FACTS.get():
        asked.account = account


@dataclass(frozen=True)
class Observing:
    """The outermost step of every request: whatever comes of it is counted."""

    tools: Collection[str]

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Hand it on, and know how it ended."""
        if ctx.request_id is None:
            return await call_next(ctx)
        asked = brought_along(ctx.request)
        asked.method = ctx.method if ctx.method in SPEC_CLIENT_METHODS else OTHER
        asked.tool = self.tool_of(ctx)
        kept, began = CURRENT_FACTS.set(asked), time.monotonic()
        around = attach(asked.trace) if asked.trace else None
        try:
            return await ended(asked, ctx, call_next)
        finally:
            if around:
                detach(around)
            CURRENT_FACTS.reset(kept)
            facts = {observed.METHOD: asked.method, observed.OUTCOME: asked.outcome}
            facts |= {observed.TOOL: asked.tool} if asked.tool else {}
            facts |= {observed.ERROR: asked.error} if asked.error else {}
            observed.count(observed.CALLS, time.monotonic() - began, facts)

    def tool_of(self, ctx: ServerRequestContext[Any, Any]) -> str:
        """The tool that is called, by its name on the menu."""
        if ctx.method != "tools/call":
            return ""
        name = (ctx.params or {}).get("name")
        return name if isinstance(name, str) and name in self.tools else OTHER


async def ended(asked: RequestFacts, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """The answer to a request, once it is known how it ended."""
    try:
        result = await call_next(ctx)
    except MCPError as error:
        asked.end("refused", str(error.error.code))
        raise
    except anyio.get_cancelled_exc_class():
        asked.end("cancelled")
        raise
    except Exception as error:
        asked.end("failed", type(error).__name__)
        raise
    if is_input_required(result):
        asked.end("asked a person")
    elif (isinstance(result, CallToolResult) and result.is_error) or (
        isinstance(result, dict) and result.get("isError")
    ):
        asked.end("failed", "tool_error")
    else:
        asked.end("done")
    return result


def brought_along(request: Any) -> RequestFacts:
    """What is known of a request since it came over HTTP; on stdio, nothing."""
    known = getattr(request, "scope", {}).get(FACTS_IN_SCOPE)
    return known if isinstance(known, RequestFacts) else RequestFacts()
