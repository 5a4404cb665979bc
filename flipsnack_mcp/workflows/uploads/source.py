"""What is uploaded: an opened document or an address, and by what it is known again."""

import hashlib
from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.api import FlipsnackError, Lane
from flipsnack_mcp.api.actions import publishing
from flipsnack_mcp.files.documents import DocumentChanged, OpenDocument
from flipsnack_mcp.workflows.begun import ANYBODY, Beginner

FIELDS_SENT = frozenset(publishing.CreateCollection.model_fields)
"""What goes to Flipsnack of what a tool was asked."""


@dataclass(frozen=True)
class Source:
    """What is uploaded: an opened file, or an address that Flipsnack fetches."""

    action: publishing.CreateCollection
    document: OpenDocument | None = None
    warnings: tuple[str, ...] = ()
    """What is odd about the document, kept for whoever asks later."""
    lane: Lane = Lane.INTERACTIVE
    beginner: Beginner = ANYBODY

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal says of the document."""
        if self.document is None:
            asked = self.action.model_dump(mode="json", include={*FIELDS_SENT}, exclude_none=True)
            return {"name": "", "size": 0, "unsent": asked}
        given = self.document
        lying = {} if given.received else {"path": str(given.path), "changed": given.changed}
        return {"name": given.name, "size": given.size, **lying}

    async def identity(self) -> str:
        """The same for the same content or address."""
        if self.document:
            try:
                return f"sha256:{await self.document.sha256()}"
            except DocumentChanged as error:
                raise FlipsnackError(
                    str(error),
                    "Make the same call again when nobody writes to the document any more, and its disk can be read.",
                    retry="You can try again then.",
                ) from None
        return f"url:{hashlib.sha256((self.action.file_url or '').encode()).hexdigest()}"
