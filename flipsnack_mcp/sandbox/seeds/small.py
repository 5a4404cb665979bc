"""The small account: a shop for house and garden, and its printed matter."""

from typing import Final

from flipsnack_mcp.sandbox.seeds.prints import Print

OFFERS: Final = "Offers of the week, in all stores and online."
_MAGAZINE: Final = "Stories, recipes and ideas from our readers and makers."

SMALL: Final = (
    Print("Weekly offers, Week 38", 3, 16, OFFERS),
    Print("Weekly offers, Week 37", 10, 16, OFFERS),
    Print("Weekly offers, Week 36", 17, 20, OFFERS),
    Print("Weekly offers, Week 35", 24, 16, OFFERS),
    Print("Weekly offers, Week 34", 31, 12, OFFERS),
    Print("Weekly offers, Week 33", 38, 16, OFFERS),
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
    Print("Weekly offers, Week 39", 1, 16, OFFERS, status="editable"),
    Print(
        "Christmas catalogue 2026 (proof 2)", 5, 110, "Proof for the photo team, prices not final.", status="editable"
    ),
    Print("Delivery notes scan", 52, 0, status="editable", conversion="failed"),
    Print("", 12, 8, "A leaflet without a title.", status="editable"),
)
