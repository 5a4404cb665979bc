"""Who may call over HTTP: by a token from a file, or by one that an authorization server has signed."""

from flipsnack_mcp.team.authentication.door import Authentication
from flipsnack_mcp.team.authentication.starting import looked_at_callers, refusal_to_serve, remarks_on_callers

__all__ = ["Authentication", "looked_at_callers", "refusal_to_serve", "remarks_on_callers"]
