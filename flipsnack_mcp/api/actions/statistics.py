"""Statistics of a collection and of the account."""

from itertools import islice
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api.action import ENTRIES, Action, Effect, JsonObject, Result, Wire
from flipsnack_mcp.api.actions.collections import objects
from flipsnack_mcp.api.parameters import CollectionHash, Day, MaybeCount, MaybeWhole, Whole, check_period, whole_number


class PageStats(BaseModel):
    """One page."""

    model_config = ConfigDict(frozen=True)

    page: Annotated[Whole, Field(description="From 1")]
    to_page: Annotated[MaybeWhole, Field(description="Last of a group")] = None
    """Where the numbers are those of several pages; Flipsnack gives each by itself."""
    views: Annotated[MaybeCount, Field(description="Count")] = None
    clicks: Annotated[MaybeCount, Field(description="Count")] = None
    time_spent: Annotated[MaybeCount, Field(description="Unit not documented")] = None


class CollectionStats(Result):
    """Totals of one collection over a period."""

    impressions: Annotated[MaybeCount, Field(description="Player loads")] = None
    views: Annotated[MaybeCount, Field(description="Player uses")] = None
    time_spent: Annotated[MaybeCount, Wire("time_spent"), Field(description="Seconds in total")] = None
    downloads: Annotated[MaybeCount, Field(description="Count")] = None
    pages: Annotated[list[PageStats] | None, Field(description="By page")] = None

    @classmethod
    @override
    def read(cls, data: JsonObject) -> Self:
        """Pages that are no objects are left out, the totals stay; the others in their order, however they come."""
        pages = (page for page in objects(data.get("pages")) if whole_number(page.get("page")) is not None)
        ordered = sorted(islice(pages, ENTRIES), key=lambda page: whole_number(page["page"]) or 0)
        return super().read({**data, "pages": ordered or None})


class GetCollectionStats(Action[CollectionStats]):
    """See how often this flipbook (brochure, catalogue) was viewed or read: views, impressions, downloads, reading time, also by page. Without dates the period is Flipsnack's own default; give both."""

    api_name = "collection.getStats"
    tool_name = "get_collection_stats"
    tool_title = "Statistics of one flipbook"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.getstats"
    codes = (43, 46)

    collection_hash: CollectionHash
    start_date: Day | None = None
    end_date: Day | None = None
    include_page_stats: Annotated[bool | None, Field(description="Also by page")] = None

    period_in_order = model_validator(mode="after")(check_period)


class UserStats(Result):
    """Totals of the whole account."""

    impressions: Annotated[MaybeCount, Field(description="Player loads")] = None
    views: Annotated[MaybeCount, Field(description="Player uses")] = None
    time_spent: Annotated[MaybeCount, Wire("time_spent"), Field(description="Seconds in total")] = None
    downloads: Annotated[MaybeCount, Field(description="Count")] = None
    api_uploads_left: Annotated[MaybeCount, Wire("api_uploads_left"), Field(description="This month")] = None


class GetUserStats(Action[UserStats]):
    """See which account it is (whoami), its totals, limits, and the month's remaining quota: how many uploads are left."""

    api_name = "user.getStats"
    tool_name = "get_user_stats"
    tool_title = "Account statistics"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-user.getstats"
    codes = ()
