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

# A spreadsheet takes such a text for a formula, also the full-width forms: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
MARKUP = re.compile(r"[\\`*_{}\[\]()#+!|~:@]")


def as_csv(head: Row, rows: Iterable[Row]) -> bytes:
    """Returns RFC 4180 in UTF-8, with the mark without which Excel reads another alphabet."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows([escape_for_csv(one) for one in row] for row in (head, *rows))
    return written.getvalue().encode("utf-8-sig")


def escape_for_csv(cell: Cell) -> Cell:
    """Returns a cell that no spreadsheet calculates: a leading apostrophe makes it text."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell.lstrip(" ")) else cell


def as_markdown(title: str, head: Row, rows: Iterable[Row]) -> bytes:
    """Returns a heading and a table; every text in it reads as it is written."""
    table = [head, ["---"] * len(head), *([escape_for_markdown(one) for one in row] for row in rows)]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in table]
    return "\n".join([f"# {title}", "", *lines, ""]).encode()


def escape_for_markdown(cell: Cell) -> str:
    """Returns a cell without markup: no links, pictures or HTML, and no end of the cell."""
    text = " ".join(str("" if cell is None else cell).split())
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKUP.sub(r"\\\g<0>", named) if isinstance(cell, str) else named


async def save_table(content: bytes, folder: Path, title: str, extension: str) -> Path:
    """Saves a file as `Title.csv`, or under the next free number; nothing is left where anything goes wrong.

    Raises:
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    async with partial_file(folder) as file:
        await run_sync(file.write, content)
        return await run_sync(file.publish, safe_name(title, "report"), extension)
