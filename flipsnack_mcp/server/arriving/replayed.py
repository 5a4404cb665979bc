"""What the server answers a second time, because it was told what a client had said before: it stays here."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio.abc import AsyncResource
from mcp.shared.message import SessionMessage
from typing_extensions import override

from flipsnack_mcp.server.arriving.unanswered import Unanswered

if TYPE_CHECKING:
    from mcp.shared._stream_protocols import WriteStream


@dataclass(frozen=True)
class Unrepeated(AsyncResource):
    """The SDK's stream of what is written, without the answer to a request that the client has its answer to."""

    answers: "WriteStream[SessionMessage]"
    answered: str
    unanswered: Unanswered = field(default_factory=Unanswered)

    async def send(self, item: SessionMessage, /) -> None:
        """Write it, if it is new."""
        if not self.answered or getattr(item.message, "id", None) != self.answered:
            await self.answers.send(item)
        self.unanswered.told(item.message)

    @override
    async def aclose(self) -> None:
        """Write no more."""
        await self.answers.aclose()
