"""What a webhook brings, read: a filled-in form as it is documented, an order by what it calls itself, or nothing that is known."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from flipsnack_mcp.text import words_of_name

CONTACT = "contact"
UNKNOWN = "unknown"
"""What is counted where a body is no lead as far as anybody knows, and nothing of it is kept."""
# Documented is `contact` alone, and that others may follow. What speaks of buying is an order.
ORDERS = frozenset({"order", "orders", "ordered", "cart", "checkout", "purchase", "shopping", "shop"})
PLAIN_KIND = re.compile(r"[A-Za-z0-9 ._/:-]{1,40}")
"""It is counted, and so kept for longer than anything that a person could have written."""
LONGEST_HASH = 64
PLAIN_HASH = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_HASH}}}")
"""It is counted as well."""
AROUND_THE_FIELDS = ("type", "timestamp", "datetime", "flipbook_hash", "flipbook_title", "data")
LONGEST_MOMENT, LONGEST_FLIPBOOK_TITLE = 64, 300
MOST_FIELDS, LONGEST_FIELD_NAME, LONGEST_ANSWER = 200, 200, 10_000
DEEPEST_FIELD = 8
"""So deep are the fields of an order told apart; what lies deeper is one field."""
LONGEST_WAY_BACK = 320
HALF_AN_ADDRESS = re.compile(r"[^\s<>\"(),;:]*(?:@|\uff20|%40)[^\s<>\"(),;:]*\Z")
MOST_OF_A_LEAD = 50_000
"""Of all fields of a lead together: what is longer is cut."""


@dataclass(frozen=True)
class Lead:
    """What one person filled in or ordered. All of it is other people's text."""

    kind: str
    """What the webhook calls it: `contact`, or that of an order."""
    received: float
    """When it came here, by the clock on the wall."""
    submitted: str
    """The webhook's own moment, as it says it."""
    flipbook_hash: str
    flipbook_title: str
    fields: Mapping[str, str]
    """What was filled in, by the name of its field; in an order by its path."""


def lead_of(body: object, received: float) -> Lead | None:
    """Read what a webhook brought; None where its type or its shape is not known."""
    told = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    kind, named = told.get("type"), told.get("flipbook_hash")
    if not isinstance(kind, str) or isinstance(named, dict | list | bool):
        return None
    parts = parts_told(kind, told)
    fields = fields_in(cast("dict[str, Any]", parts)) if isinstance(parts, dict) else {}
    if not fields:
        return None
    kind = CONTACT if kind.casefold() == CONTACT else kind
    title = written_out(told.get("flipbook_title"), LONGEST_FLIPBOOK_TITLE)
    return Lead(kind, received, moment_in(told), hash_in(named), title, fields)


def hash_in(named: object) -> str:
    """The hash of a flipbook; of what cannot be one nothing is kept, and the lead is of no flipbook that is known."""
    text = written_out(named, LONGEST_HASH + 1)
    return text if PLAIN_HASH.fullmatch(text) else ""


def parts_told(kind: str, told: Mapping[str, Any]) -> object:
    """What was filled in: below `data` in a form, there and beside it in an order; of another type nothing is known."""
    data = told.get("data")
    if kind.casefold() == CONTACT:
        return data
    if not is_order(kind):
        return None
    beside = {name: part for name, part in told.items() if name not in AROUND_THE_FIELDS}
    below = cast("dict[str, Any]", data) if isinstance(data, dict) else {"data": data} if data else {}
    return {**beside, **below}


def is_order(kind: str) -> bool:
    """Whether a type speaks of an order: `order`, `order.created`, `shoppingCart`."""
    return bool(PLAIN_KIND.fullmatch(kind)) and not ORDERS.isdisjoint(words_of_name(kind))


def moment_in(told: Mapping[str, Any]) -> str:
    """When the webhook says that it was filled in: the date and time it writes, or else its number."""
    return written_out(told.get("datetime"), LONGEST_MOMENT) or written_out(told.get("timestamp"), LONGEST_MOMENT)


def fields_in(parts: dict[str, Any]) -> dict[str, str]:
    """Every value by its path, as long and as many as one lead may have."""
    left, fields = MOST_OF_A_LEAD, dict[str, str]()
    for path, value in islice(ends_of(parts), MOST_FIELDS):
        name, text = written_out(path, LONGEST_FIELD_NAME), written_out(value, min(LONGEST_ANSWER, left))
        left -= min(left, len(name) + len(text))
        fields[f"{name} #{len(fields) + 1}" if name in fields else name] = text  # `a.b` may be one name, or two
    return fields


def ends_of(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """What lies at the ends of a value, each with the way there."""
    inside = parts_of(value) if depth < DEEPEST_FIELD else None
    if inside is None:
        yield path, value
        return
    for name, part in inside:
        yield from ends_of(part, f"{path}.{name}" if path else name, depth + 1)


def parts_of(value: object) -> Iterator[tuple[str, object]] | None:
    """The named or numbered parts of a value; None where it has none."""
    if isinstance(value, dict):
        return ((str(name), part) for name, part in cast("dict[str, object]", value).items())
    if isinstance(value, list):
        return ((str(number), part) for number, part in enumerate(cast("list[object]", value)))
    return None


def written_out(value: object, longest: int) -> str:
    """A value as text, whole characters of it and no more than so many. What is no text is written as JSON writes it."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    whole = text[: longest + 1].encode(errors="replace").decode()
    return whole if len(whole) <= longest else f"{without_half_an_address(whole[: max(longest - 1, 0)])}…"[:longest]


def without_half_an_address(cut: str) -> str:
    """A text that is cut, and not within an e-mail address: of half of one nobody would know whom to erase it for."""
    return cut[:-LONGEST_WAY_BACK] + HALF_AN_ADDRESS.sub("", cut[-LONGEST_WAY_BACK:])


def digest_of(body: object) -> str:
    """By what a repetition is known: the same body gives the same, in whatever order it names its parts."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
