"""The design of a cover: colours, a shape and the title, written as a PNG by the standard library alone.

Sandbox's own choice: all of it. The documentation says only that there is a thumbnail of page 1.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from math import isqrt
from typing import Final, TypeAlias

from flipsnack_mcp.sandbox.covers.lettering import ADVANCE, LINE, dots_of, lines_of, longest_word

_WIDTH, _HEIGHT, _MARGIN, _TOP = 240, 320, 18, 28
_SIZES: Final = (5, 4, 3, 2)
"""Pixels of a dot of a letter: the largest that the title has room in is taken."""
_LETTERED: Final = 125
"""So many pixels from the top may be taken by letters, where there is a smaller size."""
_PAPER, _SHADE, _ACCENT, _INK = range(4)
_COLOURS: Final = (
    "f4ede1 e3d3b8 c4552d 2b2118", "1f3a4d 2c5069 f2b441 ffffff", "e8f0ea c3d8ca 2f7a56 173425", "fbf7f0 f0dcd4 b23a5b 37121e",
    "2d2a32 46424e ddd92a fafdf6", "eef3fb cad8f0 2f5bb7 14233f", "7a2e2e 944040 f0c987 fff6e6", "fff9e0 f7e4a1 e07a1f 3d2b0c",
    "113c36 1b564d 8fd3b6 f3fff9", "f2eef8 d8cbea 6b3fa0 281440", "ffffff e4e7ea d7263d 1b1f23", "30435c 42597a 9cc3e6 fdfefe",
)  # fmt: skip
_Shape: TypeAlias = Callable[[int, int], Iterable[tuple[int, int]]]
"""From where to where it reaches in a row, for a cover of this number."""
_SHAPES: Final[tuple[_Shape, ...]] = (
    lambda y, own: _around(60 + own % 120, isqrt(max((60 + own % 30) ** 2 - (y - 230) ** 2, 0))),
    lambda y, own: ((2 * (300 - own % 90 - y), _WIDTH),),
    lambda y, own: ((x - own % 48, x + 24 - own % 48) for x in range(0, _WIDTH + 48, 48) if 190 < y < 290),
    lambda y, own: _around(120, 50 + own % 40 - abs(y - 235)),
    lambda y, own: ((x, x + 40) for x in range((y // 40 + own) % 2 * 40, _WIDTH, 80) if y > 180),
    lambda y, own: ((0, _WIDTH) for _ in range(y > 200 and (y + own) % 30 < 12)),
)


def _around(middle: int, half: int) -> Iterable[tuple[int, int]]:
    """Give what reaches so far to both sides."""
    return ((middle - half, middle + half),) if half > 0 else ()


@lru_cache(256)
def cover_picture(collection_hash: str, title: str) -> bytes:
    """Draw the cover of a collection: its colours and shape follow from the hash, its words are the title's."""
    own = int.from_bytes(sha256(f"{collection_hash} {title}".encode()).digest()[:8])
    colours, shape = _COLOURS[own % len(_COLOURS)], _SHAPES[own // 16 % len(_SHAPES)]
    rows = [_row(y, shape(y, own // 128)) for y in range(_HEIGHT)]
    for x, y, size in _lettering(title):
        rows[y][x : x + size] = bytes([_INK]) * size
    return _png(rows, bytes.fromhex(colours))


def _row(y: int, reaches: Iterable[tuple[int, int]]) -> bytearray:
    row = bytearray([_ACCENT if y < 10 else _SHADE if y > 170 else _PAPER]) * _WIDTH
    for start, end in reaches:
        left = max(start, 0)
        right = max(left, min(end, _WIDTH))
        row[left:right] = bytes([_ACCENT]) * (right - left)
    return row


def _lettering(title: str) -> Iterator[tuple[int, int, int]]:
    """Give the strokes of the title, as large as it has room in: where each begins, and how long it is."""
    size = next((one for one in _SIZES if _has_room(title, one)), _SIZES[-1])
    lines = lines_of(title, _letters(size))
    for number, line in enumerate(lines[: (_HEIGHT - _TOP) // (size * LINE)]):
        for x, y in dots_of(line):
            left, top = _MARGIN + x * size, _TOP + (number * LINE + y) * size
            yield from ((left, top + down, size) for down in range(size))


def _has_room(title: str, size: int) -> bool:
    length = _letters(size)
    return longest_word(title) <= length and len(lines_of(title, length)) * size * LINE <= _LETTERED


def _letters(size: int) -> int:
    return (_WIDTH - 2 * _MARGIN) // (size * ADVANCE)


def _png(rows: list[bytearray], palette: bytes) -> bytes:
    """Write four colours, two bits a pixel."""
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 2, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(_packed(bytes(row)) for row in rows), 9)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


@lru_cache(256)
def _packed(row: bytes) -> bytes:
    """Put four pixels into a byte; most rows are like others."""
    fours = zip(row[0::4], row[1::4], row[2::4], row[3::4], strict=True)
    return b"\0" + bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in fours)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
