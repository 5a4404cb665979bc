"""One tools/call as the protocol brought it: who asks, what the client can show, and how to tell it something."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
from mcp.server.mcpserver import Context
from mcp.server.session import ServerSession
from mcp.types import RequestId
from mcp.types.version import is_version_at_least

TIME_OF_A_CALL = 45.0
"""Desktop clients give a call up after 60 s whatever they are told: no call lasts longer than this."""


@dataclass
class ToolRequest:
    """Where a call came from and how long it may last."""

    session: ServerSession
    request_id: RequestId | None
    modern: bool
    """On 2026-07-28 a question goes out as the call's result and the answer comes back with the next round."""
    replies: Mapping[str, Any]
    state: str | None
    deadline: float
    redact: Callable[[str], str]
    """Takes credentials out, should any have got into what is told."""
    told: int = field(default=0, init=False)

    @classmethod
    def received(cls, context: Context[Any, Any], redact: Callable[[str], str]) -> Self:
        """The call that is being handled; its time starts now."""
        brought = context.request_context
        return cls(
            session=brought.session,
            request_id=brought.request_id,
            modern=is_version_at_least(brought.protocol_version or "", "2026-07-28"),
            replies=context.input_responses or {},
            state=context.request_state,
            deadline=anyio.current_time() + TIME_OF_A_CALL,
            redact=redact,
        )

    @property
    def can_ask(self) -> bool:
        """Whether the client can show a form, and can be asked from here."""
        capabilities = self.session.client_capabilities
        declared = capabilities.elicitation if capabilities else None
        # A declaration of neither kind means forms only.
        shows_forms = declared is not None and (declared.form is not None or declared.url is None)
        return shows_forms and (self.modern or self.session.can_send_request)

    async def tell(self, message: str) -> None:
        """A progress notification. Its number rises with every message; the message has the facts."""
        self.told += 1
        await self.session.report_progress(self.told, None, self.redact(message))
