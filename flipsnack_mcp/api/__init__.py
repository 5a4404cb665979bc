"""What Flipsnack can be asked, as a plain async library without MCP. What most of its users need can be imported from here."""

from flipsnack_mcp.api.action import (
    ENTRIES,
    Action,
    Effect,
    FreeText,
    JsonObject,
    ResultT_co,
    as_text,
    marks,
    refuse_half_characters,
    wire_parameters,
)
from flipsnack_mcp.api.budget import BudgetRules, Lane
from flipsnack_mcp.api.client import Access, Flipsnack, in_line
from flipsnack_mcp.api.counting.settled_calls import BudgetStore
from flipsnack_mcp.api.errors import (
    Changed,
    ConfigurationError,
    FlipsnackError,
    LookTooOldError,
    NotAuthorisedError,
    NotFoundError,
)
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.links import (
    account_in_embed_code,
    account_in_link,
    hash_and_title,
    hash_from,
    is_link,
    picture_address,
    public_address,
    same_origin,
)
from flipsnack_mcp.api.network import NotPublicError
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer, Slot, even_if_cancelled
from flipsnack_mcp.api.parameters import Day, Status, StatusName, opened, status_from
from flipsnack_mcp.api.upload import Document, Sent, ignore
from flipsnack_mcp.text import (
    as_compared,
    bare,
    cleaned,
    few_named,
    first_few,
    in_its_own_words,
    names_with_room,
    one_line,
    quoted,
    shows_nothing,
)

__all__ = [
    "ENTRIES",
    "Access",
    "Action",
    "BudgetInMemory",
    "BudgetRules",
    "BudgetStore",
    "Changed",
    "ConfigurationError",
    "Day",
    "Document",
    "Effect",
    "Flipsnack",
    "FlipsnackError",
    "FreeText",
    "JsonObject",
    "Lane",
    "LookTooOldError",
    "NotAuthorisedError",
    "NotFoundError",
    "NotPublicError",
    "Pacer",
    "ResultT_co",
    "Sent",
    "Slot",
    "Status",
    "StatusName",
    "Terms",
    "account_in_embed_code",
    "account_in_link",
    "as_compared",
    "as_text",
    "bare",
    "cleaned",
    "even_if_cancelled",
    "few_named",
    "first_few",
    "hash_and_title",
    "hash_from",
    "ignore",
    "in_its_own_words",
    "in_line",
    "is_link",
    "marks",
    "names_with_room",
    "one_line",
    "opened",
    "picture_address",
    "public_address",
    "quoted",
    "refuse_half_characters",
    "same_origin",
    "shows_nothing",
    "status_from",
    "wire_parameters",
]
