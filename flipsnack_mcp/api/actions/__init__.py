"""All actions. To add one: its class, its name here, a handler in the sandbox, a sample from the documentation."""

from __future__ import annotations

from typing import Any

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions.collections import (
    DeleteCollection,
    DeleteFlipbook,
    GetCollection,
    ListCollections,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.forms import GetLeadFormSample
from flipsnack_mcp.api.actions.legacy import (
    AddFlipbook,
    DeleteBackgroundImage,
    DeleteLogo,
    SetBackgroundImage,
    SetLogo,
)
from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.actions.publishing import CreateCollection, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats, GetUserStats

ACTIONS: tuple[type[Action[Any]], ...] = (
    ListCollections,
    GetCollection,
    CreateCollection,
    UpdateCollection,
    DeleteCollection,
    DeleteFlipbook,
    GetEmbedCode,
    GetCollectionStats,
    GetUserStats,
    DownloadHtml,
    GetLeadFormSample,
    AddFlipbook,
    SetLogo,
    DeleteLogo,
    SetBackgroundImage,
    DeleteBackgroundImage,
)
