"""Tools that only ask. Most send their action as it is; list_collections searches, get_collection waits and shows, a sample is masked."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, get_args

from pydantic import Field, model_validator

from flipsnack_mcp.api import Action, Day, FlipsnackError, FreeText, ResultT_co, StatusName, quoted
from flipsnack_mcp.api.actions import forms
from flipsnack_mcp.api.actions.collections import Collection, CollectionSummary, GetCollection, ListCollections
from flipsnack_mcp.files.pictures import Unshowable
from flipsnack_mcp.server.safety.masking import mask
from flipsnack_mcp.server.tools.arguments import Statuses
from flipsnack_mcp.server.tools.choosing import check_days
from flipsnack_mcp.server.tools.tool import Answered, NextStep, States, ToolCall, Warnings
from flipsnack_mcp.server.views.showing import Aside
from flipsnack_mcp.server.wording import Illustrated
from flipsnack_mcp.workflows.covers import fetch_cover
from flipsnack_mcp.workflows.finding import Choice, day_in, pattern_of_links
from flipsnack_mcp.workflows.searching.search import Search, SearchResult, search

LONGEST_SEARCH = 500
"""Characters: a pasted link has the whole title in it."""
TIME_FOR_THE_ROW = 5.0
"""Seconds for what only the list knows of a collection."""
STATUSES, DRAFT = get_args(StatusName), "editable"
WRITTEN_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class ListCollectionsInput(ListCollections):
    """Find, look up, browse or list flipbooks (catalogues, brochures, collections) by words in their title, or show all. Which do we have, what is public: newest or latest published first."""

    status: Annotated[Statuses | None, Field(description="Any of these")] = None  # type: ignore[assignment]  # Flipsnack itself takes one; what is sent is made from it
    query: Annotated[str | None, Field(max_length=LONGEST_SEARCH, description="Title words or link"), FreeText()] = None
    created_after: Annotated[Day | None, Field(description="First day")] = None
    created_before: Annotated[Day | None, Field(description="Last day")] = None
    details: Annotated[bool, Field(description="Also covers, links, both dates")] = False

    days_in_order = model_validator(mode="after")(check_days)

    @property
    def search(self) -> Search:
        """What is looked for."""
        statuses = tuple(self.status or ())
        among = Choice(only_status=statuses, created_after=self.created_after, created_before=self.created_before)
        query = (self.query or "").strip()
        return Search(query, among, self.order_by, self.order, self.offset, self.limit)


class FoundCollections(Answered):
    """A window of what was found."""

    collections: Annotated[list[CollectionSummary], Field(description="Found")] = []
    total: Annotated[int, Field(description="All matches")] = 0
    next_offset: Annotated[int | None, Field(description="Next window")] = None
    link_pattern: Annotated[str | None, Field(description="Makes each reader's address")] = None
    note: Annotated[str | None, Field(description="How it was found")] = None
    nearest: Annotated[list[str] | None, Field(description="Titles like it")] = None
    next_step: NextStep = None


class WatchedCollection(Collection):
    """A collection and how its conversion went."""

    created_date: Annotated[str | None, Field(description="Zone not stated")] = None
    publish_date: Annotated[str | None, Field(description="Zone not stated")] = None
    warnings: Warnings = []
    states: States = []
    next_step: NextStep = None


async def send(call: ToolCall, action: Action[ResultT_co]) -> ResultT_co:
    """Carry out the action as it is: all that most tools do."""
    return await call.context.send(action)


async def recall(call: ToolCall, action: Action[ResultT_co]) -> ResultT_co:
    """Answer a question that is often asked twice."""
    return await call.app.recent.ask(call.context, action)


async def list_collections(call: ToolCall, given: ListCollectionsInput) -> FoundCollections:
    """What is found, and where nothing is, what to do."""
    found = await search(partial(recall, call), given.search)
    by_creation = bool(given.created_after or given.created_before or given.order_by == "date_created")
    in_short = (brief(row, by_creation=by_creation) for row in found.rows)
    call.aside = beside_rows(found.rows)
    return FoundCollections(
        collections=[*(found.rows if given.details else in_short)],
        total=found.total,
        next_offset=found.next_offset,
        link_pattern=None if given.details else pattern_of_links(found.rows),
        note=note_on(given, found),
        nearest=[*map(in_a_line, found.nearest)] or None,
        next_step=None if found.rows else step_after_nothing(given, found),
    )


def beside_rows(rows: Sequence[CollectionSummary]) -> Aside:
    """Covers and links of rows, of which data has none unless it is asked for."""
    return Aside(
        covers={row.collection_hash: row.cover_image for row in rows},
        links={row.collection_hash: row.direct_link for row in rows},
    )


def brief(row: CollectionSummary, *, by_creation: bool = False) -> CollectionSummary:
    """What a row of many is worth: what it is called, its state, and the day it was published or, as a draft, made.

    The day it was made also where the list was chosen or sorted by that: an issue made in September and published in
    October would be missed among October's by whoever takes the filter for the day of publishing.
    """
    made = row.status == DRAFT or (by_creation and row.created_date)
    day = "created_date" if made or not row.publish_date else "publish_date"
    # What was not sent stays so: an empty hash is none.
    kept = {name: one for name in ("collection_hash", "title", "status") if (one := getattr(row, name))}
    return CollectionSummary(**kept, **{day: day_in(getattr(row, day) or "") or None})


def note_on(given: ListCollectionsInput, found: SearchResult) -> str | None:
    """That it was not Flipsnack's search that found it, or that nobody said how much there is."""
    if found.next_offset is not None and found.next_offset >= found.total:
        return NO_COUNT
    if not found.looked_through or not found.total:
        return None
    pasted = "by its hash" if given.search.by_link else "by words in any order, slips forgiven"
    return f"Flipsnack's own search found nothing; this is from the account's list, {pasted}."


NO_COUNT = "Flipsnack did not say how many there are: the total is those up to here, and more follow."
NOTHING_FITS = "Nothing fits these filters. Call list_collections without them to see what there is."
NOTHING_THERE = "This account has no collections yet: there is nothing to look for."
NOTHING_FROM_THERE = "Nothing stands there: give a smaller offset, or none."
BEHIND_THE_LAST = "That begins behind the last of {}: give a smaller offset, or none."


def step_after_nothing(given: ListCollectionsInput, found: SearchResult) -> str | None:
    """What to do where nothing was found, or nothing from there on."""
    if found.total:
        return BEHIND_THE_LAST.format(found.total) if given.offset >= found.total else None
    if given.offset and not given.query:
        return NOTHING_FROM_THERE
    if not given.query:
        return NOTHING_FITS if given.status or given.created_after or given.created_before else NOTHING_THERE
    if given.search.by_link:
        return "No collection of this account has that hash: publishing a draft changes it. Search by its title."
    if found.nearest:
        return "No title has all of that. If none of the nearest is meant, search with fewer words or other filters."
    return "No title is like that. Call list_collections without query to see what there is."


def in_a_line(row: CollectionSummary) -> str:
    """A collection that may have been meant, so that a person recognises it."""
    known = brief(row)
    day = known.publish_date or known.created_date or ""
    told = (
        known.collection_hash,
        known.status if known.status in STATUSES else "",
        day if WRITTEN_DAY.fullmatch(day) else "",
    )
    return f"{quoted(row.title)} ({', '.join(filter(None, told))})"


async def get_collection(call: ToolCall, action: GetCollection) -> WatchedCollection | Illustrated:
    """Look at a collection, wait while it converts, and show its cover where that is wished."""
    found = await watch_collection(call, action)
    return await with_cover(call, found) if call.options.show else found


async def with_cover(call: ToolCall, found: WatchedCollection) -> WatchedCollection | Illustrated:
    """The same answer, and the cover beside it; where that is not to be had, a word about why."""
    try:
        return Illustrated(found, await fetch_cover(call.context, found.cover_image, call.app.settings.file_hosts))
    except Unshowable as error:
        return found.model_copy(update={"warnings": [*found.warnings, f"The cover cannot be shown: {error}."]})


async def watch_collection(call: ToolCall, action: GetCollection) -> WatchedCollection:
    """A collection, as it is once it has converted or the time is up."""
    wanted = action.collection_hash
    # Asked as the plain action, so that it shares its answer with everybody who looks at this collection.
    first = await recall(call, GetCollection(collection_hash=wanted))
    watching = call.app.uploads.conversions.of(wanted, first)
    watched = await watching.until_settled(call.context, call.options.wait_seconds, first)
    go_on = f'Still converting. Call get_collection(collection_hash="{wanted}", wait_seconds=30) to wait on.'
    # While it converts it is asked for again and again, and its page is not there yet.
    row = NO_ROW if watched.last.conversion == "processing" else await find_row(call, watched.last)
    told = with_row(watched.last, row)
    call.aside = Aside(covers={wanted: str(told.get("cover_image") or "")})
    return WatchedCollection(
        **told,
        warnings=[*worth_a_warning(watched.last)],
        states=list(watched.states),
        next_step=go_on if watched.last.conversion == "processing" else None,
    )


async def find_row(call: ToolCall, found: Collection) -> CollectionSummary:
    """What the list says of a collection; nothing where that is not to be had by one look."""
    by_title = ListCollections(query=found.title.strip()[:200], order_by="date_created", limit=100)
    newest = ListCollections(order_by="date_created", limit=100)
    with suppress(FlipsnackError):
        context = call.context.within(TIME_FOR_THE_ROW)
        rows = (await call.app.recent.ask(context, by_title if found.title.strip() else newest)).collections
        return next((row for row in rows if row.collection_hash == found.collection_hash), NO_ROW)
    return NO_ROW


CONVERSION_FAILED = "A conversion failed: readers do not see that flipbook. It has to be uploaded again."
NO_ROW = CollectionSummary()


def with_row(found: Collection, row: CollectionSummary) -> dict[str, object]:
    """A collection with what only its row has. A draft has no readers, so no address for them."""
    more = row.model_dump(include={"created_date", "publish_date", "direct_link", "cover_image"}, exclude_none=True)
    told = {**more, **found.model_dump(exclude_none=True)}
    return {name: one for name, one in told.items() if (name, found.status) != ("direct_link", DRAFT)}


def worth_a_warning(found: Collection) -> Iterator[str]:
    """What a person would want to know before using a collection."""
    if found.conversion == "failed":
        yield CONVERSION_FAILED
    if found.status == DRAFT:
        yield "It is a draft: nobody can read it yet, and publishing it changes its hash, so embed it only then."
    if found.is_blank:
        yield "Flipsnack told neither its title nor its status nor its flipbooks: what it is cannot be said."
    elif not found.title.strip():
        yield "It has no title."


async def lead_form_sample(call: ToolCall, action: forms.GetLeadFormSample) -> forms.LeadFormSample:
    """A sample of a lead form's answer; what people typed is masked unless it was asked for."""
    sample = await send(call, action)
    return sample if call.options.reveal else forms.LeadFormSample(fields=mask(sample.fields))
