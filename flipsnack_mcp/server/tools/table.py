"""The table of all tools: every action as a tool, and the tools over workflows, in the order of the menu.

An action that destroys is confirmed, one that uploads takes a local file and one that writes is looked at, saved and
can be tried out because of what it is, not because somebody remembered: there is no way onto the menu around it.
"""

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
from flipsnack_mcp.server.tools import changes, collections, downloads, forms, plans, reports, uploads
from flipsnack_mcp.server.tools.options import input_of
from flipsnack_mcp.server.tools.tool import Tool, recall, send

OF_ACTIONS: dict[type[Action[Any]], Tool[Any]] = {
    ListCollections: Tool(ListCollections, CollectionList, recall),
    GetCollection: Tool(input_of(GetCollection), collections.WatchedCollection, collections.get_collection),
    CreateCollection: Tool(input_of(CreateCollection), uploads.Publication, uploads.create_collection),
    UpdateCollection: Tool(input_of(UpdateCollection), changes.Update, changes.update_collection),
    DownloadHtml: Tool(input_of(DownloadHtml), downloads.Download, downloads.download_html, writes_file=True),
    GetLeadFormSample: Tool(input_of(GetLeadFormSample), LeadFormSample, forms.lead_form_sample),
}
"""Actions whose tools do more than their effect asks for."""

OVER_WORKFLOWS: dict[type[Action[Any]], Tool[Any]] = {
    # Its uploads are those of a tool that read-only mode hides.
    CreateCollection: Tool(uploads.GetUploadInput, uploads.UploadStatus, uploads.get_upload, only_with=Effect.WRITES),
    GetCollectionStats: Tool(reports.ReportStatsInput, reports.StatsReport, reports.report_stats, writes_file=True),
    UpdateCollection: Tool(plans.UpdateCollectionsInput, plans.PlanStatus, plans.update_collections),
}
"""Tools that stand on the menu behind the action they go on from."""


def tool_of(action: type[Action[Any]]) -> Tool[Any]:
    """The tool of an action."""
    if action.effect is Effect.DESTROYS:
        return Tool(input_of(action), changes.Removal, changes.destroy)
    if own := OF_ACTIONS.get(action):
        return own
    if action.effect is Effect.READS:
        return Tool(action, action.returns, send)
    if not issubclass(action.returns, Collection) or "collection_hash" not in action.model_fields:
        raise TypeError(f"{action.api_name} changes no single collection: say in OF_ACTIONS what its tool does")
    return Tool(input_of(action), changes.ChangedCollection, changes.change_collection)


TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for action in ACTIONS for tool in (tool_of(action), OVER_WORKFLOWS.get(action)) if tool is not None
}
"""All of them by name, whatever the settings offer: that is for `server/menu.py` to say."""
