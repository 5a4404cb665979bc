"""An entry put into TOML and taken out again, as one cut each.

Own code and no library: what is written is a block at the end, and that it says what it should is checked by Python's own
reader, before and after. Whatever is written so that a block cannot be told from the rest is left alone.
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from flipsnack_mcp.commands.setup.editing.jsonc import BYTE_ORDER_MARK, NotUnderstood
from flipsnack_mcp.commands.setup.editing.splice import Splice

NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
OF_WHAT_FOLLOWS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*\Z")
"""Blank lines and comments before the next table."""
WHERE = re.compile(r"at line (\d+)")
BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(text: str) -> dict[str, Any]:
    """What it says.

    Raises:
        NotUnderstood: It is no TOML.
    """
    try:
        return tomllib.loads(text.removeprefix(BYTE_ORDER_MARK), parse_float=as_itself)
    except (ValueError, RecursionError) as error:
        line = WHERE.search(str(error))
        raise NotUnderstood(f"is no TOML{f' from line {line[1]} on' if line else ''}") from None


def as_itself(text: str) -> float:
    """A number that equals itself: what a text says is compared with what it said before, and no NaN equals another."""
    number = float(text)
    return math.nan if math.isnan(number) else number


def put_into_toml(text: str, table: str, name: str, entry: Mapping[str, object]) -> Splice:
    """Where and how an entry goes into it: at its end, or in the place of the one that is there.

    Raises:
        NotUnderstood: It cannot be said where it belongs.
    """
    tables = read_toml(text).get(table, {})
    if not isinstance(tables, dict):
        raise NotUnderstood(f'has "{table}", but no table there')
    newline = "\r\n" if "\r\n" in text else "\n"
    block = block_of(f"{table}.{name}", entry).replace("\n", newline)
    if name in tables:
        start, end = place_of_block(text, table, name)
        return Splice(start, text[start:end], block)
    written = text.removeprefix(BYTE_ORDER_MARK)
    before = "" if not written else newline if written.endswith("\n") else newline * 2
    return Splice(len(text), "", before + block)


def take_out_of_toml(text: str, table: str, name: str, _: Sequence[str]) -> str:
    """The text without the entry; a table that holds nothing else is written nowhere.

    Raises:
        NotUnderstood: It is not there, or cannot be told from the rest.
    """
    start, end = place_of_block(text, table, name)
    before, after = text[:start], text[end:]
    return before.rstrip("\r\n") + before[len(before.rstrip("\r\n")) :][: 2 if "\r\n" in before else 1] + after


def place_of_block(text: str, table: str, name: str) -> tuple[int, int]:
    """From where to where its tables stand, one behind the other.

    Raises:
        NotUnderstood: They stand apart, or are written in another way.
    """
    heads = [found.start() for found in head_pattern(table, name).finditer(text)]
    spans = [(start, end_of_table(text, start)) for start in heads]
    if not spans or any(text[one[1] : other[0]].strip() for one, other in pairwise(spans)):
        raise NotUnderstood(f'has no "{name}" that stands in tables of its own, one behind the other')
    return spans[0][0], spans[-1][1]


def head_pattern(table: str, name: str) -> re.Pattern[str]:
    """How the head of one of its tables is written."""
    keys = [rf"""(?:{one}|"{one}"|'{one}')""" for one in (table, name)]
    return re.compile(
        rf"(?:^|(?<={BYTE_ORDER_MARK}))[ \t]*\[{{1,2}}[ \t]*{keys[0]}[ \t]*\.[ \t]*{keys[1]}[ \t]*(?:\.[^\]\n]*)?\]",
        re.MULTILINE,
    )


def end_of_table(text: str, start: int) -> int:
    """Where a table ends: before the comments of the next one."""
    head = text.find("[", start)
    found = NEXT_TABLE.search(text, text.find("\n", head) + 1 or len(text))
    if not found:
        return len(text)
    behind = OF_WHAT_FOLLOWS.search(text, head, found.start())
    return behind.start() if behind else found.start()


def block_of(path: str, entry: Mapping[str, object]) -> str:
    """An entry as tables, those within it last."""
    plain = [f"{key_in_toml(key)} = {in_toml(value)}\n" for key, value in entry.items() if not isinstance(value, dict)]
    inner = [block_of(f"{path}.{key}", value) for key, value in entry.items() if isinstance(value, dict) and value]
    return "\n".join((f"[{path}]\n{''.join(plain)}", *inner))


def key_in_toml(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if BARE.fullmatch(key) else in_toml(key)


def in_toml(value: object) -> str:
    """A text, a number, a switch or a list of them: as in JSON, but for one character that TOML has only escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
