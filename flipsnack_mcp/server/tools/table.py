"""The table of all tools: every action as a tool, and the tools over workflows, in the order of the menu.

An action that destroys is confirmed, one that uploads takes a local file and one that writes is looked at, saved and
can be tried out because of what it is, not because somebody remembered: there is no way onto the menu around it.
"""

from __future__ import annotations

from typing import Any

from flipsnack_mcp.api.action import Action, Effect
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import (
    Collection,
    CollectionList,
    GetCollection,
    ListCollections,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.forms import GetLeadFormSample, LeadFormSample
from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.server.tools.changes import (
    ChangedCollection,
    Removal,
    Update,
    change_collection,
    destroy,
    update_collection,
)
from flipsnack_mcp.server.tools.collections import WatchedCollection, get_collection
from flipsnack_mcp.server.tools.downloads import Download, download_html
from flipsnack_mcp.server.tools.forms import lead_form_sample
from flipsnack_mcp.server.tools.options import input_of
from flipsnack_mcp.server.tools.plan_status import PlanStatus
from flipsnack_mcp.server.tools.plans import UpdateCollectionsInput, update_collections
from flipsnack_mcp.server.tools.reports import ReportStatsInput, StatsReport, report_stats
from flipsnack_mcp.server.tools.tool import Tool, recall, send
from flipsnack_mcp.server.tools.uploads import (
    GetUploadInput,
    Publication,
    UploadStatus,
    create_collection,
    get_upload,
)

OF_ACTIONS: dict[type[Action[Any]], Tool[Any]] = {
    ListCollections: Tool(ListCollections, CollectionList, recall),
    GetCollection: Tool(input_of(GetCollection), WatchedCollection, get_collection),
    CreateCollection: Tool(input_of(CreateCollection), Publication, create_collection),
    UpdateCollection: Tool(input_of(UpdateCollection), Update, update_collection),
    DownloadHtml: Tool(input_of(DownloadHtml), Download, download_html, writes_file=True),
    GetLeadFormSample: Tool(input_of(GetLeadFormSample), LeadFormSample, lead_form_sample),
}
"""Actions whose tools do more than their effect asks for."""

OVER_WORKFLOWS: dict[type[Action[Any]], Tool[Any]] = {
    # Its uploads are those of a tool that read-only mode hides.
    CreateCollection: Tool(GetUploadInput, UploadStatus, get_upload, only_with=Effect.WRITES),
    GetCollectionStats: Tool(ReportStatsInput, StatsReport, report_stats, writes_file=True),
    UpdateCollection: Tool(UpdateCollectionsInput, PlanStatus, update_collections),
}
"""Tools that stand on the menu behind the action they go on from."""


def tool_of(action: type[Action[Any]]) -> Tool[Any]:
    """The tool of an action."""
    if action.effect is Effect.DESTROYS:
        return Tool(input_of(action), Removal, destroy)
    if own := OF_ACTIONS.get(action):
        return own
    if action.effect is Effect.READS:
        return Tool(action, action.returns, send)
    if not issubclass(action.returns, Collection) or "collection_hash" not in action.model_fields:
        raise TypeError(f"{action.api_name} changes no single collection: say in OF_ACTIONS what its tool does")
    return Tool(input_of(action), ChangedCollection, change_collection)


TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for action in ACTIONS for tool in (tool_of(action), OVER_WORKFLOWS.get(action)) if tool is not None
}
"""All of them by name, whatever the settings offer: that is for `server/menu.py` to say."""
