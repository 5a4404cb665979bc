"""A whole report as a file: every collection in it, the most first, saved once however many calls see it complete."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import anyio

from flipsnack_mcp.api import even_if_cancelled
from flipsnack_mcp.files.tables import save_table
from flipsnack_mcp.store.leases import Owner
from flipsnack_mcp.workflows.reports.figures import Line, Uncounted
from flipsnack_mcp.workflows.reports.pages import for_a_spreadsheet, for_reading, name_of
from flipsnack_mcp.workflows.reports.record import SAVED, ReportRecord
from flipsnack_mcp.workflows.reports.report import Report

EXTENSIONS = {"csv": ".csv", "markdown": ".md", "html": ".html"}


def content(report: Report, lines: Iterable[Line], uncounted: Sequence[Uncounted], safe: Callable[[str], str]) -> bytes:
    """The whole file as tables; `safe` takes credentials out of what came from elsewhere."""
    return (for_a_spreadsheet if report.save_as == "csv" else for_reading)(report, [*lines], uncounted, safe)


async def save(record: ReportRecord, report: Report, made: bytes, folder: Path) -> Path | None:
    """Save a report once, however many calls see it complete; None where another one is at it just now."""
    kind = kind_of_file(report, made)
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


def kind_of_file(report: Report, made: bytes) -> str:
    """What of a report is saved once: over several accounts anew where one could be asked that could not be before."""
    return f"{report.save_as}/{sha256(made).hexdigest()[:16]}" if report.over_accounts else str(report.save_as)


def there(path: str | None, folder: Path) -> Path | None:
    """Where it was saved before, unless it is gone or belongs in another folder."""
    found = Path(path) if path else None
    return found if found and found.parent == folder and found.exists() else None
