"""list_leads: who filled in the forms of flipbooks, and what was ordered, as the webhook brought it; masked unless that is lifted.

All of it is other people's text, names of fields included. It comes from the store with each call and is kept nowhere else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from pydantic import Field, model_validator

from flipsnack_mcp.api import Day, Effect, FlipsnackError, FreeText
from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.parameters import check_period
from flipsnack_mcp.files.names import safe_name
from flipsnack_mcp.files.tables import save_table
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.safety.masking import mask_answers
from flipsnack_mcp.server.tools.addresses import give_file_address
from flipsnack_mcp.server.tools.arguments import Hash, ToolInput
from flipsnack_mcp.server.tools.leads.shown import (
    field_shown,
    in_spans,
    leads_as_table,
    moment_of,
    named_apart,
    row_of_lead,
)
from flipsnack_mcp.server.tools.questions import BEHIND_THE_LAST
from flipsnack_mcp.server.tools.reporting.naming import Rows
from flipsnack_mcp.server.tools.tool import Answered, ByAddress, NextStep, ToolCall
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.leads.keeping import Counted, counted, kept
from flipsnack_mcp.workflows.leads.lead import UNKNOWN, Lead
from flipsnack_mcp.workflows.reports.brought import moments_of
from flipsnack_mcp.workflows.reports.saving import EXTENSIONS
from flipsnack_mcp.workflows.searching.long_texts import Sought, sought

EARLIEST, LATEST = date(1970, 1, 1), date(9999, 12, 29)
MOST_NAMED_FIELDS = 10
TIME_TO_ASK = 5.0
"""Seconds for Flipsnack to say which documents a collection has."""
MASKED = "Masked. reveal=true shows what people typed: only where the person needs that."
STAYS_MASKED = "Masked: to see what people typed needs the right `leads-reveal`."
WORDS_SHOWN = "Words were looked for only in what is shown."
DAYS_OF_LEADS = "Times are UTC."
NOT_KEPT = "{} of those by day are counted only: they are not kept, or no longer."
OF_NO_KNOWN_KIND = (
    "Things that came and are neither a form nor an order as this server knows them: {}. Nothing of them is kept."
)
NOTHING_TO_SAVE = "No lead is there to be saved, so no file was made."
NONE_FITTING = "Nothing fits. Call list_leads without these arguments to see what came."
NONE_YET = (
    "None has come, or none is kept any more. Flipsnack sends them from the moment its webhook has an address of this "
    "server: whoever runs it makes one with `flipsnack-mcp hooks add`. Tell the person."
)


class ListLeadsInput(ToolInput):
    """Who filled in the form or ordered: leads, contacts, orders of a flipbook or all, newest first, counted by day and field. Answers are masked."""

    tool_name = "list_leads"
    tool_title = "List leads and orders"
    effect = Effect.READS
    over = "the webhook"
    idempotent = True

    collection_hash: Annotated[Hash | None, Field(description="Hash or link")] = None
    start_date: Annotated[Day | None, Field(description="First day")] = None
    end_date: Annotated[Day | None, Field(description="Last day")] = None
    query: Annotated[str | None, Field(max_length=200, description="Whole words"), FreeText()] = None
    reveal: Annotated[bool, Field(description="Unmask personal data")] = False
    offset: Annotated[int, Field(ge=0, description="From next_offset")] = 0
    limit: Annotated[int, Field(ge=1, le=100, description="Rows")] = 10
    save_as: Annotated[Literal["csv", "markdown"] | None, Field(description="All rows")] = None

    period_in_order = model_validator(mode="after")(check_period)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day that count."""
        return self.start_date or EARLIEST, min(self.end_date or LATEST, LATEST)

    @property
    def words(self) -> str:
        """What is looked for."""
        return (self.query or "").strip()

    @property
    def narrows(self) -> bool:
        """Whether some leads may be left out."""
        return bool(self.collection_hash or self.start_date or self.end_date or self.words)


class FoundLeads(Answered):
    """A window of the leads that are kept, and how many came."""

    leads: Annotated[Rows, Field(description="Found")] = []
    total: Annotated[int, Field(description="All matches")] = 0
    next_offset: Annotated[int | None, Field(description="Next window")] = None
    by_day: Annotated[dict[str, int] | None, Field(description="Came when")] = None
    by_field: Annotated[dict[str, int] | None, Field(description="Filled in")] = None
    by_type: Annotated[dict[str, int] | None, Field(description="Where several")] = None
    path: Annotated[str | None, Field(description="Saved file")] = None
    file_address: ByAddress = None
    expires_at: ByAddress = None
    note: Annotated[str | None, Field(description="What is shown")] = None
    next_step: NextStep = None


@dataclass(frozen=True)
class LeadsSeen:
    """What fits a call: leads that are kept, newest first, and how many came by day."""

    leads: Sequence[Lead]
    days: Mapping[str, int]
    unknown: int = 0
    """What else came; of which flipbook and with which words, nobody knows."""

    @property
    def nothing_came(self) -> bool:
        """Whether there is nothing to tell of."""
        return not (self.leads or self.days or self.unknown)


async def list_leads(call: ToolCall, given: ListLeadsInput) -> FoundLeads:
    """A window of what fits, what all of it comes to, and a file of it where that is wanted."""
    seen = await seen_of(call, given)
    window = seen.leads[given.offset : given.offset + given.limit]
    after = given.offset + len(window)
    await on_record_unmasked(call, given, len(seen.leads if given.save_as else window))
    fields = Counter(name for one in seen.leads for name, value in one.fields.items() if value)
    types = Counter(one.kind for one in seen.leads)
    return FoundLeads(
        leads=[row_of_lead(one, len(window), reveal=given.reveal) for one in window],
        total=len(seen.leads),
        next_offset=after if window and after < len(seen.leads) else None,
        by_day=in_spans(seen.days) or None,
        by_field=named_apart((field_shown(name), many) for name, many in fields.most_common(MOST_NAMED_FIELDS)) or None,
        by_type=dict(types) if len(types) > 1 else None,
        note=" ".join(told_beside_leads(given, seen)) or None,
        next_step=None if window else step_after_none(given, seen),
        **await saved_leads(call, given, seen.leads),
    )


def step_after_none(given: ListLeadsInput, seen: LeadsSeen) -> str | None:
    """What to do where there is nothing, or nothing from there on."""
    if seen.leads:
        return BEHIND_THE_LAST.format(len(seen.leads))
    return (NONE_FITTING if given.narrows else NONE_YET) if seen.nothing_came else None


async def on_record_unmasked(call: ToolCall, given: ListLeadsInput, count: int) -> None:
    """Write down who sees leads unmasked, before they do: what cannot be written down is not shown."""
    if given.reveal and count:
        said = f"{as_many(count, 'lead')} shown unmasked"
        await call.app.history.add(tool=call.tool, target=call.target, decision="done", said=said)


async def seen_of(call: ToolCall, given: ListLeadsInput) -> LeadsSeen:
    """What fits. Who may see no answer unmasked finds none by what it hides either."""
    store, account, (first, last) = call.app.jobs.store, call.app.settings.account, given.days
    since, until = moments_of(first, last)
    counts = await counted(store, account, since=since, until=until)
    meant = await flipbooks_meant(call, given.collection_hash, {named for _, named, _ in counts})
    every = await kept(store, account, since=since, until=until)
    leads = [one for one in every if meant is None or one.flipbook_hash in meant]
    if not given.words:
        unknown = days_counted(counts, None, first, last, known=False).total() if meant is None else 0
        return LeadsSeen(leads, days_counted(counts, meant, first, last), unknown)
    masked = not CALLER.get().may(Right.LEADS_REVEAL)
    fitting = await run_sync(partial(with_words, given.words, leads, masked=masked))
    return LeadsSeen(fitting, Counter(moment_of(one)[:10] for one in fitting))


async def flipbooks_meant(call: ToolCall, wanted: str | None, known: set[str]) -> set[str] | None:
    """The hashes by which the webhook may know a collection: its own, or those of its documents. None for all.

    Which of them it sends is not documented, so Flipsnack is asked only where its own has brought nothing.
    """
    if wanted is None:
        return None
    if wanted in known or not known:
        return {wanted}
    with suppress(FlipsnackError):
        question = GetCollection(collection_hash=wanted)
        found = await call.app.recent.ask(call.context.within(TIME_TO_ASK), question)
        return {wanted, *(one.flipbook_hash for one in found.flipbooks if one.flipbook_hash)}
    return {wanted}


def days_counted(
    counts: Counted, meant: set[str] | None, first: date, last: date, *, known: bool = True
) -> Counter[str]:
    """How many leads and orders came on each day, also those that are not kept; or of what is not known as one."""
    days, between = Counter[str](), (first.isoformat(), last.isoformat())
    for (day, named, kind), many in counts.items():
        if between[0] <= day <= between[1] and (kind != UNKNOWN) is known and (meant is None or named in meant):
            days[day] += many
    return days


def with_words(words: str, leads: Sequence[Lead], *, masked: bool) -> list[Lead]:
    """Those in which all the words stand: in the flipbook's title, in the fields and their names."""
    wanted = sought(words)
    return [one for one in leads if all(map(partial(is_in_any, texts_of_lead(one, masked=masked)), wanted))]


def is_in_any(texts: Sequence[str], wanted: Sought) -> bool:
    """Whether one of these texts has it. Most leads have it nowhere, which one look tells."""
    return wanted.may_be_in_one_of("\n".join(texts)) and any(map(wanted.is_in, texts))


def texts_of_lead(lead: Lead, *, masked: bool) -> list[str]:
    """What words are looked for in."""
    fields = mask_answers(lead.fields) if masked else lead.fields.items()
    return [lead.flipbook_title, lead.kind, *chain.from_iterable(fields)]


def told_beside_leads(given: ListLeadsInput, seen: LeadsSeen) -> list[str]:
    """What has to be known of what is shown."""
    may_see, gone = CALLER.get().may(Right.LEADS_REVEAL), sum(seen.days.values()) - len(seen.leads)
    said = (
        (seen.leads and not given.reveal, MASKED if may_see else STAYS_MASKED),
        (given.words and not may_see, WORDS_SHOWN),
        (seen.days, DAYS_OF_LEADS),
        (gone > 0, NOT_KEPT.format(gone)),
        (seen.unknown, OF_NO_KNOWN_KIND.format(seen.unknown)),
        (given.save_as and not seen.leads, NOTHING_TO_SAVE),
    )
    return [one for is_so, one in said if is_so]


async def saved_leads(call: ToolCall, given: ListLeadsInput, leads: Sequence[Lead]) -> dict[str, Any]:
    """Where all that fits lies as a table, masked like the answer; nothing where that is not wanted."""
    if given.save_as is None or not leads:
        return {}
    name = f"Flipsnack leads{' unmasked' if given.reveal else ''}"
    made = await run_sync(
        partial(leads_as_table, name, leads, given.save_as, call.app.redactor.text, reveal=given.reveal)
    )
    if call.app.handing:
        return (await give_file_address(call, made, f"{safe_name(name, name)}{EXTENSIONS[given.save_as]}"))._asdict()
    # What people typed is as little for other users of this machine as the store that it comes from.
    path = await save_table(made, call.app.download_dir, name, EXTENSIONS[given.save_as], for_owner=True)
    return {"path": str(path)}
