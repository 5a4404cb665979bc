"""From a result to what is read: the same data once as text laid out for reading and once structured.

Text that came from Flipsnack is somebody's content. It is cleaned in both, and in the text it stands in quotes.
"""

from __future__ import annotations

import re
from typing import Any, cast

from pydantic import BaseModel

from flipsnack_mcp.api.action import JsonObject
from flipsnack_mcp.api.text import cleaned

# Written by this program, so neither cleaned nor quoted.
OURS = frozenset(
    {
        "path",
        "next_step",
        "warnings",
        "states",
        "sha256",
        "state",
        "conversion",
        "expires_at",
        "progress",
        "upload_id",
        "plan_id",
        "started",
        "report_id",
        "period",
        "failed",
        "totals",
        "counts",
        "change",
    }
)
# Longer than a title may be.
LIMITS = {
    "changes": 2000,
    "description": 2000,
    "embed_code": 4000,
    "resource_url": 2000,
    "direct_link": 500,
    "cover_image": 500,
    "after": 2000,
    "before": 2000,
}
# A hash, a status, a date or a link that looks like one needs no quotes; anything else does.
PLAIN_FIELDS = re.compile(r".*_hash|(new_)?status|.*_date|direct_link|cover_image|resource_url|field")
PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:/?=&%+@~#-]+( \d\d:\d\d:\d\d)?")
ROWS = {"items": 20}
"""Tables of which a reader needs only the start; the structured data has more."""
ENTRIES = 1000
"""As many pages as a document may have."""


def data_of(result: BaseModel) -> JsonObject:
    """A result as cleaned JSON, without what is absent."""
    return cast("JsonObject", clean(result.model_dump(mode="json", exclude_none=True)))


def clean(value: Any, name: str = "") -> Any:
    """Every text that came from Flipsnack made harmless, whatever it is nested in."""
    if name in OURS:
        return value
    if isinstance(value, str):
        return cleaned(value, LIMITS.get(name, 300))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        # Below `extra` and `fields` the names are Flipsnack's too: one that is called as ours must not pass uncleaned.
        ours = name not in {"extra", "fields"}
        return {cleaned(key, 80): clean(one, key if ours else "") for key, one in list(members)[:ENTRIES]}
    if isinstance(value, list):
        return [clean(one, name) for one in value[:ENTRIES]]
    return value


def worded(data: JsonObject) -> str:
    """The data as lines of `name: value`, single values first, and tables for lists of objects."""
    told = {name: value for name, value in data.items() if value != [] or name not in OURS}
    ordered = sorted(told.items(), key=lambda item: isinstance(item[1], list | dict))
    return "\n".join(line for name, value in ordered for line in lines(name, value)) or "Done."


def lines(name: str, value: Any) -> list[str]:
    """One field, as it reads best."""
    if isinstance(value, list):
        rows: list[Any] = value
        if rows and all(isinstance(row, dict) for row in rows):
            more = len(rows) - ROWS.get(name, len(rows))
            return [f"{name}:", *table(rows[: ROWS.get(name)]), *([f"and {more} more"] if more > 0 else [])]
        return [f"{name}: {'; '.join(cell(name, one) for one in rows) or 'none'}"]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if name in OURS:
            return [f"{name}: {', '.join(f'{key} {one}' for key, one in members.items()) or 'none'}"]
        return [f"{name}:", *(f"  {cell('', key)}: {cell('', one)}" for key, one in members.items())] if members else []
    return [f"{name}: {cell(name, value)}"]


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows with one column for each field that any row has."""
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if value not in ("", {}, [])))
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return head + ["| " + " | ".join(cell(name, row.get(name, "")) for name in columns) + " |" for row in rows]


def cell(name: str, value: Any) -> str:
    """One value: numbers and our own words as they are, somebody's text in quotes it cannot close."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if name in OURS or not isinstance(value, str):
        return text
    if not text:
        return ""
    if name == "embed_code":
        return "`" + text.replace("`", "'") + "`"
    if PLAIN_FIELDS.fullmatch(name) and PLAIN_VALUE.fullmatch(text):
        return text
    return '"' + text.replace('"', "'").replace("|", "¦") + '"'
