"""The table of all tools: every action as a tool, and the tools over workflows, in the order of the menu.

An action that destroys is confirmed, one that uploads takes a local file and one that writes is looked at, saved and
can be tried out because of what it is, not because somebody remembered: there is no way onto the menu around it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from flipsnack_mcp.api import Action, Effect
from flipsnack_mcp.api.actions import ACTIONS, collections, forms, publishing, statistics
from flipsnack_mcp.server.tools import account, changes, downloads, embedding, questions, uploads
from flipsnack_mcp.server.tools.arguments import input_of
from flipsnack_mcp.server.tools.batches import creating, listing, planning, stopping, telling, under_way
from flipsnack_mcp.server.tools.plans import answers, deletions, undoing, updating
from flipsnack_mcp.server.tools.reporting import audits, over_accounts, reports
from flipsnack_mcp.server.tools.tool import Tool

OF_ACTIONS: dict[type[Action[Any]], tuple[type[BaseModel], Callable[..., Awaitable[Any]]]] = {
    collections.ListCollections: (questions.FoundCollections, questions.list_collections),
    collections.GetCollection: (questions.WatchedCollection, questions.get_collection),
    publishing.CreateCollection: (uploads.Publication, uploads.create_collection),
    collections.UpdateCollection: (changes.Update, changes.update_collection),
    publishing.GetEmbedCode: (embedding.Embedding, embedding.get_embed_code),
    publishing.DownloadHtml: (downloads.Download, downloads.download_html),
    forms.GetLeadFormSample: (forms.LeadFormSample, questions.lead_form_sample),
    statistics.GetCollectionStats: (questions.CollectionNumbers, questions.get_collection_stats),
    statistics.GetUserStats: (account.AccountStats, account.get_user_stats),
}
"""Actions whose tools do more than their effect asks for: what they answer, and how they come by it."""

OVER_WORKFLOWS: dict[type[Action[Any]], tuple[Tool[Any], ...]] = {
    publishing.CreateCollection: (
        # Its uploads are those of a tool that read-only mode hides.
        Tool(under_way.GetUploadInput, under_way.UploadStatus, under_way.get_upload, only_with=Effect.WRITES),
        Tool(listing.ListDocumentsInput, listing.DocumentList, listing.list_documents, open_world=False),
        Tool(planning.CreateCollectionsInput, telling.BatchStatus, creating.create_collections),
        # It changes nothing in the account, so read-only mode keeps it.
        Tool(stopping.StopWorkInput, stopping.StoppedWork, stopping.stop_work, only_with=Effect.READS),
    ),
    statistics.GetCollectionStats: (
        Tool(
            reports.ReportStatsInput,
            reports.StatsReport,
            over_accounts.report_stats,
            writes_file=True,
            over_accounts=over_accounts.AccountsReport,
        ),
    ),
    collections.UpdateCollection: (
        Tool(updating.UpdateCollectionsInput, answers.PlanStatus, updating.update_collections),
        Tool(undoing.UndoChangeInput, answers.PlanStatus, undoing.undo_change),
    ),
    collections.DeleteCollection: (
        Tool(deletions.DeleteCollectionsInput, answers.PlanStatus, deletions.delete_collections),
    ),
    statistics.GetUserStats: (Tool(audits.AuditAccountInput, audits.Audit, audits.audit_account),),
}
"""Tools that stand on the menu behind the action they go on from."""


INPUTS: dict[type[Action[Any]], type[Action[Any]]] = {collections.ListCollections: questions.ListCollectionsInput}
"""Actions whose tools take something else than they do."""


def tool_of(action: type[Action[Any]]) -> Tool[Any]:
    """The tool of an action."""
    taken = INPUTS.get(action) or input_of(action)
    if action.effect is Effect.DESTROYS:
        return Tool(taken, changes.Removal, changes.destroy)
    if own := OF_ACTIONS.get(action):
        return Tool(taken, *own, writes_file="save" in taken.model_fields)
    if action.effect is Effect.READS:
        return Tool(taken, action.returns, questions.send)
    if not issubclass(action.returns, collections.Collection) or "collection_hash" not in action.model_fields:
        raise TypeError(f"{action.api_name} changes no single collection: say in OF_ACTIONS what its tool does")
    return Tool(taken, changes.ChangedCollection, changes.change_collection)


TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for action in ACTIONS for tool in (tool_of(action), *OVER_WORKFLOWS.get(action, ()))
}
"""All of them by name, whatever the settings offer: that is for `server/menu.py` to say."""
