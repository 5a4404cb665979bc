"""What Flipsnack can be asked, as a plain async library without MCP. What most of its users need can be imported from here."""

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
