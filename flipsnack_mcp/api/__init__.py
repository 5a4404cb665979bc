"""What Flipsnack can be asked. No MCP in here: this room is usable as a plain async library, and this is its front door."""

from flipsnack_mcp.api.action import Action, Effect, JsonObject, ResultT_co
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.api.client import Flipsnack, Terms
from flipsnack_mcp.api.errors import (
    Changed,
    ConfigurationError,
    FlipsnackError,
    NotAuthorisedError,
    NotFoundError,
    OutOfTimeError,
)
from flipsnack_mcp.api.links import hash_from
from flipsnack_mcp.api.text import cleaned, first_few, quoted
from flipsnack_mcp.api.upload import Document

__all__ = [
    "Action",
    "Changed",
    "ConfigurationError",
    "Document",
    "Effect",
    "Flipsnack",
    "FlipsnackError",
    "JsonObject",
    "Lane",
    "NotAuthorisedError",
    "NotFoundError",
    "OutOfTimeError",
    "ResultT_co",
    "Terms",
    "cleaned",
    "first_few",
    "hash_from",
    "quoted",
]
