"""How leads look in an answer and in a file: masked, as much of each as has room, and counts that can be read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, TypeVar

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.files.tables import Row, as_csv, as_markdown, escape_for_markdown
from flipsnack_mcp.server.safety.masking import mask_addresses, mask_answers
from flipsnack_mcp.server.tools.reporting.naming import shorten
from flipsnack_mcp.workflows.leads.lead import CONTACT, Lead
from flipsnack_mcp.workflows.reports.pages import Safe, as_safe

ValueT = TypeVar("ValueT")
MOST_SPANS = 14
"""Rows of counts: where there are more days, weeks are counted, then months, then years."""
ANSWERS_TOGETHER, FEWEST_ANSWERS = 60, 6
BYTES_TOGETHER, FEWEST_BYTES, SHORTEST_CUT = 1280, 128, 24
"""What has room in a list of leads, names of fields included, and what each has however many they are."""
MOST_COLUMNS, OTHER_FIELDS = 200, "other fields"
LONGEST_FIELD, BYTES_OF_A_TITLE, LONGEST_CELL = 40, 48, 10_000


def in_spans(days: Mapping[str, int]) -> dict[str, int]:
    """Counts by day, the last first; by week, month or year where there are too many of them to be read."""
    spans: tuple[Callable[[str], str], ...] = (str, week_of, lambda day: day[:7], lambda day: day[:4])
    counts = Counter[str]()
    for span in spans:
        counts.clear()
        for day, many in days.items():
            counts[span(day)] += many
        if len(counts) <= MOST_SPANS:
            break
    return dict(sorted(counts.items(), reverse=True)[:MOST_SPANS])


def week_of(day: str) -> str:
    """A week as ISO 8601 counts it."""
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02}"


def moment_of(lead: Lead) -> str:
    """When a lead came, in UTC."""
    return datetime.fromtimestamp(lead.received, UTC).strftime("%Y-%m-%d %H:%M:%S")


def field_shown(name: str) -> str:
    """What a field is called; the name of one in an order may be anything."""
    return shorten(mask_addresses(name), LONGEST_FIELD)


def named_apart(pairs: Iterable[tuple[str, ValueT]]) -> dict[str, ValueT]:
    """Values under names of which several may be alike, cut or masked as they are."""
    apart = dict[str, ValueT]()
    for name, value in pairs:
        apart[f"{name} #{len(apart) + 1}" if name in apart else name] = value
    return apart


def row_of_lead(lead: Lead, rows: int, *, reveal: bool) -> dict[str, Any]:
    """A lead in an answer with so many of them."""
    filled = {name: value for name, value in lead.fields.items() if value}
    shown = with_room(answers_of(filled, reveal=reveal), rows)
    row = {
        "date": moment_of(lead),
        "collection_hash": lead.flipbook_hash,
        "title": shorten(lead.flipbook_title, BYTES_OF_A_TITLE),
        "type": "" if lead.kind == CONTACT else lead.kind,
        "fields": shown,
        "more_fields": len(filled) - len(shown),
    }
    return {name: one for name, one in row.items() if one}


def with_room(answers: Iterable[tuple[str, str]], rows: int) -> dict[str, str]:
    """As many of a lead's answers as have room, and of each as much; one by itself has all the room."""
    room, shown = max(FEWEST_BYTES, BYTES_TOGETHER // rows), list[tuple[str, str]]()
    for name, value in islice(answers, max(FEWEST_ANSWERS, ANSWERS_TOGETHER // rows)):
        if room <= 0:
            break
        known = shorten(name, LONGEST_FIELD)
        told = shorten(value, max(SHORTEST_CUT, room - len(known.encode())))
        room -= len((known + told).encode())
        shown.append((known, told))
    return named_apart(shown)


def answers_of(fields: Mapping[str, str], *, reveal: bool) -> Iterable[tuple[str, str]]:
    """What was filled in, as it may be shown."""
    return fields.items() if reveal else mask_answers(fields)


def leads_as_table(name: str, leads: Sequence[Lead], kind: str, safe: Safe, *, reveal: bool) -> bytes:
    """A row for each lead, and a column for each field that any of them has; of too many the rarest share one."""
    shown = [named_apart(answers_of(one.fields, reveal=reveal)) for one in leads]
    filled = Counter(field for one in shown for field in one)
    own = {field for field, _ in filled.most_common(MOST_COLUMNS)}
    columns = [field for field in filled if field in own]
    others = [OTHER_FIELDS] if len(filled) > len(columns) else []
    head = ["date (UTC)", "submitted", "collection_hash", "title", "type", *columns, *others]
    rows: list[Row] = [
        [moment_of(one), one.submitted, one.flipbook_hash, one.flipbook_title, one.kind, *map(answers.get, columns)]
        + [without_column(answers, own) for _ in others]
        for one, answers in zip(leads, shown, strict=True)
    ]
    cells = [as_safe([cleaned(str(one or ""), LONGEST_CELL) for one in row], safe) for row in (head, *rows)]
    if kind == "csv":
        return as_csv(cells[0], cells[1:])
    return as_markdown(name, [*map(escape_for_markdown, cells[0])], cells[1:])


def without_column(answers: Mapping[str, str], columns: AbstractSet[str]) -> str:
    """The answers that have no column of their own, each with what its field is called."""
    return "; ".join(f"{field}: {told}" for field, told in answers.items() if told and field not in columns)
