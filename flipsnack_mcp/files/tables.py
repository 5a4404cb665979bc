"""Tables as files: CSV for spreadsheets and Markdown, with nothing in them that acts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from anyio import CancelScope
from anyio.to_thread import run_sync

from flipsnack_mcp.files.drafts import Draft
from flipsnack_mcp.files.names import safe_name

Cell = str | int | float | None
Row = Sequence[Cell]

# A spreadsheet takes such a text for a formula, also the full-width forms: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+!|~:@]")


def as_csv(head: Row, rows: Iterable[Row]) -> bytes:
    """RFC 4180 in UTF-8, with the mark without which Excel reads another alphabet."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows([harmless(one) for one in row] for row in (head, *rows))
    return written.getvalue().encode("utf-8-sig")


def harmless(cell: Cell) -> Cell:
    """A cell that no spreadsheet calculates: a leading apostrophe makes it text."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell.lstrip(" ")) else cell


def as_markdown(title: str, head: Row, rows: Iterable[Row]) -> bytes:
    """A heading and a table; every text in it reads as it is written."""
    table = [head, ["---"] * len(head), *([escaped(one) for one in row] for row in rows)]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in table]
    return "\n".join([f"# {title}", "", *lines, ""]).encode()


def escaped(cell: Cell) -> str:
    """A cell without markup: no links, pictures or HTML, and no end of the cell."""
    text = " ".join(str("" if cell is None else cell).split())
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(r"\\\g<0>", named) if isinstance(cell, str) else named


async def save_table(content: bytes, folder: Path, title: str, extension: str) -> Path:
    """Save a file as `Title.csv`, or under the next free number; nothing is left where anything goes wrong.

    Raises:
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    draft = Draft(folder)
    try:
        await run_sync(draft.create)
        await run_sync(draft.write, content)
        return await run_sync(draft.publish, safe_name(title, "report"), extension)
    except BaseException:  # a cancellation too must leave nothing behind
        with CancelScope(shield=True):
            await run_sync(draft.discard)
        raise
