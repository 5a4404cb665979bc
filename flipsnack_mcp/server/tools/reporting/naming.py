"""Collections as rows of an answer: each with what a person knows it by, and in groups where there are too many."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.workflows.finding import day_in
from flipsnack_mcp.workflows.reports.report import ReportedCollection

# Rows are not spelled out in the schema: every menu would pay for that, and the text shows them.
Figures = dict[str, Any]
Rows = list[dict[str, Any]]

TITLE_BYTES = 72
"""Of a title in a row: letters of some alphabets cost a token each."""
LONGEST_SHOWN = 300
ONE_BY_ONE = 200
"""Rows that are told one by one."""
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Namesakes:
    """How often titles occur in an answer, as they are shown there, and how often on one day."""

    titles: Counter[str]
    days: Counter[tuple[str, str]]

    @classmethod
    def among(cls, targets: Iterable[ReportedCollection]) -> Self:
        """Those of the collections that an answer is about."""
        every = {one.collection_hash: one for one in targets}.values()
        shown = [(shorten(one.title, TITLE_BYTES), day_in(one.when)) for one in every]
        return cls(Counter(title for title, _ in shown), Counter(shown))

    def row(self, target: ReportedCollection, account: str = "", *, dated: bool = False) -> Figures:
        """Hash and title, and the date where the title alone does not tell which one it is."""
        whose = {"account": account} if account else {}
        title = shorten(target.title, TITLE_BYTES)
        row = {**whose, "collection_hash": target.collection_hash, "title": title}
        date = target.when
        if not date or not (dated or not title or self.titles[title] > 1):
            return row
        alike = self.days[title, day_in(date)] > 1
        return row | {"created_date" if target.is_draft else "publish_date": date if alike else day_in(date)}


def in_groups(rows: Rows) -> Rows:
    """Rows one by one; where they are too many, each series of titles as one row that says how many there are."""
    if len(rows) <= ONE_BY_ONE:
        return rows
    groups = dict[tuple[str, str], Rows]()
    for row in rows:
        groups.setdefault((str(row.get("account")), NUMBER.sub("#", str(row["title"]).casefold())), []).append(row)
    told = [{**first, "count": 1 + len(rest)} if rest else first for first, *rest in groups.values()]
    return first_rows(told, ONE_BY_ONE)


def first_rows(rows: Rows, most: int) -> Rows:
    """As many rows as are worth reading, and how many more there are."""
    more = sum(int(row.get("count", 1)) for row in rows[most:])
    return [*rows[:most], {"title": f"and {more} more"}] if more else rows


def shorten(title: str, width: int) -> str:
    """A title of at most so many bytes."""
    raw = cleaned(title, max(width, LONGEST_SHOWN)).encode()
    return raw.decode() if len(raw) <= width else raw[: width - 3].decode(errors="ignore").rstrip() + "…"
