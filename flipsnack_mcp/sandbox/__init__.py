"""An imitation of the Flipsnack HTTP API v1, written from its documentation, for tests and first steps.

Shares no code with the client: a client and an imitation that share code share mistakes. What the documentation
leaves open is the sandbox's own choice and says so where it is made.
"""

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.sandbox import Sandbox
from flipsnack_mcp.sandbox.webhook.address import Hook, NoAnswer

__all__ = ["Fault", "Hook", "NoAnswer", "Pace", "Sandbox"]
