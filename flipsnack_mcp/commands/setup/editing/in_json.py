"""An entry put into JSON and taken out again, as one cut each, in the manner of writing that is there."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from flipsnack_mcp.commands.setup.editing.jsonc import BYTE_ORDER_MARK, Member, NotUnderstood, PlacedReader, Value
from flipsnack_mcp.commands.setup.editing.splice import Splice

TO_THE_MEMBER = re.compile(r"[ \t]*(?://[^\r\n]*)?(?=\r?\n)")
"""What is left of the line of a brace, where nothing but a comment stands there."""
BLANKS = " \t\r\n"
LINE_START = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Manner:
    """How a text is written."""

    newline: str
    unit: str
    """By what a level is set in; empty where all stands on one line."""

    def written(self, value: object, indent: str) -> str:
        """A value as it would stand there, with this before each of its further lines."""
        if not self.unit:
            return json.dumps(value, ensure_ascii=False)
        text = json.dumps(value, ensure_ascii=False, indent=self.unit)
        return text.replace("\n", f"{self.newline}{indent}")


def manner_of(text: str, root: Value) -> Manner:
    """How this one is written: as its first member is."""
    newline = "\r\n" if "\r\n" in text else "\n"
    first = next(iter(root.members), None)
    inside = text[root.start + 1 : first.start if first else root.end - 1]
    if "\n" not in inside:
        return Manner(newline, "" if first else "  ")
    return Manner(newline, (inside.rpartition("\n")[2] if first else "") or "  ")


def read_json(text: str) -> dict[str, Any]:
    """What it says, an empty text nothing.

    Raises:
        NotUnderstood: It is no object.
    """
    root = root_of(text)
    return root.data if root else {}


def root_of(text: str) -> Value | None:
    """The object that it is; None where nothing is written yet.

    Raises:
        NotUnderstood: It is something else.
    """
    if not text.removeprefix(BYTE_ORDER_MARK).strip():
        return None
    root = PlacedReader(text).document()
    if not root.is_object:
        raise NotUnderstood("holds no object")
    check_once(root)
    return root


def check_once(holder: Value) -> None:
    """Raise where a name stands twice: which one counts, nobody knows."""
    if len(holder.data) < len(holder.members):
        raise NotUnderstood("has a name twice in the same place")


def put_into_json(text: str, table: str, name: str, entry: Mapping[str, object]) -> Splice:
    """Where and how an entry goes into it.

    Raises:
        NotUnderstood: It cannot be said where it belongs.
    """
    root = root_of(text)
    if root is None:
        whole = json.dumps({table: {name: entry}}, ensure_ascii=False, indent=2) + "\n"
        return Splice(len(text), "", whole.replace("\n", "\r\n") if "\r\n" in text else whole)
    manner, holder = manner_of(text, root), root.member(table)
    if holder is None:
        return as_first(text, root, root, table, {name: entry})
    if not holder.value.is_object:
        raise NotUnderstood(f'has "{table}", but no object there')
    check_once(holder.value)
    if (old := holder.value.member(name)) is None:
        return as_first(text, root, holder.value, name, entry)
    written = manner.written(entry, indent_at(text, old.start))
    return Splice(old.value.start, text[old.value.start : old.value.end], written)


def as_first(text: str, root: Value, holder: Value, name: str, value: object) -> Splice:
    """A new first member: no comma and no comment of another one has to be touched for it."""
    manner, rest_of_line = manner_of(text, root), TO_THE_MEMBER.match(text, holder.start + 1)
    if not rest_of_line and (holder.members or not manner.unit):
        beside = "" if not holder.members or text[holder.start + 1] in BLANKS else " "
        written = f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        return Splice(holder.start + 1, "", f"{written}{',' if holder.members else ''}{beside}")
    manner = replace(manner, unit=manner.unit or "  ")
    outer = indent_at(text, holder.start)
    inner = indent_at(text, holder.members[0].start) if holder.members else outer + manner.unit
    written = f"{manner.newline}{inner}{json.dumps(name)}: {manner.written(value, inner)}"
    ending = "," if holder.members else "" if rest_of_line else f"{manner.newline}{outer}"
    return Splice(rest_of_line.end() if rest_of_line else holder.start + 1, "", written + ending)


def indent_at(text: str, at: int) -> str:
    """What the line begins with in which this stands."""
    found = LINE_START.match(text, max(text.rfind("\n", 0, at) + 1, 1 if text.startswith(BYTE_ORDER_MARK) else 0))
    return found[0] if found else ""


def take_out_of_json(text: str, table: str, name: str, made: Sequence[str]) -> str:
    """The text without the entry, and without the table where that was made for it and holds nothing else.

    Raises:
        NotUnderstood: It is not there, or cannot be told from the rest.
    """
    root = root_of(text)
    holder = root.member(table) if root else None
    if not root or not holder or not holder.value.member(name):
        raise NotUnderstood(f'has no entry "{name}"')
    if table in made and len(holder.value.members) == 1:
        return without_member(text, root, holder)
    return without_member(text, holder.value, next(one for one in holder.value.members if one.name == name))


def without_member(text: str, holder: Value, gone: Member) -> str:
    """The text without a member, the blanks before it and the one comma that it does not need any more."""
    start, end = len(text[: gone.start].rstrip(BLANKS)), gone.value.end
    after, before = PlacedReader(text).past_blanks(end), one_before(holder, gone)
    has_comma = text[after] == ","
    if has_comma or before is None:
        rest = text[end:after] + text[after + 1 :] if has_comma else text[end:]
        nothing_left = start == holder.start + 1 and rest.lstrip(BLANKS).startswith("}")
        return text[:start] + (rest.lstrip(BLANKS) if nothing_left else rest)
    comma = PlacedReader(text).past_blanks(before.value.end)
    return text[:comma] + text[comma + 1 : start] + text[end:]


def one_before(holder: Value, member: Member) -> Member | None:
    """The member before this one."""
    return next((one for one, other in pairwise(holder.members) if other is member), None)
