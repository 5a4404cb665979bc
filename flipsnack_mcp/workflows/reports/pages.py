"""What the file of a report looks like: one table for a spreadsheet, or a page that can be sent to a person."""

from collections.abc import Callable, Sequence
from dataclasses import astuple

from flipsnack_mcp.files.tables import Cell, Row, as_csv, as_markdown
from flipsnack_mcp.text import as_many, one_line
from flipsnack_mcp.workflows.finding import day_in
from flipsnack_mcp.workflows.progress import duration
from flipsnack_mcp.workflows.reports.brought import what_came
from flipsnack_mcp.workflows.reports.figures import (
    MEASURES,
    Line,
    Numbers,
    Tally,
    Uncounted,
    growth,
    ranked,
    tallied,
)
from flipsnack_mcp.workflows.reports.report import Measure, Report, ReportedCollection

FIGURES = (*MEASURES, "average_time")
IN_SECONDS = {"time_spent": " (s)", "average_time": " (s)"}
WORDS = {
    "impressions": "impressions", "views": "views", "time_spent": "reading time", "downloads": "downloads",
    "average_time": "reading time of a view",
}  # fmt: skip
MOVED = 5
"""Collections that rose or fell the most, on the page."""

Safe = Callable[[str], str]
Table = tuple[str, list[str], list[Row]]
"""A heading, the names of the columns, and the rows."""


def name_of(report: Report) -> str:
    """What the file is called."""
    return f"Flipsnack report {report.period}{', all accounts' if report.over_accounts else ''}"


def days_of(report: Report) -> str:
    """Which days it speaks of."""
    compared = f"compared with {report.period.before}" if report.compare else ""
    return ", ".join(filter(None, [str(report.period), report.not_over, compared, "both days counted"]))


def for_a_spreadsheet(report: Report, lines: Sequence[Line], uncounted: Sequence[Uncounted], safe: Safe) -> bytes:
    """One table: a row for each collection, behind them what was not counted, and the sums last."""
    tally, first = tallied(lines, report.sort_by, 0, 0), 0 if report.over_accounts else 1
    compared = [f"previous_{one}{IN_SECONDS.get(one, '')}" for one in MEASURES] + [
        f"change_{one} (%)" for one in MEASURES
    ]
    figures = [f"{one}{IN_SECONDS.get(one, '')}" for one in FIGURES] + (compared if report.compare else [])
    figures += what_came(tally.brought)
    head = ["account", "collection_hash", "title", "status", "date", "direct_link", *figures, "note"]
    rows: list[Row] = [
        [
            *(one.account, *known_by(one.target), *in_columns(report, one.numbers, one.previous)),
            *(*what_came(one.brought).values(), note_of(one)),
        ]
        for one in ranked(lines, report.sort_by)
    ]
    rows += [[one.account, *known_by(one.target), *[None] * len(figures), one.why] for one in uncounted]
    sums = "; ".join([f"{as_many(tally.counted, 'collection')}, {days_of(report)}", *not_known(tally)])
    names = [*FIGURES, *(f"{what}_{one}" for what in ("previous", "change") for one in MEASURES)]
    columns = zip(names, in_columns(report, tally.totals, tally.previous), strict=False)
    in_all = [*(tally.known.get(name, cell) for name, cell in columns), *what_came(tally.brought).values()]
    rows.append([None, None, "TOTAL", None, None, None, *in_all, sums])
    return as_csv(head[first:], [as_safe(row[first:], safe) for row in rows])


def known_by(target: ReportedCollection | None) -> Row:
    """What tells a collection from others; of an account nothing."""
    if target is None:
        return [None] * 5
    return [target.collection_hash, target.title, target.status, day_in(target.when), target.direct_link]


def in_columns(report: Report, now: Numbers, before: Numbers | None) -> Row:
    """The figures of a row; where it is compared, those of the period before, and the changes in percent."""
    figures = [*astuple(now), now.average_time]
    if not report.compare:
        return figures
    changes = growth(now, before) if before else {}
    return [*figures, *(astuple(before) if before else [None] * len(MEASURES)), *(changes.get(one) for one in MEASURES)]


def not_known(tally: Tally) -> list[str]:
    """Of which numbers a sum is not whole."""
    named = ((name.replace("_", " "), as_many(many, "collection")) for name, many in tally.unknown.items())
    return [f"{name} of {some} not known and in no sum" for name, some in named]


def note_of(line: Line) -> str | None:
    """What else there is to say of a collection."""
    return "new: not there in the period before" if line.is_new else None


def for_reading(report: Report, lines: Sequence[Line], uncounted: Sequence[Uncounted], safe: Safe) -> bytes:
    """A page: the sums, what rose and fell, every collection, and what was not counted."""
    tally = tallied(lines, report.sort_by, 0, MOVED)
    tables = [
        sums_of(report, tally),
        moved("Rose the most", report, tally.winners),
        moved("Fell the most", report, tally.losers),
        all_of(report, ranked(lines, report.sort_by)),
        rest_of(report, uncounted),
    ]
    parts = [
        as_markdown(heading, head, [as_safe(row, safe) for row in rows], 2) for heading, head, rows in tables if rows
    ]
    said = "; ".join([days_of(report), *not_known(tally)])
    return "\n".join([f"# {name_of(report)}", "", f"{said}.", "", *(one.decode() for one in parts)]).encode()


def sums_of(report: Report, tally: Tally) -> Table:
    """All collections together."""
    now, before = tally.totals, tally.previous
    compared = ["before", "change"] if before else []
    rows: list[Row] = [
        [
            WORDS[one],
            as_read(one, tally.known.get(one, getattr(now, one))),
            *(changed(one, now, before) if before else ()),
        ]
        for one in FIGURES
    ]
    rows += [[name, f"{many:,}", *[None] * len(compared)] for name, many in what_came(tally.brought).items()]
    return "In all", ["", str(report.period), *compared], rows


def moved(heading: str, report: Report, lines: Sequence[Line]) -> Table:
    """What rose or fell."""
    measure, whose = report.sort_by, ["account"] if report.over_accounts else []
    rows: list[Row] = [
        [*([one.account] if whose else []), one.target.title, as_read(measure, getattr(one.numbers, measure)),
         *changed(measure, one.numbers, one.previous)]
        for one in lines
    ]  # fmt: skip
    return heading, [*whose, "title", WORDS[measure], "before", "change"], rows


def changed(measure: Measure | str, now: Numbers, before: Numbers | None) -> list[Cell]:
    """How a figure was before, and its change; nothing where that is not known."""
    if before is None:
        return [None, None]
    change = growth(now, before).get(measure)
    return [as_read(measure, getattr(before, measure)), None if change is None else f"{change:+} %"]


def as_read(figure: str, value: float | None) -> str:
    """A figure as people read it; nothing where it is not known."""
    if value is None:
        return ""
    return duration(value) if figure in IN_SECONDS else f"{value:,}"


def all_of(report: Report, lines: Sequence[Line]) -> Table:
    """Every collection, the most first."""
    first = ["account"] if report.over_accounts else []
    change = [f"change of {WORDS[report.sort_by]}"] if report.compare else []
    figures = [WORDS[one] for one in FIGURES]
    came = [*what_came(lines[0].brought)] if lines else []
    head = [*first, "title", "status", "date", *figures, *change, *came, "link", "collection_hash"]
    rows: list[Row] = []
    for one in lines:
        name, title, status, day, link = known_by(one.target)
        read = [as_read(each, getattr(one.numbers, each)) for each in FIGURES]
        moved_by = [(note_of(one) and "new") or changed(report.sort_by, one.numbers, one.previous)[1]] if change else []
        told = [*read, *moved_by, *what_came(one.brought).values()]
        rows.append([*([one.account] if first else []), title, status, day, *told, link, name])
    return "The one collection" if len(lines) == 1 else f"All {len(lines)} collections", head, rows


def rest_of(report: Report, uncounted: Sequence[Uncounted]) -> Table:
    """What was not counted, and why."""
    first = ["account"] if report.over_accounts else []
    rows: list[Row] = []
    for one in uncounted:
        name, title, status, day, link = known_by(one.target)
        rows.append([*([one.account] if first else []), title, status, day, one.why, link, name])
    return "Not counted", [*first, "title", "status", "date", "why", "link", "collection_hash"], rows


def as_safe(row: Row, safe: Safe) -> Row:
    """A row without credentials, and without what is not seen and could act where the file is shown."""
    return [safe(one_line(cell)) if isinstance(cell, str) else cell for cell in row]
