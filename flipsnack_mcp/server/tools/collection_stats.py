"""get_collection_stats: the totals of a collection and of its pages, and what has to be known of both."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import Field

from flipsnack_mcp.api import few_named
from flipsnack_mcp.api.actions.statistics import CollectionStats, GetCollectionStats, PageStats
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.reports.figures import MEASURES

PAGES_ONE_BY_ONE, MOST_GROUPS = 60, 30
"""As many pages are told one by one; of longer documents groups of them, so many at most."""
PAGES_TOGETHER = (5, 10, 20, 50)
MOST_READ = 5
PAGE_FIGURES = ("views", "clicks", "time_spent")
UNIT_UNKNOWN = "What time_spent of a page counts is not documented: take it as a share of all pages' time only."


class CollectionNumbers(CollectionStats):
    """The totals of a collection, and what has to be known of them and of those of its pages."""

    note: Annotated[str | None, Field(description="Period and units")] = None


async def get_collection_stats(call: ToolCall, action: GetCollectionStats) -> CollectionNumbers:
    """The totals, and those of the pages: in groups where there are many."""
    stats = await call.context.send(action)
    pages = stats.pages or []
    told = pages_in_groups(pages)
    wanted = [*MEASURES, *(["pages"] if action.include_page_stats else [])]
    untold = [name for name in wanted if getattr(stats, name) is None]
    said = [*few_named("Not told by Flipsnack, so not known", untold), *filter(None, [note_on_pages(pages, told)])]
    note = " ".join([period_counted(action, call.app.reports.today), *said])
    return CollectionNumbers(**{**stats.model_dump(), "pages": told or None}, note=note)


def period_counted(action: GetCollectionStats, today: date) -> str:
    """Which days the numbers are of: an answer is read again long after its question."""
    first, last = action.start_date, action.end_date
    if first and last:
        so_far = f" Days after {today} are still to come." if last > today else ""
        return f"Counted from {first} to {last}, both days included.{so_far}"
    if not (first or last):
        return "No days were given: which ones this counts is Flipsnack's own default, which it does not document."
    given, other = (f"From {first}", "last") if first else (f"Until {last}", "first")
    return f"{given}; the {other} day is Flipsnack's own default, which it does not document."


def pages_in_groups(pages: Sequence[PageStats]) -> list[PageStats]:
    """As few rows as can be read at once, each of as many pages that follow each other."""
    if len(pages) <= PAGES_ONE_BY_ONE:
        return [*pages]
    size = next((one for one in PAGES_TOGETHER if len(pages) <= one * MOST_GROUPS), PAGES_TOGETHER[-1])
    return [added_up(pages[first : first + size]) for first in range(0, len(pages), size)]


def added_up(some: Sequence[PageStats]) -> PageStats:
    """Pages that follow each other as one row; a number that none of them has is none."""
    known = {name: [one for page in some if (one := getattr(page, name)) is not None] for name in PAGE_FIGURES}
    sums = {name: sum(every) for name, every in known.items() if every}
    return PageStats(page=some[0].page, to_page=some[-1].page, **sums)


def note_on_pages(pages: Sequence[PageStats], told: Sequence[PageStats]) -> str | None:
    """What the numbers of pages are, and of many, which were read most."""
    if not pages or len(told) == len(pages):
        return UNIT_UNKNOWN if pages else None
    most = sorted(((one.views, one.page) for one in pages if one.views), key=lambda one: -one[0])
    named = ", ".join(str(page) for _, page in most[:MOST_READ])
    read_most = f" Those with the most views: {named}." if named else ""
    return f"{len(pages)} pages, added up in groups.{read_most} {UNIT_UNKNOWN}"
