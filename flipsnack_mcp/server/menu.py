"""The menu: every action as a tool.

An action that destroys is confirmed and one that uploads takes a local file because of what it is, not because
somebody remembered: there is no way onto the menu around it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flipsnack_mcp.api.action import Action, Effect
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import CollectionList, GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.forms import GetLeadFormSample, LeadFormSample
from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.server.bulk_calls import UpdateCollectionsCall
from flipsnack_mcp.server.calls import (
    CreateCollectionCall,
    DownloadCall,
    GetCollectionCall,
    GetLeadFormSampleCall,
    GetUploadCall,
    UpdateCollectionCall,
    with_confirmation,
    with_document,
)
from flipsnack_mcp.server.report_calls import ReportStatsCall
from flipsnack_mcp.server.report_results import StatsReport
from flipsnack_mcp.server.results import (
    ChangedCollection,
    Download,
    PlanStatus,
    Publication,
    Removal,
    Update,
    UploadStatus,
    WatchedCollection,
)
from flipsnack_mcp.server.tool import Tool, later, recalled, sent
from flipsnack_mcp.settings import Settings

OWN: dict[type[Action[Any]], Tool] = {
    ListCollections: Tool(ListCollections, CollectionList, recalled),
    GetCollection: Tool(GetCollectionCall, WatchedCollection, later("runs", "get_collection")),
    CreateCollection: Tool(CreateCollectionCall, Publication, later("upload_runs", "create_collection")),
    UpdateCollection: Tool(UpdateCollectionCall, Update, later("change_runs", "update_collection")),
    DownloadHtml: Tool(DownloadCall, Download, later("runs", "download_html"), writes_file=True),
    GetLeadFormSample: Tool(GetLeadFormSampleCall, LeadFormSample, later("runs", "lead_form_sample")),
}


AFTER: dict[type[Action[Any]], tuple[Tool, ...]] = {
    CreateCollection: (Tool(GetUploadCall, UploadStatus, later("upload_runs", "get_upload")),),
    GetCollectionStats: (Tool(ReportStatsCall, StatsReport, later("report_runs", "report_stats"), writes_file=True),),
    UpdateCollection: (Tool(UpdateCollectionsCall, PlanStatus, later("bulk_runs", "update_collections")),),
}
"""Tools over workflows, behind the action they go on from and on the menu where that is."""


@cache
def tool_for(action: type[Action[Any]]) -> Tool:
    """The tool of an action."""
    if action.effect is Effect.DESTROYS:
        return Tool(with_confirmation(action), Removal, later("change_runs", "destroy"))
    if own := OWN.get(action):
        return own
    if action.uploads:
        return Tool(with_document(action), ChangedCollection, later("runs", "upload_to"))
    return Tool(action, action.returns, sent)


def menu(settings: Settings) -> dict[str, Tool]:
    """The tools these settings offer. What is not here can be neither seen nor called."""
    wanted = [action for action in ACTIONS if offered(action, settings)]
    tools = [tool for action in wanted for tool in (tool_for(action), *AFTER.get(action, ()))]
    return {tool.name: tool for tool in tools}


def offered(action: type[Action[Any]], settings: Settings) -> bool:
    """Whether these settings offer an action: its toolset is on, and read-only mode leaves it."""
    in_set = ("legacy" if action.legacy else "default") in settings.toolsets
    return in_set and (action.effect is Effect.READS or not settings.read_only)
