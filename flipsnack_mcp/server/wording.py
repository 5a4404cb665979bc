"""From a result to what is read: the same data once as text laid out for reading and once structured.

Text that came from Flipsnack is somebody's content. It is cleaned in both, and in the text it stands in quotes. Last
comes the redaction, under a heading that says whose it is.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

from mcp.types import CallToolResult, ImageContent, TextContent
from pydantic import BaseModel

from flipsnack_mcp.api import JsonObject
from flipsnack_mcp.files.pictures import Picture
from flipsnack_mcp.server.safety.cleaning import OURS, data_of
from flipsnack_mcp.server.safety.heading import NONE_NAMED, Heading
from flipsnack_mcp.server.toolsets import entries
from flipsnack_mcp.workflows.progress import duration, size_of

# A hash, a status, a date or a link that looks like one needs no quotes; anything else does.
PLAIN_FIELDS = re.compile(r".*_hash|(new_)?status|(.*_)?date|field|account|key_end")
PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:/?=&%+@~#-]+( \d\d:\d\d:\d\d)?")
LINKS = frozenset({"direct_link", "cover_image", "resource_url", "upload_address", "file_address"})
PLAIN_LINK = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?([/?#][A-Za-z0-9_.:/?=&%+@~#-]*)?")
CODES = frozenset({"embed_code", "in_container"})
SHORTENED = {"items": 20}
"""Tables of which a reader needs only the start; the structured data has more."""
SOMEBODYS_IN_A_ROW = frozenset({"path"})
"""What is ours as a single value: a file that this program named. In a row it is somebody's own file."""
SIDE_BY_SIDE = frozenset({"before", "after"})
"""Columns that are shown also where nothing stands in them: a text was emptied, or was empty."""
Unit: TypeAlias = Callable[[float], str]


def spoken_time(value: float) -> str:
    """A time as a number, and as people say it."""
    return f"{value} s ({duration(value)})" if value >= 60 else f"{value} s"


UNITS: dict[str, Unit] = {
    "time_spent": spoken_time, "average_time": spoken_time, "seconds_left": spoken_time,
    "change": lambda value: f"{value:+} %",
    "bytes": lambda value: f"{value} bytes ({size_of(round(value))})",
    "width": lambda value: f"{value} px", "height": lambda value: f"{value} px",
}  # fmt: skip
"""What the numbers of a field count, by its name; any other counts things that its name says."""
PREVIOUS = "previous_"
"""What a name of theirs begins with where the number is of the time before."""
SHARES = frozenset({("pages", "time_spent")})
"""Columns whose unit nobody documents, by table: each number is shown as its share of them all."""


CLAUSE = re.compile(r'(?:"[^"]*"|.)*?(?:[.;](?=\s)|\Z)\s*', re.DOTALL)
"""What can be left out of a sentence of ours: up to a full stop or a semicolon that is in no quotes."""
TELL_THE_PERSON = "Tell the person."
OR_ANOTHER = " If another account is meant, name it in account."
"""A hash or an id that the account which was taken does not know may be of one that was not named."""
NAMES_CALLS = frozenset({"next_step", "warnings", "advice"})


@cache
def naming_a_tool() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A tool that is named in a sentence of ours, and whether its arguments follow; what stands in quotes is somebody's."""
    name = rf'"[^"]*"|\b({"|".join(tool.name for tool, *_ in entries())})\b'
    return re.compile(name), re.compile(rf"{name}(?![./\\-]\w|\([^)]*account=)(\(?)")


@dataclass(frozen=True)
class Illustrated:
    """A result with a picture beside it, which is no part of its text and data."""

    result: BaseModel
    picture: Picture


def as_result(result: BaseModel | Illustrated, heading: Heading) -> CallToolResult:
    """A result as complete text, and the same data structured; a picture comes behind the text."""
    if isinstance(result, Illustrated):
        picture = b64encode(result.picture.content).decode()
        shown = ImageContent(data=picture, mime_type=result.picture.mime_type)
        plain = as_result(result.result, heading)
        return plain.model_copy(update={"content": [*plain.content, shown]})
    data = heading.redactor.data(data_of(result))
    data |= {name: about_account(possible(data[name], heading), heading) for name in NAMES_CALLS & data.keys()}
    text = TextContent(text=heading.over_text(as_text_lines(data)))
    return CallToolResult(content=[text], structured_content=heading.over_data(data))


def redacted_data(result: BaseModel, heading: Heading) -> JsonObject:
    """A result's data alone, as safe as in an answer."""
    return heading.over_data(heading.redactor.data(data_of(result)))


def as_failure(text: str, heading: Heading, *, elsewhere: bool = False) -> CallToolResult:
    """A failure the model can read; nothing structured, clients drop it on errors. `elsewhere`: another account may have it."""
    happened, *further = CLAUSE.findall(text)
    said = about_account(happened + possible("".join(further), heading), heading)
    besides = OR_ANOTHER if elsewhere and heading.why == NONE_NAMED else ""
    return CallToolResult(content=[TextContent(text=heading.over_text(said + besides))], is_error=True)


def possible(said: Any, heading: Heading) -> Any:
    """Sentences of ours without what sends somebody to a tool that is not there; what is to be done then is a person's."""
    if isinstance(said, list):
        return [kept for one in said if (kept := what_is_there(one, heading))]
    if not isinstance(said, str) or (kept := what_is_there(said, heading)) == said:
        return said
    return f"{kept} {TELL_THE_PERSON}".lstrip()


def what_is_there(said: str, heading: Heading) -> str:
    """Without the clauses that name a tool that is not there."""
    (named, _), every = naming_a_tool(), CLAUSE.findall(said)
    kept = [one for one in every if not heading.lacks.intersection(found[1] for found in named.finditer(one))]
    return said if len(kept) == len(every) else re.sub(r"[;\s]+$", "", "".join(kept))


def about_account(said: Any, heading: Heading) -> Any:
    """Sentences of ours, in which every call that they name is about the account of the answer, where it has a name."""
    if isinstance(said, list):
        return [about_account(one, heading) for one in said]

    def with_account(found: re.Match[str]) -> str:
        tool, bracket = found.groups()
        return f'{tool}(account="{heading.account}"{", " if bracket else ")"}' if tool else found[0]

    return naming_a_tool()[1].sub(with_account, said) if heading.account and isinstance(said, str) else said


def as_text_lines(data: JsonObject) -> str:
    """The data as lines of `name: value`, single values first, and tables for lists of objects."""
    told = {name: value for name, value in data.items() if value != [] or name not in OURS}
    ordered = sorted(told.items(), key=lambda item: isinstance(item[1], list | dict))
    said = [line for name, value in ordered for line in lines(name, value)]
    return "\n".join(said or [f"{name}: none" for name in told]) or "Done."


def lines(name: str, value: Any) -> list[str]:
    """One field, as it reads best."""
    if isinstance(value, list):
        rows: list[Any] = value
        if rows and all(isinstance(row, dict) for row in rows):
            more = len(rows) - SHORTENED.get(name, len(rows))
            return [
                f"{name}:",
                *table(name, rows)[: 2 + len(rows) - max(0, more)],
                *([f"and {more} more"] * (more > 0)),
            ]
        return [f"{name}: {'; '.join(cell(name, one) for one in rows) or 'none'}"]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if name in OURS:
            return [f"{name}: {in_a_row(name, members) or 'none'}"]
        return [f"{name}:", *(f"  {cell('', key)}: {cell('', one)}" for key, one in members.items())] if members else []
    return [f"{name}: {cell(name, value, unit_of(name))}"]


def in_a_row(name: str, members: dict[str, Any]) -> str:
    """Figures with their names. What is beneath a field with a unit has that."""
    return ", ".join(f"{key} {cell(name, one, unit_of(name) or unit_of(key))}" for key, one in members.items())


def named_texts(members: dict[str, Any]) -> str:
    """Somebody's texts under somebody's names."""
    return "; ".join(f"{cell('', key)}: {cell('', one)}" for key, one in members.items())


def unit_of(name: str, where: str = "", column: Sequence[Any] = ()) -> Unit | None:
    """What the numbers of a field count; in a table it may be the share of the column."""
    if (where, name) not in SHARES:
        return UNITS.get(name.removeprefix(PREVIOUS))
    whole = sum(one for one in column if isinstance(one, int | float))
    return lambda value: f"{100 * value / whole:.1f} %" if whole else "0 %"


def table(where: str, rows: list[dict[str, Any]]) -> list[str]:
    """Rows with one column for each field that any row has."""
    columns = columns_of(rows)
    units = {name: unit_of(name, where, [row.get(name) for row in rows]) for name in columns}
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    named = {name: "" if name in SOMEBODYS_IN_A_ROW else name for name in columns}
    return head + [
        "| " + " | ".join(cell(named[name], row.get(name, ""), units[name]) for name in columns) + " |" for row in rows
    ]


def columns_of(rows: list[dict[str, Any]]) -> list[str]:
    """The fields that any row has, each behind the one that it follows there: a first row without a title moves no column."""
    columns: list[str] = []
    for row in rows:
        at = 0
        for name, value in row.items():
            if name not in columns and (name in SIDE_BY_SIDE or value not in ("", {}, [])):
                columns.insert(at, name)
            at = columns.index(name) + 1 if name in columns else at
    return columns


def cell(name: str, value: Any, unit: Unit | None = None) -> str:
    """One value: numbers with their unit and our own words as they are, somebody's text in quotes it cannot close."""
    if isinstance(value, str):
        return value if name in OURS else in_quotes(name, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return in_a_row(name, members) if name in OURS else named_texts(members)
    return unit(value) if unit and isinstance(value, int | float) else str(value)


def in_quotes(name: str, text: str) -> str:
    """Somebody's text; what needs no quotes stands without."""
    if name in CODES:
        return "`" + text.replace("`", "'") + "`" if text else ""
    plain = (
        PLAIN_LINK.fullmatch(text) if name in LINKS else PLAIN_FIELDS.fullmatch(name) and PLAIN_VALUE.fullmatch(text)
    )
    return text if plain or not text else '"' + text.replace('"', "'").replace("|", "¦") + '"'
