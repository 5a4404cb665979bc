"""A whole report as a file: every collection in it, the most first, saved once however many calls see it complete."""

from collections.abc import Callable, Iterable
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path

import anyio

from flipsnack_mcp.api import even_if_cancelled
from flipsnack_mcp.files.tables import Row, as_csv, as_markdown, save_table
from flipsnack_mcp.store.leases import Owner
from flipsnack_mcp.workflows.reports.record import NUMBERS, SAVED, ReportRecord
from flipsnack_mcp.workflows.reports.report import Line, Report, Uncounted, ranked

EXTENSIONS = {"csv": ".csv", "markdown": ".md"}


def name_of(report: Report) -> str:
    """What the file is called."""
    return f"Flipsnack report {report.period}{', all accounts' if report.over_accounts else ''}"


def head(report: Report) -> Row:
    """The names of the columns; times are in seconds."""
    earlier = [f"previous_{one}" for one in NUMBERS] if report.compare else []
    columns = ["collection_hash", "title", *NUMBERS, "average_time", *earlier, "note"]
    return ["account", *columns] if report.over_accounts else columns


def content(report: Report, lines: Iterable[Line], failed: Iterable[Uncounted], safe: Callable[[str], str]) -> bytes:
    """The whole file; `safe` takes credentials out of what came from elsewhere."""
    blank = [None] * ((2 if report.compare else 1) * len(NUMBERS) + 1)
    rows: list[Row] = [[one.account, *cells(one)] for one in ranked(lines, report.sort_by)]
    rows += [[one.account, one.collection_hash, one.title, *blank, one.why] for one in failed]
    first = 0 if report.over_accounts else 1
    table = [[safe(cell) if isinstance(cell, str) else cell for cell in one[first:]] for one in rows]
    if report.save_as == "csv":
        return as_csv(head(report), table)
    return as_markdown(name_of(report), head(report), table)


def cells(line: Line) -> Row:
    """A collection that was counted."""
    earlier = astuple(line.previous) if line.previous else ()
    return [line.collection_hash, line.title, *astuple(line.numbers), line.numbers.average_time, *earlier, None]


async def save(record: ReportRecord, report: Report, made: bytes, folder: Path) -> Path | None:
    """Save a report once, however many calls see it complete; None where another one is at it just now."""
    kind = kind_of(report, made)
    owner = Owner(f"{SAVED}/{record.account}/{report.report_id}/{kind}")
    if not await record.store.transact(owner.claim):
        return None
    try:
        if path := there(await record.file(report, kind), folder):
            return path
        with anyio.CancelScope(shield=True):  # a file that is not remembered would be saved a second time
            path = await save_table(made, folder, name_of(report), EXTENSIONS[str(report.save_as)])
            await record.saved(report, kind, str(path))
        return path
    finally:
        await even_if_cancelled(record.store.transact(owner.release))


def kind_of(report: Report, made: bytes) -> str:
    """What of a report is saved once: over several accounts anew where one could be asked that could not be before."""
    return f"{report.save_as}/{sha256(made).hexdigest()[:16]}" if report.over_accounts else str(report.save_as)


def there(path: str | None, folder: Path) -> Path | None:
    """Where it was saved before, unless it is gone or belongs in another folder."""
    found = Path(path) if path else None
    return found if found and found.parent == folder and found.exists() else None
