"""audit_account: what to tidy up in an account, found in a report over all of it. Changes nothing.

An audit is a report that is told in another way: either goes on with the other's id, and neither asks what the other knows.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from flipsnack_mcp.api import Effect, FlipsnackError
from flipsnack_mcp.server.tools.arguments import GivenId, WaitSeconds
from flipsnack_mcp.server.tools.choosing import PeriodInput
from flipsnack_mcp.server.tools.reporting.going_on import (
    ToldReport,
    check_same,
    earlier_report,
    followed,
    period_in_words,
    period_of,
    under_way,
)
from flipsnack_mcp.server.tools.reporting.naming import Figures, Namesakes, Rows, in_groups
from flipsnack_mcp.server.tools.reporting.unkept import even_unkept
from flipsnack_mcp.server.tools.tool import NextStep, ToolCall, Warnings
from flipsnack_mcp.workflows.finding import UNSEEN, Choice
from flipsnack_mcp.workflows.reports.auditing import can_be_audited, findings_of
from flipsnack_mcp.workflows.reports.figures import Gathered
from flipsnack_mcp.workflows.reports.report import Report, ReportedCollection

ADVICE = {
    "duplicates": "keep the one that is linked or embedded, then delete_collections for the others",
    "empty_titles": "look at each with get_collection, then give it a title with update_collection",
    "failed": "mend the PDF, upload it anew with create_collection, then delete_collections for these",
    "old_drafts": "publish what is still wanted with update_collections, then delete_collections for the rest",
    "unread": "embed or share them (get_embed_code), or take them offline with update_collections",
}

ADVICE_TO_READERS = {
    "duplicates": "keep the one that is linked or embedded, and delete the others",
    "empty_titles": "look at each with get_collection, then give it a title",
    "failed": "mend the PDF, upload it anew, then delete these",
    "old_drafts": "publish what is still wanted, and delete the rest",
    "unread": "embed or share them (get_embed_code), or take them offline",
}
"""The same where the tools for it are not there."""
TAKES_NOTHING_AWAY = frozenset({"empty_titles"})
"""What is mended without a deletion and without taking anything offline."""
LEFT_TO_THE_PERSON = "this account is read-only here: all that changes it is for the person to do elsewhere"


class AuditAccountInput(PeriodInput):
    """Clean up the account: duplicates, titles that are empty, failed conversions, old drafts, unread flipbooks. Runs in the background like report_stats."""

    tool_name = "audit_account"
    tool_title = "Audit the account"
    effect = Effect.READS
    over = "collection.getList, collection.getStats"
    idempotent = True

    draft_days: Annotated[int, Field(ge=1, le=10_000, description="Older drafts are told")] = 30
    report_id: Annotated[GivenId | None, Field(description="To go on")] = None
    wait_seconds: WaitSeconds = 30


class Audit(ToldReport):
    """What there is to tidy up, counted first."""

    period: Annotated[str | None, Field(description="Of the views")] = None
    counts: Annotated[dict[str, int] | None, Field(description="By kind")] = None
    duplicates: Annotated[Rows | None, Field(description="Nearly the same title")] = None
    empty_titles: Annotated[Rows | None, Field(description="No title")] = None
    failed: Annotated[Rows | None, Field(description="Conversion failed")] = None
    old_drafts: Annotated[Rows | None, Field(description="Drafts")] = None
    unread: Annotated[Rows | None, Field(description="No views")] = None
    advice: Annotated[list[str] | None, Field(description="What mends each kind")] = None
    warnings: Warnings | None = None
    next_step: NextStep = None


async def audit_account(call: ToolCall, arguments: AuditAccountInput) -> Audit:
    """Have the account looked through, watch for as long as the call may wait, and say what was found."""
    return await even_unkept(audit_one, call, arguments)


async def audit_one(call: ToolCall, arguments: AuditAccountInput) -> Audit:
    """The same, where what is begun can be kept."""
    begun = await (earlier_audit if arguments.report_id else new_audit)(call, arguments)
    report, gathered, at = await followed(call, begun, arguments.wait_seconds)
    if not gathered.is_whole(report):
        return Audit(**under_way(call.tool, report, at, stopped=report.stopped))
    return Audit(
        report_id=report.report_id,
        state="complete",
        period=period_in_words(report),
        **found(report, gathered, read_only=call.app.settings.read_only, refusal=call.app.confirmation.refusal),
    )


async def new_audit(call: ToolCall, arguments: AuditAccountInput) -> Report:
    """A report over all of the account, begun as an audit."""
    reports = call.app.reports
    known = {"report_id": "", "choice": Choice(), "today": reports.today, "draft_days": arguments.draft_days}
    report = Report.model_validate(known | period_of(arguments, reports.today))
    return await reports.record.begin(report, call.beginner)


async def earlier_audit(call: ToolCall, arguments: AuditAccountInput) -> Report:
    """An earlier audit, or a report over all of the account that is to be looked at as one."""
    report = await earlier_report(call, str(arguments.report_id))
    check_same(arguments, report, {})
    if not can_be_audited(report):
        step = f'Call report_stats(report_id="{report.report_id}") for it, or audit_account without report_id.'
        raise FlipsnackError("This report is not about the whole account.", step)
    days = arguments.draft_days if "draft_days" in arguments.model_fields_set else report.draft_days
    wanted = days or arguments.draft_days
    if report.draft_days == wanted:
        return report
    return await call.app.reports.record.change(report.report_id, draft_days=wanted) or report


def found(report: Report, gathered: Gathered, *, read_only: bool, refusal: str) -> dict[str, Any]:
    """What the answer says once all is known: how many of each kind, which, and what mends them."""
    findings, known = findings_of(report, gathered), Namesakes.among(report.targets)
    views = {one.target.collection_hash: one.numbers.views for one in gathered.lines}
    kinds = {kind: getattr(findings, kind) for kind in ADVICE}
    return {
        "counts": {"collections": len(report.targets), **{kind: len(some) for kind, some in kinds.items()}},
        **{kind: rows_of(some, known, views if kind == "duplicates" else {}) for kind, some in kinds.items()},
        "advice": advice_on([kind for kind, some in kinds.items() if some], read_only=read_only, refusal=refusal),
        "warnings": [*unseen(report, len(gathered.failed), len(findings.unclear))] or None,
    }


def advice_on(kinds: list[str], *, read_only: bool, refusal: str) -> list[str]:
    """What mends each kind, by the tools that are there; where some of it is refused, that is said."""
    if read_only:
        return [f"{kind}: {ADVICE_TO_READERS[kind]}" for kind in kinds] + [LEFT_TO_THE_PERSON] * bool(kinds)
    end = [refusal] if refusal and set(kinds) - TAKES_NOTHING_AWAY else []
    return [*(f"{kind}: {ADVICE[kind]}" for kind in kinds), *end]


def unseen(report: Report, uncounted: int, unclear: int) -> Iterator[str]:
    """What an audit could not see."""
    if report.unseen:
        yield UNSEEN.format(report.unseen)
    if undated := sum(one.is_draft and one.created is None for one in report.targets):
        yield f"Whether a draft is old could not be seen of {undated}: it cannot be read on which day they were made."
    if uncounted:
        yield f"The views of {uncounted} could not be counted: report_stats with this report_id says why."
    if unclear:
        yield f"Whether the conversion of {unclear} failed could not be seen: get_collection may tell."


def rows_of(some: tuple[ReportedCollection, ...], known: Namesakes, views: Mapping[str, int]) -> Rows:
    """Rows by which a person knows each collection; of duplicates also which one is read."""
    return in_groups([{**known.row(one, dated=True), **read(one, views)} for one in some])


def read(target: ReportedCollection, views: Mapping[str, int]) -> Figures:
    """Its status and its views, where they were counted."""
    if not views:
        return {}
    seen = views.get(target.collection_hash)
    return {"status": target.status, **({} if seen is None else {"views": seen})}
