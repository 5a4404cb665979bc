"""Makes the PDF that the demo uploads: `pip install fpdf2 && python packaging/make_catalogue.py`.

Run by hand when the catalogue should look different; the result is shipped with the package.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

TARGET = Path(__file__).parents[1] / "flipsnack_mcp" / "commands" / "catalogue.pdf"
PAGES = (
    ("Garden & Table", "Autumn catalogue. Twelve pages of things for long evenings.", (34, 87, 122)),
    (
        "What is new",
        "Lanterns in three sizes, a folding bench of oak, and the blanket everybody asked for.",
        (56, 163, 165),
    ),
    ("Lanterns", "Small 19.90, medium 29.90, large 44.90. Powder-coated steel, glass on four sides.", (87, 204, 153)),
    (
        "The oak bench",
        "Folds flat, carries 240 kg, comes assembled. 189.00 in natural oak, 209.00 oiled.",
        (128, 237, 153),
    ),
    (
        "Blankets",
        "Wool from one farm, woven within 80 km of it. 130 x 180 cm, 79.00, in moss, slate and rust.",
        (199, 249, 204),
    ),
    (
        "Herbs in winter",
        "Five pots that live on a window sill: thyme, rosemary, sage, bay and winter savory.",
        (34, 87, 122),
    ),
    ("Planters", "Fired clay, frost-proof to minus 20 degrees. Sets of three from 59.00.", (56, 163, 165)),
    ("For the kitchen", "Boards of beech, knives that can be sharpened, and a pan for life.", (87, 204, 153)),
    ("Recipes", "Pumpkin with sage butter. Lentils with bay. Apple cake without a mixer.", (128, 237, 153)),
    ("Ask us", "Fifteen shops, open until seven. Or write: hello@garden-and-table.example", (199, 249, 204)),
    ("Delivery", "Three days for what fits in a parcel, ten for benches. Free above 100.00.", (34, 87, 122)),
    ("See you in spring", "The next catalogue comes in March, with the seeds.", (56, 163, 165)),
)


def main() -> None:
    pdf = FPDF(format=(148, 210))
    pdf.set_auto_page_break(auto=False)
    pdf.set_title("Garden & Table, autumn catalogue")
    pdf.set_creation_date(datetime(2026, 9, 1, tzinfo=UTC))
    for number, (heading, text, colour) in enumerate(PAGES, start=1):
        pdf.add_page()
        pdf.set_fill_color(*colour)
        pdf.rect(0, 0, 148, 70, style="F")
        pdf.set_font("Helvetica", "B", 26)
        pdf.set_xy(15, 80)
        pdf.cell(text=heading)
        pdf.set_font("Helvetica", size=14)
        pdf.set_xy(15, 98)
        pdf.multi_cell(118, 8, text)
        pdf.set_font("Helvetica", size=9)
        pdf.set_xy(15, 190)
        pdf.cell(text=f"page {number} of {len(PAGES)}")
    pdf.output(str(TARGET))


if __name__ == "__main__":
    main()
