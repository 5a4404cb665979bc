"""From a result to what is read: the same data once as text laid out for reading and once structured.

Text that came from Flipsnack is somebody's content. It is cleaned in both, and in the text it stands in quotes. Last
comes the redaction, under a heading that says whose it is.
"""

import re
from typing import Any, cast

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from flipsnack_mcp.api import JsonObject
from flipsnack_mcp.server.menu import entries
from flipsnack_mcp.server.safety.cleaning import OURS, data_of
from flipsnack_mcp.server.safety.heading import Heading

# A hash, a status, a date or a link that looks like one needs no quotes; anything else does.
PLAIN_FIELDS = re.compile(r".*_hash|(new_)?status|.*_date|field|account|key_end")
PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:/?=&%+@~#-]+( \d\d:\d\d:\d\d)?")
LINKS = frozenset({"direct_link", "cover_image", "resource_url"})
PLAIN_LINK = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?([/?#][A-Za-z0-9_.:/?=&%+@~#-]*)?")
CODES = frozenset({"embed_code", "in_container"})
SHORTENED = {"items": 20}
"""Tables of which a reader needs only the start; the structured data has more."""
SIDE_BY_SIDE = frozenset({"before", "after"})
"""Columns that are shown also where nothing stands in them: a text was emptied, or was empty."""


CALL = re.compile(rf'"[^"]*"|\b({"|".join(tool.name for tool, *_ in entries())})\b(?![./\\-]\w|\([^)]*account=)(\(?)')
"""A tool that is named in a sentence of ours, and whether its arguments follow; what stands in quotes is somebody's."""
NAMES_CALLS = frozenset({"next_step", "warnings"})


def as_result(result: BaseModel, heading: Heading) -> CallToolResult:
    """A result as complete text, and the same data structured."""
    data = heading.redactor.data(data_of(result))
    data |= {name: about_account(data[name], heading) for name in NAMES_CALLS & data.keys()}
    text = TextContent(text=heading.over_text(as_text_lines(data)))
    return CallToolResult(content=[text], structured_content=heading.over_data(data))


def redacted_data(result: BaseModel, heading: Heading) -> JsonObject:
    """A result's data alone, as safe as in an answer."""
    return heading.over_data(heading.redactor.data(data_of(result)))


def as_failure(text: str, heading: Heading) -> CallToolResult:
    """A failure the model can read; nothing structured, clients drop it on errors."""
    return CallToolResult(content=[TextContent(text=heading.over_text(about_account(text, heading)))], is_error=True)


def about_account(said: Any, heading: Heading) -> Any:
    """Sentences of ours, in which every call that they name is about the account of the answer, where it has a name."""
    if isinstance(said, list):
        return [about_account(one, heading) for one in said]

    def with_account(found: re.Match[str]) -> str:
        tool, bracket = found.groups()
        return f'{tool}(account="{heading.account}"{", " if bracket else ")"}' if tool else found[0]

    return CALL.sub(with_account, said) if heading.account and isinstance(said, str) else said


def as_text_lines(data: JsonObject) -> str:
    """The data as lines of `name: value`, single values first, and tables for lists of objects."""
    told = {name: value for name, value in data.items() if value != [] or name not in OURS}
    ordered = sorted(told.items(), key=lambda item: isinstance(item[1], list | dict))
    return "\n".join(line for name, value in ordered for line in lines(name, value)) or "Done."


def lines(name: str, value: Any) -> list[str]:
    """One field, as it reads best."""
    if isinstance(value, list):
        rows: list[Any] = value
        if rows and all(isinstance(row, dict) for row in rows):
            more = len(rows) - SHORTENED.get(name, len(rows))
            return [f"{name}:", *table(rows[: SHORTENED.get(name)]), *([f"and {more} more"] if more > 0 else [])]
        return [f"{name}: {'; '.join(cell(name, one) for one in rows) or 'none'}"]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if name in OURS:
            return [f"{name}: {', '.join(f'{key} {one}' for key, one in members.items()) or 'none'}"]
        return [f"{name}:", *(f"  {cell('', key)}: {cell('', one)}" for key, one in members.items())] if members else []
    return [f"{name}: {cell(name, value)}"]


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows with one column for each field that any row has."""
    columns = list(
        dict.fromkeys(
            name for row in rows for name, value in row.items() if name in SIDE_BY_SIDE or value not in ("", {}, [])
        )
    )
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
    if name in CODES:
        return "`" + text.replace("`", "'") + "`"
    if PLAIN_LINK.fullmatch(text) if name in LINKS else PLAIN_FIELDS.fullmatch(name) and PLAIN_VALUE.fullmatch(text):
        return text
    return '"' + text.replace('"', "'").replace("|", "¦") + '"'
