"""The believable account that a sandbox starts with: a shop for house and garden, and its printed matter."""

from dataclasses import dataclass
from typing import Final

from flipsnack_mcp.sandbox.account import Account, Item
from flipsnack_mcp.sandbox.dates import DAY


@dataclass(frozen=True)
class Print:
    """One collection of the account; `age` in days."""

    title: str
    age: int
    pages: int
    description: str = ""
    status: str = "public"
    conversion: str = "complete"


_OFFERS = "Offers of the week, in all stores and online."
_MAGAZINE = "Stories, recipes and ideas from our readers and makers."

SHELF: Final = (
    Print("Weekly offers, Week 38", 3, 16, _OFFERS),
    Print("Weekly offers, Week 37", 10, 16, _OFFERS),
    Print("Weekly offers, Week 36", 17, 20, _OFFERS),
    Print("Weekly offers, Week 35", 24, 16, _OFFERS),
    Print("Weekly offers, Week 34", 31, 12, _OFFERS),
    Print("Weekly offers, Week 33", 38, 16, _OFFERS),
    Print("Autumn catalogue 2026", 21, 96, "Wool, lamps and everything for long evenings."),
    Print("Summer catalogue 2026", 112, 88, "Outdoor furniture, grills and linen."),
    Print("Spring catalogue 2026", 205, 104, "New season, new colours: 104 pages for house and garden."),
    Print("Winter catalogue 2025", 296, 92, "Candles, gifts and warm blankets."),
    Print("Été & jardin \N{EN DASH} catalogue 2026", 118, 72, "Tout pour le jardin, la terrasse et le balcon."),
    Print("Katalog Küche & Bad 2026", 150, 64, "Armaturen, Fliesen, Möbel: alles für Küche und Bad."),
    Print("Hearth & Field Magazine, Issue 12", 45, 48, _MAGAZINE),
    Print("Hearth & Field Magazine, Issue 11", 137, 48, _MAGAZINE),
    Print("Hearth & Field Magazine, Issue 10", 229, 44, _MAGAZINE),
    Print("Hearth & Field Magazine, Issue 9", 320, 44, _MAGAZINE),
    Print("Kitchen brochure", 88, 24, "Three kitchens, measured and priced."),
    Print("Kitchen brochure", 402, 20, "Last year's edition."),
    Print("Store opening Leeds", 260, 4, "Come and see us on the first Saturday of the month."),
    Print("Annual report 2025", 190, 68, "Figures, people, outlook.", status="unlisted"),
    Print("Price list for partners 2026", 66, 32, "For resellers only.", status="unlisted"),
    Print("Press kit", 340, 18, "Logos, portraits, facts.", status="unlisted"),
    Print("Weekly offers, Week 39", 1, 16, _OFFERS, status="editable"),
    Print(
        "Christmas catalogue 2026 (proof 2)", 5, 110, "Proof for the photo team, prices not final.", status="editable"
    ),
    Print("Delivery notes scan", 52, 0, status="editable", conversion="failed"),
    Print("", 12, 8, "A leaflet without a title.", status="editable"),
)


def seed(account: Account, now: float) -> None:
    """Fill an account. Only the dates depend on the clock; hashes and numbers are the same in every run."""
    for index, one in enumerate(SHELF):
        # Nobody uploads everything at the same minute of the day.
        created = now - one.age * DAY - (index * 1847) % 20_000
        collection = account.add(
            title=one.title,
            status=one.status,
            pages=one.pages,
            description=one.description,
            created_at=created,
            conversion=one.conversion,
        )
        if collection.published_at is not None:
            collection.published_at = created + 600 + index * 37
    _second_flipbook(account, "Summer catalogue 2026")


def _second_flipbook(account: Account, title: str) -> None:
    """Give one collection a second flipbook, as collections could have in the days of flipbook.add."""
    collection = next(one for one in account.collections.values() if one.title == title)
    collection.items.append(Item(account.new_item_hash(), "Summer prices", 8, collection.created_at + 60))
