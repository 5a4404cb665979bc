"""Small transactions that several tests run."""

from collections.abc import Callable
from typing import TypedDict, TypeGuard

from flipsnack_mcp.store.records import Body, Records


def count(records: Records) -> int:
    number: int = (records.get("counter", "one") or {"n": 0})["n"]
    return number


def increment(records: Records) -> int:
    records.put("counter", "one", {"n": count(records) + 1})
    return count(records)


def change_pair(records: Records) -> None:
    """Keep two records equal, with a body that takes several pages of the file."""
    number = (records.get("pair", "left") or {"n": 0})["n"] + 1
    for name in ("left", "right"):
        records.put("pair", name, {"n": number, "padding": "p" * 9000})


def pair(records: Records) -> tuple[Body | None, Body | None]:
    return records.get("pair", "left"), records.get("pair", "right")


def putting(name: str, *, keep: float | None = None) -> Callable[[Records], None]:
    return lambda records: records.put("upload", name, {}, keep=keep)


class Tally(TypedDict):
    n: int


def is_tally(found: object) -> TypeGuard[Tally]:
    return isinstance(found, dict) and isinstance(found.get("n"), int)


def add_one(tally: Tally, _: float) -> int:
    tally["n"] += 1
    return tally["n"]
