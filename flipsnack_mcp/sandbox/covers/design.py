"""The design of a cover: colours, a shape and the title, written as a PNG by the standard library alone.

Sandbox's own choice: all of it. The documentation says only that there is a thumbnail of page 1.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
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
_Shape: TypeAlias = Callable[[int, int, int], bool]
"""Whether the pixel at a place belongs to it, for a cover of this number."""
_SHAPES: Final[tuple[_Shape, ...]] = (
    lambda x, y, own: (x - 60 - own % 120) ** 2 + (y - 230) ** 2 < (60 + own % 30) ** 2,
    lambda x, y, own: y > 300 - (own % 90) - x // 2,
    lambda x, y, own: 190 < y < 290 and (x + own) % 48 < 24,
    lambda x, y, own: abs(x - 120) + abs(y - 235) < 50 + own % 40,
    lambda x, y, own: y > 180 and (x // 40 + y // 40 + own) % 2 == 0,
    lambda x, y, own: y > 200 and (y + x // 4 + own) % 30 < 12,
)


@lru_cache(256)
def cover_picture(collection_hash: str, title: str) -> bytes:
    """Draw the cover of a collection: its colours and shape follow from the hash, its words are the title's."""
    own = int.from_bytes(sha256(f"{collection_hash} {title}".encode()).digest()[:8])
    colours, shape = _COLOURS[own % len(_COLOURS)], _SHAPES[own // 16 % len(_SHAPES)]
    rows = [row for y in range(0, _HEIGHT, 2) for row in _two_rows(y, shape, own // 128)]
    for x, y in _lettering(title):
        rows[y][x] = _INK
    return _png(rows, bytes.fromhex(colours))


def _two_rows(y: int, shape: _Shape, own: int) -> tuple[bytearray, bytearray]:
    """Draw the ground two pixels at a time, each way: a page of covers is wanted within a second."""
    row, every_second = bytearray(_WIDTH), bytes(_ground(x, y, shape, own) for x in range(0, _WIDTH, 2))
    row[::2] = row[1::2] = every_second
    return row, bytearray(row)


def _ground(x: int, y: int, shape: _Shape, own: int) -> int:
    if y < 10 or shape(x, y, own):
        return _ACCENT
    return _SHADE if y > 170 else _PAPER


def _lettering(title: str) -> Iterator[tuple[int, int]]:
    """Give the pixels of the title, as large as it has room in; what has none is left out."""
    size = next((one for one in _SIZES if _has_room(title, one)), _SIZES[-1])
    lines = lines_of(title, _letters(size))
    for number, line in enumerate(lines[: (_HEIGHT - _TOP) // (size * LINE)]):
        for x, y in dots_of(line):
            left, top = _MARGIN + x * size, _TOP + (number * LINE + y) * size
            yield from ((left + right, top + down) for right in range(size) for down in range(size))


def _has_room(title: str, size: int) -> bool:
    length = _letters(size)
    return longest_word(title) <= length and len(lines_of(title, length)) * size * LINE <= _LETTERED


def _letters(size: int) -> int:
    return (_WIDTH - 2 * _MARGIN) // (size * ADVANCE)


def _png(rows: list[bytearray], palette: bytes) -> bytes:
    """Write four colours, two bits a pixel."""
    packed = b"".join(b"\0" + bytes(map(_four, row[::4], row[1::4], row[2::4], row[3::4])) for row in rows)
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 2, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(packed, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _four(one: int, two: int, three: int, four: int) -> int:
    return one << 6 | two << 4 | three << 2 | four


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
