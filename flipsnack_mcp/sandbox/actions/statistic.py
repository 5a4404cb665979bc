"""Statistics of one collection and of the whole account."""

from typing import Any

from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.dates import day
from flipsnack_mcp.sandbox.requests.envelope import Refusal
from flipsnack_mcp.sandbox.visits import Period, Visits, altogether, daily, everything, page_shapes


def collection_stats(call: Call) -> dict[str, Any]:
    """Add up the days from startDate to endDate; without dates, from the creation to today."""
    collection = call.collection()
    period = Period(call.day("startDate", day(collection.created_at)), call.day("endDate", day(call.now)))
    # Sandbox's own choice: an interval whose two ends are sent the wrong way round is a bad request.
    if period.start > period.end and "startDate" in call.params and "endDate" in call.params:
        raise Refusal(40)
    answer: dict[str, Any] = {**altogether(collection, period, call.now).shape()}
    if call.yes("includePageStats"):
        days = daily(collection, period, call.now)
        answer["pages"] = page_shapes(days, sum(item.pages for item in collection.complete_items(call.now)))
    return answer


def user_stats(call: Call) -> dict[str, Any]:
    """Add up all collections. Sandbox's own choice: those that were deleted no longer count."""
    visits = sum((everything(one, call.now) for one in call.account.collections.values()), Visits())
    return {**visits.shape(), "api_uploads_left": call.account.uploads_left}
