"""Letters of five by seven dots, and titles set in them."""

import unicodedata
from collections.abc import Iterator
from typing import Final

_COLUMNS: Final = """
A 7e1111117e B 7f49494936 C 3e41414122 D 7f4141221c E 7f49494941 F 7f09090901 G 3e4149497a H 7f0808087f I 00417f4100
J 2040413f01 K 7f08142241 L 7f40404040 M 7f020c027f N 7f0408107f O 3e4141413e P 7f09090906 Q 3e4151215e R 7f09192946
S 4649494931 T 01017f0101 U 3f4040403f V 1f2040201f W 3f4038403f X 6314081463 Y 0708700807 Z 6151494543
0 3e5149453e 1 00427f4000 2 4261514946 3 2141454b31 4 1814127f10 5 2745454539 6 3c4a494930 7 0171090503 8 3649494936
9 064949291e & 3649552250 - 0808080808 . 0060600000 , 0050300000 ! 00005f0000 ' 0005030000 / 2010080402 : 0036360000
( 001c224100 ) 0041221c00 + 08083e0808 % 2313086462 ? 0201510906
"""
_FONT: Final = {sign: bytes.fromhex(dots) for sign, dots in zip(*[iter(_COLUMNS.split())] * 2, strict=True)}
_BLOCK: Final = bytes.fromhex("003e3e3e00")
"""A letter of another script."""
ADVANCE, LINE = 6, 10
"""From one letter, and from one line, to the next: in dots."""


def lines_of(title: str, length: int) -> list[str]:
    """Break a title into lines of so many letters at most; a longer word is broken too."""
    lines = [""]
    for word in _plain(title).split():
        for piece in (word[at : at + length] for at in range(0, len(word), length)):
            joined = f"{lines[-1]} {piece}".strip()
            if len(joined) <= length:
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines


def longest_word(title: str) -> int:
    """Tell how many letters a line must have so that no word is broken."""
    return max(map(len, _plain(title).split()), default=0)


def dots_of(line: str) -> Iterator[tuple[int, int]]:
    """Give the dots of a line, as places right of and below its beginning."""
    for place, sign in enumerate(line):
        columns = bytes(5) if sign == " " else _FONT.get(sign, _BLOCK)
        for x, column in enumerate(columns):
            yield from ((place * ADVANCE + x, y) for y in range(7) if column >> y & 1)


def _plain(title: str) -> str:
    """Write without accents, in capitals, dashes as hyphens."""
    apart = unicodedata.normalize("NFKD", title).replace("\N{EN DASH}", "-").upper()
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
