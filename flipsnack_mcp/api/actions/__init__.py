"""All actions. To add one: its class, its name here, a handler in the sandbox, a sample from the documentation."""

from typing import Any

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import collections, forms, legacy, publishing, statistics

ACTIONS: tuple[type[Action[Any]], ...] = (
    collections.ListCollections,
    collections.GetCollection,
    publishing.CreateCollection,
    collections.UpdateCollection,
    collections.DeleteCollection,
    collections.DeleteFlipbook,
    publishing.GetEmbedCode,
    statistics.GetCollectionStats,
    statistics.GetUserStats,
    publishing.DownloadHtml,
    forms.GetLeadFormSample,
    legacy.AddFlipbook,
    legacy.SetLogo,
    legacy.DeleteLogo,
    legacy.SetBackgroundImage,
    legacy.DeleteBackgroundImage,
)
