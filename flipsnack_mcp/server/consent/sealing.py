"""The state of a question on its way through the client and back: what is in it, and under which key it is sealed.

The SDK seals it to the tool and its arguments. The key is made at each start and known to this process alone.
"""

from mcp.server.request_state import RequestStateSecurity
from pydantic import BaseModel

SEALED_FOR = 3600.0
"""Seconds. The SDK's own ten minutes end in a protocol error no model sees: ours come first, with a text."""


class Asked(BaseModel):
    """Which question was put, when, and to which sight of its subject."""

    seen: str
    at: float
    shown: float | None = None
    """What the clock on the wall showed then."""
    nonce: str


def sealing_key() -> RequestStateSecurity:
    """A new key."""
    return RequestStateSecurity.ephemeral(ttl=SEALED_FOR)
