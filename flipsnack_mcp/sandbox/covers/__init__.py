"""Pictures of covers, drawn from a hash and a title: the same ones in every run, and no two alike."""

from flipsnack_mcp.sandbox.covers.design import cover_picture

__all__ = ["cover_picture"]
