"""What a webhook brings, read: a filled-in form as it is documented, an order by what it calls itself, or nothing that is known."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

CONTACT = "contact"
# Documented is `contact` alone, and that others may follow. What speaks of buying is an order.
ORDERS = frozenset({"order", "orders", "ordered", "cart", "checkout", "purchase", "shopping", "shop"})
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
PLAIN_HASH = re.compile(r"[A-Za-z0-9_-]{0,64}")
"""Of a flipbook, or nothing: an order may not name one."""
AROUND_THE_FIELDS = ("type", "timestamp", "datetime", "flipbook_hash", "flipbook_title", "data")
LONGEST_KIND, LONGEST_MOMENT, LONGEST_TITLE = 40, 64, 300
MOST_FIELDS, LONGEST_PATH, LONGEST_VALUE = 200, 200, 10_000
DEEPEST = 8
"""So deep are the fields of an order told apart; what lies deeper is one field."""
MOST_CHARACTERS = 50_000
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
    if not isinstance(body, dict):
        return None
    told = cast("dict[str, Any]", body)
    kind, data, named = told.get("type"), told.get("data"), told.get("flipbook_hash", "")
    if not (isinstance(kind, str) and isinstance(named, str) and PLAIN_HASH.fullmatch(named)):
        return None
    if kind.casefold() == CONTACT:
        kind, parts = CONTACT, data
    elif is_order(kind):
        beside = {name: part for name, part in told.items() if name not in AROUND_THE_FIELDS}
        parts = {**beside, **cast("dict[str, Any]", data)} if isinstance(data, dict) else {**beside, "data": data or {}}
    else:
        return None
    fields = fields_in(cast("dict[str, Any]", parts)) if isinstance(parts, dict) else {}
    if not fields:
        return None
    title = text_of(told.get("flipbook_title"), LONGEST_TITLE)
    return Lead(kind, received, moment_in(told), named, title, fields)


def is_order(kind: str) -> bool:
    """Whether a type speaks of an order: `order`, `order.created`, `shoppingCart`."""
    return len(kind) <= LONGEST_KIND and any(word.lower() in ORDERS for word in WORDS.findall(kind))


def moment_in(told: Mapping[str, Any]) -> str:
    """When the webhook says that it was filled in: the date and time it writes, or else its number."""
    return text_of(told.get("datetime"), LONGEST_MOMENT) or text_of(told.get("timestamp"), LONGEST_MOMENT)


def fields_in(parts: dict[str, Any]) -> dict[str, str]:
    """Every value by its path, as long and as many as one lead may have."""
    left, fields = MOST_CHARACTERS, dict[str, str]()
    for path, value in islice(leaves(parts), MOST_FIELDS):
        name, text = text_of(path, LONGEST_PATH), text_of(value, min(LONGEST_VALUE, left))
        left -= min(left, len(name) + len(text))
        fields[f"{name} #{len(fields) + 1}" if name in fields else name] = text  # `a.b` may be one name, or two
    return fields


def leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """What lies at the ends of a value, each with the way there."""
    inside = parts_of(value) if depth < DEEPEST else None
    if inside is None:
        yield path, value
        return
    for name, part in inside:
        yield from leaves(part, f"{path}.{name}" if path else name, depth + 1)


def parts_of(value: object) -> Iterator[tuple[str, object]] | None:
    """The named or numbered parts of a value; None where it has none."""
    if isinstance(value, dict):
        return ((str(name), part) for name, part in cast("dict[str, object]", value).items())
    if isinstance(value, list):
        return ((str(number), part) for number, part in enumerate(cast("list[object]", value)))
    return None


def text_of(value: object, longest: int) -> str:
    """A value as text, whole characters of it and no more than so many. What is no text is written as JSON writes it."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    whole = text[: longest + 1].encode(errors="replace").decode()
    return whole if len(whole) <= longest else f"{whole[: max(longest - 1, 0)]}…"[:longest]


def digest_of(body: object) -> str:
    """By what a repetition is known: the same body gives the same, in whatever order it names its parts."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
