"""What readers send in: contact forms as they are documented, orders, and what nobody has documented yet."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flipsnack_mcp.sandbox.account import Account, Collection
from flipsnack_mcp.sandbox.dates import moment

_FIRST: Final = ("Ada", "Björn", "Chloé", "Dana", "Emre", "Fiona", "Grzegorz")
_LAST: Final = ("Example", "O'Hara", "Ångström", "van der Berg", "Núñez")
_WISHES: Final = (
    "Please send me the printed catalogue.",
    'Is the lamp on page 12 still to be had?\nCall me "today", if you can.',
    "",
    "Können Sie auch 40 m² liefern?",
)


def lead(kind: str, number: int, account: Account, now: float) -> dict[str, Any]:
    """Make up what the reader with this number sends in; the same number is the same reader."""
    published = [one for one in account.collections.values() if one.status != "editable"]
    place = number % len(published) if published else 0
    type_, data = KINDS[kind](number, place)
    return envelope(type_, published[place] if published else None, now, data)


def envelope(type_: str, collection: Collection | None, now: float, data: object) -> dict[str, Any]:
    """Write the documented attributes.

    Sandbox's own choice: seconds for the timestamp, ISO for the moment, and the hash of the collection, since that is
    the one that can be used with the API.
    """
    return {
        "type": type_,
        "timestamp": int(now),
        "datetime": moment(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "flipbook_hash": collection.hash if collection else "d3m0h45h",
        "flipbook_title": collection.title if collection else "Sample flipbook",
        "data": data,
    }


def _contact(number: int, place: int) -> tuple[str, Any]:
    # Documented: names of fields are those of the form, and every value is text. Each flipbook has one form.
    names = _FORMS[place % len(_FORMS)]
    return "contact", dict(zip(names, (_name(number), _email(number), _phone(number), _wish(number)), strict=True))


_FORMS: Final[Sequence[Sequence[str]]] = (
    ("Name", "Email", "Phone", "Message"),
    ("Vor- und Nachname", "E-Mail-Adresse", "Telefon (optional)", "Ihre Nachricht"),
    ("your_name", "your_email", "mobile", "What are you looking for?"),
)


def _order(number: int, _place: int) -> tuple[str, Any]:
    # Sandbox's own choice: all of it. Of orders it is only known that they have items, article numbers and a total.
    rows = range(1, 2 + number % 3)
    items = [{"sku": f"HF-{row}", "name": f"Lamp no. {row}", "quantity": row, "price": "12.50"} for row in rows]
    buyer = {"name": _name(number), "email": _email(number), "phone": _phone(number)}
    return "order", {"customer": buyer, "items": items, "total": f"{12.5 * sum(rows):.2f}", "currency": "EUR"}


def _survey(number: int, _place: int) -> tuple[str, Any]:
    # Documented: other types may come later. Sandbox's own choice: this one.
    return "survey", {"Email": _email(number), "stars": 1 + number % 5}


def _shapeless(number: int, _place: int) -> tuple[str, Any]:
    # Sandbox's own choice: a list where the fields should be.
    return "contact", [_name(number), {"answer": [_email(number), None, 1.5]}]


KINDS: Final[Mapping[str, Callable[[int, int], tuple[str, Any]]]] = {
    "contact": _contact,
    "order": _order,
    "survey": _survey,
    "shapeless": _shapeless,
}
"""By the name that a test asks for: type and data, of the reader's number and the flipbook's place."""


def _name(number: int) -> str:
    return f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}"


def _email(number: int) -> str:
    return f"reader-{number}@example.com"


def _phone(number: int) -> str:
    return f"+44 20 7946 {number % 10_000:04}" if number % 4 else ""


def _wish(number: int) -> str:
    return _WISHES[number % len(_WISHES)]
