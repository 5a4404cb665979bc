"""What reports have asked and gathered so far, in the store: shared by all processes, and there after a restart.

An answer about a closed period can never change, so it belongs to the account and serves every report; any other, and
every failure, belongs to one report.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from flipsnack_mcp.store.records import Body, Records, Store
from flipsnack_mcp.workflows.begun import ANYBODY, Beginner
from flipsnack_mcp.workflows.recalling import changes_of
from flipsnack_mcp.workflows.reports.figures import MEASURES, Gathered, Line, Numbers
from flipsnack_mcp.workflows.reports.report import Question, Report, ReportedCollection

REPORT, ROW, KNOWN_TITLE, SAVED = "report", "report row", "collection title", "report file"
CONVERSION = "report conversion"
REPORT_KEPT, FINAL_KEPT = 24 * 3600.0, 30 * 24 * 3600.0
ASKED = "asked"
"""The day of the report that got an answer; version 0.1.0 did not write it down."""
READ_AT_ONCE = 200
"""Records read in one transaction: each of them keeps every other task waiting."""


@dataclass(frozen=True)
class ReportRecord:
    """The reports of one account."""

    store: Store
    account: str

    async def begin(self, report: Report, beginner: Beginner = ANYBODY) -> Report:
        """Keep a new report for a day; where named collections are all and their titles known, they are chosen."""

        def work(records: Records) -> Report:
            begun = report.model_copy(update={"report_id": secrets.token_hex(4), **beginner._asdict()})
            known = self._targets(records, report.choice.collections)
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

    async def chose(
        self,
        report: Report,
        targets: Sequence[ReportedCollection],
        offset: int | None,
        changes: int,
        listed: int | None = None,
        unseen: int = 0,
    ) -> Report:
        """Add what another window of the list came to; `changes` is the number before the list was asked for."""

        def work(records: Records) -> Report:
            for one in targets:
                known = {**one.model_dump(exclude={"collection_hash"}), "changes": changes}
                records.put(KNOWN_TITLE, self._name(one.collection_hash), known, keep=FINAL_KEPT)
            every = {one.collection_hash: one for one in (*report.targets, *targets)}  # each once, whatever slid down
            added = {"targets": tuple(every.values()), "offset": offset, "listed": listed, "unseen": unseen}
            return self._put(records, report.model_copy(update=added))

        return await self.store.transact(work)

    async def open_questions(self, report: Report) -> list[Question]:
        """What has not been answered."""
        every = report.questions
        found: list[Question] = []
        while some := list(islice(every, READ_AT_ONCE)):
            known = await self._rows(report, some)
            found += [one for one, row in zip(some, known, strict=True) if row is None]
        return found

    async def answered(self, report: Report, question: Question, numbers: Numbers) -> None:
        """Keep an answer: where its period is closed for everybody, else for this report."""
        place, keep = self._place(report, question), FINAL_KEPT if question.period.closed(report.today) else REPORT_KEPT
        row = {**asdict(numbers), ASKED: report.today.isoformat()}
        await self.store.transact(lambda records: records.put(ROW, place, row, keep=keep))

    async def failed(self, report: Report, question: Question, reason: str) -> None:
        """Keep a failure for this report only: the next one asks again."""
        await self.store.transact(
            lambda records: records.put(ROW, self._own(report, question), {"failed": reason}, keep=REPORT_KEPT)
        )

    async def forget(self, report: Report, questions: Sequence[Question]) -> None:
        """Forget failures that were no collection's own, so that they are asked again."""

        def work(records: Records) -> None:
            for one in questions:
                records.delete(ROW, self._own(report, one))

        await self.store.transact(work)

    async def gathered(self, report: Report) -> Gathered:
        """All answers there are by now."""
        lines, failed = list[Line](), list[tuple[ReportedCollection, str]]()
        for first in range(0, len(every := report.counted), READ_AT_ONCE):
            some = every[first : first + READ_AT_ONCE]
            by_period = [await self._rows(report, [Question(one, each) for one in some]) for each in report.periods]
            for target, answers in zip(some, zip(*by_period, strict=True), strict=True):
                asked = zip(report.periods, answers, strict=True)
                rows = [row for period, row in asked if target.was_there(period)]
                if reason := next((row["failed"] for row in rows if row and "failed" in row), None):
                    failed.append((target, str(reason)))
                elif all(rows):
                    lines.append(line_of(target, report, [row for row in rows if row]))
        return Gathered(tuple(lines), tuple(failed), await self.conversions(report))

    async def conversions(self, report: Report) -> dict[str, str]:
        """What the conversions that an audit looks at came to, by hash, where they were looked at."""

        def work(records: Records) -> dict[str, str]:
            every = [*report.doubtful]
            found = records.several(CONVERSION, [self._of(report, one) for one in every])
            pairs = zip(every, found, strict=True)
            return {one.collection_hash: str(body["conversion"]) for one, body in pairs if body}

        return await self.store.transact(work)

    async def looked_at(self, report: Report, target: ReportedCollection, conversion: str) -> None:
        """Keep what a conversion came to."""
        body = {"conversion": conversion}
        await self.store.transact(
            lambda records: records.put(CONVERSION, self._of(report, target), body, keep=REPORT_KEPT)
        )

    async def change(self, report_id: str, **news: Any) -> Report | None:
        """Change what is kept of a report; the report as it is then."""

        def work(records: Records) -> Report | None:
            report = self._get(records, report_id)
            return self._put(records, report.model_copy(update=news)) if report else None

        return await self.store.transact(work)

    async def file(self, report: Report, kind: str) -> str | None:
        """Where a report was saved."""
        body = await self.store.transact(lambda records: records.get(SAVED, f"{report.report_id}/{kind}"))
        return str(body["path"]) if body else None

    async def saved(self, report: Report, kind: str, path: str) -> None:
        """Remember where a report was saved."""
        await self.store.transact(
            lambda records: records.put(SAVED, f"{report.report_id}/{kind}", {"path": path}, keep=REPORT_KEPT)
        )

    async def _rows(self, report: Report, questions: Sequence[Question]) -> list[Body | None]:
        def work(records: Records) -> list[Body | None]:
            own = [self._own(report, one) for one in questions]
            every = records.several(ROW, [*own, *map(self._shared, questions)])
            triples = zip(questions, every, every[len(own) :], strict=False)
            return [mine or self._final(records, report, one, shared) for one, mine, shared in triples]

        return await self.store.transact(work)

    def _final(self, records: Records, report: Report, question: Question, row: Body | None) -> Body | None:
        """The answer that every report shares; one is forgotten that a clock that was ahead took for final too early."""
        if row and str(row.get(ASKED, "")) > report.today.isoformat():
            records.delete(ROW, self._shared(question))
            return None
        return row if question.period.closed(report.today) else None

    def _own(self, report: Report, question: Question) -> str:
        return f"{self._of(report, question.target)}/{question.period}"

    def _of(self, report: Report, target: ReportedCollection) -> str:
        return f"{report.report_id}/{target.collection_hash}"

    def _place(self, report: Report, question: Question) -> str:
        """Where an answer belongs."""
        if not question.period.closed(report.today):
            return self._own(report, question)
        return self._shared(question)

    def _shared(self, question: Question) -> str:
        return self._name(f"{question.target.collection_hash}/{question.period}")

    def _name(self, what: str) -> str:
        return f"{self.account}/{what}"

    def _targets(self, records: Records, hashes: Sequence[str]) -> list[ReportedCollection | None]:
        """What is known of collections by their hashes, as far as nothing was changed since."""
        changes, bodies = changes_of(records, self.account), records.several(KNOWN_TITLE, map(self._name, hashes))
        return [
            ReportedCollection.model_validate({**body, "collection_hash": one})
            if body and body["changes"] == changes
            else None
            for one, body in zip(hashes, bodies, strict=True)
        ]

    def _get(self, records: Records, report_id: str) -> Report | None:
        body = records.get(REPORT, self._name(report_id))
        return Report.model_validate(body) if body else None

    def _put(self, records: Records, report: Report) -> Report:
        records.put(REPORT, self._name(report.report_id), report.model_dump(mode="json"), keep=REPORT_KEPT)
        return report


def line_of(target: ReportedCollection, report: Report, rows: Sequence[Body]) -> Line:
    """A collection with its numbers, and those of the period before where they were asked for or are known to be none."""
    now, *earlier = (Numbers(**{name: row[name] for name in MEASURES}) for row in rows)
    is_new = report.compare and not earlier
    return Line(target, now, Numbers() if is_new else earlier[0] if earlier else None, is_new)
