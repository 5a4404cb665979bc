"""One tools/call as the protocol brought it: who asks, what the client can show, and how to tell it something."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import anyio
from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context
from mcp.types.version import is_version_at_least

from flipsnack_mcp.server.telling import Telling
from flipsnack_mcp.workflows.progress import Progress

T = TypeVar("T")
TIME_OF_A_CALL = 45.0
"""Desktop clients give a call up after 60 s whatever they are told: no call lasts longer than this."""


class ToolRequest:
    """Where a call came from and how long it may last."""

    def __init__(self, context: Context[Any, Any], redact: Callable[[str], str]) -> None:
        brought = context.request_context
        self.session, self.request_id = brought.session, brought.request_id
        self.modern = is_version_at_least(brought.protocol_version or "", "2026-07-28")
        """On 2026-07-28 a question goes out as the call's result and the answer comes back with the next round."""
        self.takes_links = is_version_at_least(brought.protocol_version or "", "2025-06-18")
        """Whether a link may stand in an answer."""
        self.shows_views = client_supports_apps(context)
        self.replies: Mapping[str, Any] = context.input_responses or {}
        self.state = context.request_state
        self.deadline = anyio.current_time() + TIME_OF_A_CALL
        self.redact = redact
        """Takes credentials out, should any have got into what is told."""
        self._telling = Telling(brought.session.report_progress)

    @property
    def can_ask(self) -> bool:
        """Whether the client can show a form, and can be asked from here."""
        capabilities = self.session.client_capabilities
        declared = capabilities.elicitation if capabilities else None
        # A declaration of neither kind means forms only.
        shows_forms = declared is not None and (declared.form is not None or declared.url is None)
        return shows_forms and (self.modern or self.session.can_send_request)

    async def tell(self, progress: Progress) -> None:
        """A progress notification, unless the call ends right after it."""
        self._telling.tell(replace(progress, message=self.redact(progress.message)))

    async def carried_out(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the work of this call comes to, which may tell how it goes until it ends."""
        return await self._telling.while_lasting(work)
