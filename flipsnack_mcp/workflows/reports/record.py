"""What reports have asked and gathered so far, in the store: shared by all processes, and there after a restart.

An answer about a closed period can never change, so it belongs to the account and serves every report; any other, and
every failure, belongs to one report. Whoever is about to ask takes a claim first, so that no two ask the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import islice

from flipsnack_mcp.store.records import Body, Records, Store
from flipsnack_mcp.workflows.recalling import changes_of
from flipsnack_mcp.workflows.reports.figures import Line, Numbers
from flipsnack_mcp.workflows.reports.report import Gathered, Question, Report, Target

REPORT, ROW, CLAIM, TITLE, FILE = "report", "report row", "report claim", "collection title", "report file"
DAY, MONTH = 24 * 3600.0, 30 * 24 * 3600.0
CLAIMED_FOR = 30.0
"""A claim that was not renewed for so long is a dead process's."""
AT_ONCE = 200
"""Records read in one transaction: each of them keeps every other task waiting."""


class Take(Enum):
    """What came of taking a question."""

    OURS = "ours"
    THEIRS = "theirs"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Book:
    """The reports of one account."""

    store: Store
    account: str

    async def begin(self, report: Report) -> Report:
        """Keep a new report for a day; where named collections are all and their titles known, they are chosen."""

        def work(records: Records) -> Report:
            begun = report.model_copy(update={"report_id": secrets.token_hex(4)})
            known = [self._target(records, one) for one in report.choice.collections]
            if report.choice.by_name_only and all(known):
                begun = begun.model_copy(update={"targets": tuple(filter(None, known)), "offset": None})
            return self._put(records, begun)

        return await self.store.transact(work)

    async def report(self, report_id: str) -> Report | None:
        """One report."""
        return await self.store.transact(lambda records: self._get(records, report_id))

    async def changes(self) -> int:
        """A number that goes up with every change of ours: titles seen under another one may have been changed."""
        return await self.store.transact(lambda records: changes_of(records, self.account))

    async def chose(self, report: Report, targets: Sequence[Target], offset: int | None, changes: int) -> Report:
        """Add what another window of the list came to, unless another process was faster; however it is now.

        `changes` is the number before the list was asked for.
        """

        def work(records: Records) -> Report:
            stored = self._get(records, report.report_id) or report
            if stored.offset != report.offset:
                return stored
            for one in targets:
                records.put(
                    TITLE, self._name(one.collection_hash), {"title": one.title, "changes": changes}, keep=MONTH
                )
            every = {one.collection_hash: one for one in (*stored.targets, *targets)}  # each once, whatever slid down
            added = {"targets": tuple(every.values()), "offset": offset}
            return self._put(records, stored.model_copy(update=added))

        return await self.store.transact(work)

    async def open_questions(self, report: Report) -> list[Question]:
        """What has not been answered."""
        every = (Question(target, period) for target in report.targets for period in report.periods)
        found: list[Question] = []
        while some := list(islice(every, AT_ONCE)):
            known = await self._rows(report, some)
            found += [one for one, row in zip(some, known, strict=True) if row is None]
        return found

    async def take(self, report: Report, question: Question, owner: str) -> Take:
        """Claim a question, unless it was answered or somebody else is asking it."""

        def work(records: Records) -> Take:
            if self._row(records, report, question):
                return Take.ANSWERED
            return self._claimed(records, self._place(report, question), owner)

        return await self.store.transact(work)

    async def claim(self, name: str, owner: str) -> bool:
        """Claim anything else that must not be done twice at once."""
        return await self.store.transact(lambda records: self._claimed(records, name, owner)) is Take.OURS

    async def renew(self, report: Report, questions: Iterable[Question], owner: str) -> None:
        """Give a sign of life for what is being asked."""

        def work(records: Records) -> None:
            for one in questions:
                self._claimed(records, self._place(report, one), owner)

        await self.store.transact(work)

    async def release(self, name: str) -> None:
        """Give a claim back."""
        await self.store.transact(lambda records: records.delete(CLAIM, name))

    async def give_back(self, report: Report, question: Question) -> None:
        """Leave a question to whoever comes next."""
        await self.release(self._place(report, question))

    async def answered(self, report: Report, question: Question, numbers: Numbers) -> None:
        """Keep an answer: where its period is closed for everybody, else for this report."""

        def work(records: Records) -> None:
            place, closed = self._place(report, question), question.period.closed(report.today)
            records.put(ROW, place, asdict(numbers), keep=MONTH if closed else DAY)
            records.delete(CLAIM, place)

        await self.store.transact(work)

    async def failed(self, report: Report, question: Question, reason: str) -> None:
        """Keep a failure for this report only: the next one asks again."""

        def work(records: Records) -> None:
            records.put(ROW, self._own(report, question), {"failed": reason}, keep=DAY)
            records.delete(CLAIM, self._place(report, question))

        await self.store.transact(work)

    async def forget(self, report: Report, questions: Sequence[Question]) -> None:
        """Forget failures that were no collection's own, so that they are asked again."""

        def work(records: Records) -> None:
            for one in questions:
                records.delete(ROW, self._own(report, one))

        await self.store.transact(work)

    async def gathered(self, report: Report) -> Gathered:
        """All answers there are by now."""
        lines, failed = list[Line](), list[tuple[Target, str]]()
        for first in range(0, len(report.targets), AT_ONCE):
            some = report.targets[first : first + AT_ONCE]
            by_period = [await self._rows(report, [Question(one, each) for one in some]) for each in report.periods]
            for target, rows in zip(some, zip(*by_period, strict=True), strict=True):
                if reason := next((row["failed"] for row in rows if row and "failed" in row), None):
                    failed.append((target, str(reason)))
                elif all(rows):
                    lines.append(line_of(target, [row for row in rows if row]))
        return Gathered(tuple(lines), tuple(failed))

    async def file(self, report: Report, kind: str) -> str | None:
        """Where a report was saved."""
        body = await self.store.transact(lambda records: records.get(FILE, f"{report.report_id}/{kind}"))
        return str(body["path"]) if body else None

    async def saved(self, report: Report, kind: str, path: str) -> None:
        """Remember where a report was saved."""
        await self.store.transact(
            lambda records: records.put(FILE, f"{report.report_id}/{kind}", {"path": path}, keep=DAY)
        )

    async def _rows(self, report: Report, questions: Sequence[Question]) -> list[Body | None]:
        return await self.store.transact(lambda records: [self._row(records, report, one) for one in questions])

    def _row(self, records: Records, report: Report, question: Question) -> Body | None:
        own = records.get(ROW, self._own(report, question))
        return own or records.get(ROW, self._place(report, question))

    def _own(self, report: Report, question: Question) -> str:
        return f"{report.report_id}/{question.target.collection_hash}/{question.period}"

    def _place(self, report: Report, question: Question) -> str:
        """Where an answer belongs."""
        if not question.period.closed(report.today):
            return self._own(report, question)
        return self._name(f"{question.target.collection_hash}/{question.period}")

    def _name(self, what: str) -> str:
        return f"{self.account}/{what}"

    def _claimed(self, records: Records, name: str, owner: str) -> Take:
        if (claim := records.get(CLAIM, name)) and claim["owner"] != owner:
            return Take.THEIRS
        records.put(CLAIM, name, {"owner": owner}, keep=CLAIMED_FOR)
        return Take.OURS

    def _target(self, records: Records, collection_hash: str) -> Target | None:
        body = records.get(TITLE, self._name(collection_hash))
        if body is None or body["changes"] != changes_of(records, self.account):
            return None
        return Target(collection_hash=collection_hash, title=str(body["title"]))

    def _get(self, records: Records, report_id: str) -> Report | None:
        body = records.get(REPORT, self._name(report_id))
        return Report.model_validate(body) if body else None

    def _put(self, records: Records, report: Report) -> Report:
        records.put(REPORT, self._name(report.report_id), report.model_dump(mode="json"), keep=DAY)
        return report


def line_of(target: Target, rows: Sequence[Body]) -> Line:
    """A collection with its numbers, and those of the period before where they were asked for."""
    now, *earlier = (Numbers(**row) for row in rows)
    return Line(target.collection_hash, target.title, now, earlier[0] if earlier else None)
