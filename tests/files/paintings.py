"""Pictures that are harmless, and pictures that are made to do harm."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

CANARY = b"CANARY-in-metadata"


def painted(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (300, 400), **how: Any) -> bytes:
    """A picture of one colour."""
    return saved(Image.new(mode, size, 1 if mode in {"1", "P", "I;16"} else None), kind, **how)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def grains(count: int) -> bytes:
    """Always the same ones: of others one in thirty large pictures has some word in its bytes."""
    return random.Random(count).randbytes(count)  # noqa: S311 - no secret


def noise(side: int) -> Image.Image:
    """What cannot be compressed."""
    return Image.frombytes("RGB", (side, side), grains(side * side * 3))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, packed: bytes, before: bytes = b"") -> bytes:
    """A PNG in grey that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bomb(width: int, height: int) -> bytes:
    """So many pixels, all of them there, in a few kilobytes."""
    packing = zlib.compressobj(1)
    return png(width, height, b"".join(packing.compress(bytes(width + 1)) for _ in range(height)) + packing.flush())


def packed_text(megabytes: int) -> bytes:
    """A PNG with a text beside its pixels that unpacks to so much."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(megabytes * 1024**2), 1))
    return png(8, 8, zlib.compress(bytes(9 * 8)), text)


def animated(frames: int) -> bytes:
    """A GIF of so many frames."""
    one = saved(Image.new("P", (64, 64)), "GIF")
    head, frame = one[: one.index(b",")], one[one.index(b",") : -1]
    return head + frame * frames + b";"


def many_frames(kind: str) -> bytes:
    """A picture that moves."""
    more = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in range(1, 50)]
    return saved(Image.new("RGB", (64, 64)), kind, save_all=True, append_images=more)


def with_everything(kind: str) -> bytes:
    """A picture that carries all there is besides pixels."""
    image = Image.effect_noise((300, 400), 20).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + CANARY
    if kind == "PNG":
        info = PngInfo()
        info.add_text("Comment", CANARY.decode())
        info.add_itxt("XML:com.adobe.xmp", CANARY.decode())
        return saved(image, "PNG", pnginfo=info, exif=exif, icc_profile=profile)
    more = {"comment": CANARY} if kind == "JPEG" else {}
    return saved(image, kind, exif=exif, icc_profile=profile, xmp=CANARY, **more)
