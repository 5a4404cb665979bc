"""Makes the icon that hosts show: `pip install pillow && python packaging/make_icon.py`. The drawing is the server's own, an open book.

Run by hand when it should look different; the result is in every bundle.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

TARGET = Path(__file__).with_name("icon.png")
SIDE, FINER = 512, 4
"""Drawn four times as large and made smaller, which smooths its edges."""
BLUE, WHITE = (3, 98, 252, 255), (255, 255, 255, 255)
UNITS = 48
"""Of the drawing, as in the one that a server sends (`flipsnack_mcp/server/instructions.py`)."""
EDGE = ((10, 12), (14, 11.4), (19.5, 12.2), (24, 15))
"""The upper edge of the left page."""
DOWN = 22


def page(*, mirrored: bool) -> list[tuple[float, float]]:
    upper = [(UNITS - x if mirrored else x, y) for x, y in smooth(EDGE)]
    return [*upper, *((x, y + DOWN) for x, y in reversed(upper))]


def smooth(edge: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """A Bézier curve through its ends."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = edge
    steps = [step / 40 for step in range(41)]
    return [
        (
            (1 - t) ** 3 * ax + 3 * (1 - t) ** 2 * t * bx + 3 * (1 - t) * t**2 * cx + t**3 * dx,
            (1 - t) ** 3 * ay + 3 * (1 - t) ** 2 * t * by + 3 * (1 - t) * t**2 * cy + t**3 * dy,
        )
        for t in steps
    ]


def main() -> None:
    large = SIDE * FINER
    scale = large / UNITS
    icon = Image.new("RGBA", (large, large), (0, 0, 0, 0))
    drawn = ImageDraw.Draw(icon)
    drawn.rounded_rectangle((0, 0, large - 1, large - 1), radius=10 * scale, fill=BLUE)
    for mirrored in (False, True):
        drawn.polygon([(x * scale, y * scale) for x, y in page(mirrored=mirrored)], fill=WHITE)
    drawn.line((24 * scale, 15 * scale, 24 * scale, 37 * scale), fill=BLUE, width=round(1.5 * scale))
    icon.resize((SIDE, SIDE), Image.Resampling.LANCZOS).quantize(64).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
