"""The table of all tools: every action as a tool, and the tools over workflows, in the order of the menu.

An action that destroys is confirmed, one that uploads takes a local file and one that writes is looked at, saved and
can be tried out because of what it is, not because somebody remembered: there is no way onto the menu around it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from flipsnack_mcp.api import Action, Effect
from flipsnack_mcp.api.actions import ACTIONS, collections, forms, publishing, statistics
from flipsnack_mcp.server.tools import account, changes, collection_stats, downloads, embedding, questions, uploads
from flipsnack_mcp.server.tools.arguments import input_of
from flipsnack_mcp.server.tools.batches import creating, listing, planning, stopping, telling, under_way
from flipsnack_mcp.server.tools.leads import received
from flipsnack_mcp.server.tools.plans import answers, deletions, undoing, updating
from flipsnack_mcp.server.tools.reporting import audits, over_accounts, reports
from flipsnack_mcp.server.tools.tool import Tool


class Own(NamedTuple):
    """What the tool of an action answers that does more than its effect asks for, and how it comes by it."""

    output: type[BaseModel]
    run: Callable[..., Awaitable[Any]]
    has_view: bool = False


OF_ACTIONS: dict[type[Action[Any]], Own] = {
    collections.ListCollections: Own(questions.FoundCollections, questions.list_collections, has_view=True),
    collections.GetCollection: Own(questions.WatchedCollection, questions.get_collection, has_view=True),
    publishing.CreateCollection: Own(uploads.Publication, uploads.create_collection, has_view=True),
    collections.UpdateCollection: Own(changes.Update, changes.update_collection),
    publishing.GetEmbedCode: Own(embedding.Embedding, embedding.get_embed_code),
    publishing.DownloadHtml: Own(downloads.Download, downloads.download_html, has_view=True),
    forms.GetLeadFormSample: Own(forms.LeadFormSample, questions.lead_form_sample),
    statistics.GetCollectionStats: Own(
        collection_stats.CollectionNumbers, collection_stats.get_collection_stats, has_view=True
    ),
    statistics.GetUserStats: Own(account.AccountStats, account.get_user_stats),
}
"""Actions whose tools do more than their effect asks for."""

OVER_WORKFLOWS: dict[type[Action[Any]], tuple[Tool[Any], ...]] = {
    publishing.CreateCollection: (
        # Its uploads are those of a tool that read-only mode hides.
        Tool(
            under_way.GetUploadInput,
            under_way.UploadStatus,
            under_way.get_upload,
            has_view=True,
            only_with=Effect.WRITES,
        ),
        Tool(listing.ListDocumentsInput, listing.DocumentList, listing.list_documents, open_world=False),
        Tool(planning.CreateCollectionsInput, telling.BatchStatus, creating.create_collections, has_view=True),
        # It changes nothing in the account, so read-only mode keeps it.
        Tool(stopping.StopWorkInput, stopping.StoppedWork, stopping.stop_work, only_with=Effect.READS),
    ),
    statistics.GetCollectionStats: (
        Tool(
            reports.ReportStatsInput,
            reports.StatsReport,
            over_accounts.report_stats,
            has_view=True,
            writes_file=True,
            over_accounts=over_accounts.AccountsReport,
        ),
    ),
    collections.UpdateCollection: (
        Tool(updating.UpdateCollectionsInput, answers.PlanStatus, updating.update_collections, has_view=True),
        Tool(undoing.UndoChangeInput, answers.PlanStatus, undoing.undo_change, has_view=True),
    ),
    collections.DeleteCollection: (
        Tool(deletions.DeleteCollectionsInput, answers.PlanStatus, deletions.delete_collections, has_view=True),
    ),
    forms.GetLeadFormSample: (
        Tool(received.ListLeadsInput, received.FoundLeads, received.list_leads, writes_file=True, of_leads=True),
    ),
    statistics.GetUserStats: (Tool(audits.AuditAccountInput, audits.Audit, audits.audit_account, has_view=True),),
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
"""All of them by name, whatever the settings offer: that is for `server/toolsets` to say."""
