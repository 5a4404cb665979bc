"""Makes a picture anew, small and with nothing but its pixels: a program of its own, started by `pictures`.

Its verdict is the MIME type of the picture that it gives before, or "large", "none" or "unknown".
"""

import io
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from flipsnack_mcp.files.apart.inside import answer_about

MOST_PIXELS = 25_000_000
MOST_PICTURE_BYTES = 200_000
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")  # no other decoder is asked
SIDES = (800, 640, 480, 320, 160)
"""Pixels of the longer side: the first with which the picture is small enough is taken."""
QUALITIES = (85, 70, 50)


def make_anew(file: BinaryIO) -> tuple[str, bytes]:
    """Returns the MIME type of the new picture and the picture, or why there is none."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - in this process only

    Image.MAX_IMAGE_PIXELS = None  # the limit here is lower, and asked before anything is decoded
    try:
        image: Any = Image.open(file, formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            return "large", b""
        few_colours = image.mode in {"1", "P"}
        image.draft("RGB", (SIDES[0], SIDES[0]))  # of a large JPEG no more is decoded than is needed
        return first_small_enough(only_pixels(ImageOps.exif_transpose(image)), few_colours=few_colours)
    except MemoryError:
        return "unknown", b""  # says something about Pillow, not about the picture
    except Exception:  # noqa: BLE001 - what is no picture raises whatever it likes
        return "none", b""


def only_pixels(image: Any) -> Any:
    """The picture on white paper: what it carried besides stays behind, and would be written out otherwise."""
    from PIL import Image  # noqa: PLC0415

    paper = Image.new("RGB", image.size, "white")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        paper.paste(seen, mask=seen.getchannel("A"))
    else:
        paper.paste(image.convert("RGB"))
    return paper


def first_small_enough(image: Any, *, few_colours: bool) -> tuple[str, bytes]:
    """The largest and best of its copies that may be given."""
    copies = (
        (kind, made) for kind, made in copies_of(image, few_colours=few_colours) if len(made) <= MOST_PICTURE_BYTES
    )
    return next(copies, ("none", b""))


def copies_of(image: Any, *, few_colours: bool) -> Iterator[tuple[str, bytes]]:
    """The picture in ever smaller sizes; one of few colours, which JPEG would smear, first as PNG."""
    for side in SIDES:
        image.thumbnail((side, side))
        if few_colours and side == SIDES[0]:
            yield "image/png", written(image, "PNG")
        for quality in QUALITIES:
            yield "image/jpeg", written(image, "JPEG", quality=quality)


def written(image: Any, kind: str, **how: Any) -> bytes:
    """The bytes of a picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


if __name__ == "__main__":
    answer_about(make_anew, *sys.argv[1:])
