"""Tables as files: CSV for spreadsheets and Markdown, with nothing in them that acts."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from anyio.to_thread import run_sync

from flipsnack_mcp.files.names import safe_name
from flipsnack_mcp.files.partial_file import partial_file

Cell = str | int | float | None
Row = Sequence[Cell]

# What a program may drop before it looks for a formula: blanks, quotes, and what is not seen.
DROPPED = (
    r"\s\"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
# = + - @ and what a program may take for one: https://owasp.org/www-community/attacks/CSV_Injection
SIGNS = (
    r"=+\-@\u02d7\u058a\u05be\u1400\u1806\u207a-\u207c\u208a-\u208c\u2010-\u2015\u2043\u2212\u2795\u2796\u2e17\u2e1a"
    r"\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\ua78a\ufe31\ufe32\ufe58\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
    r"\U00010ead"
)
# A reader that separates otherwise, or knows no quotes, begins a cell inside a text as well.
CELL_THAT_ACTS = re.compile(
    rf"(\A|[,;\t|\r\n\x0b\x0c\x1c-\x1f\x85\u2028\u2029])(?=[{DROPPED}]*[{SIGNS}])|\A(?=[\t\r\n])"
)
MARKUP = re.compile(r"(?<=www)\.|[\\`*_{}\[\]()#+!|~:$]", re.IGNORECASE)
ROW_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")


def as_csv(head: Row, rows: Iterable[Row]) -> bytes:
    """Returns RFC 4180 in UTF-8, with the mark without which Excel reads another alphabet."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([escape_for_csv(one) for one in row] for row in (head, *rows))
    return written.getvalue().encode("utf-8-sig")


def escape_for_csv(cell: Cell) -> Cell:
    """Returns a cell that no spreadsheet calculates, whatever separates its cells: an apostrophe makes it text."""
    return CELL_THAT_ACTS.sub(r"\1'", cell) if isinstance(cell, str) else cell


def as_markdown(title: str, head: Row, rows: Iterable[Row], level: int = 1) -> bytes:
    """Returns a heading and a table; every text in it reads as it is written."""
    table = [head, ["---"] * len(head), *([escape_for_markdown(one) for one in row] for row in rows)]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in table]
    return "\n".join([f"{'#' * level} {title}", "", *lines, ""]).encode()


def escape_for_markdown(cell: Cell) -> str:
    """Returns a cell without markup: no links, pictures or HTML, and no end of the cell."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = ROW_BREAKS.sub(" ", cell).strip(" ")
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Addresses of mail are made to links after all escapes are read; only code stays as it is.
    return re.sub("@+", r"`\g<0>`", MARKUP.sub(r"\\\g<0>", named))


async def save_table(content: bytes, folder: Path, title: str, extension: str, *, for_owner: bool = False) -> Path:
    """Saves a file as `Title.csv`, or under the next free number; nothing is left where anything goes wrong.

    Raises:
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    async with partial_file(folder, for_owner=for_owner) as file:
        await run_sync(file.write, content)
        return await run_sync(file.publish, safe_name(title, "report"), extension)
