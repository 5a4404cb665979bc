"""A report over several accounts: one in each of them, side by side, and the record of which belong together."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.begun import ANYBODY, Beginner
from flipsnack_mcp.workflows.progress import PAUSE_OF_NEWS, News, Progress, Tell, reports_at
from flipsnack_mcp.workflows.reports.figures import Gathered, Line, Uncounted
from flipsnack_mcp.workflows.reports.record import REPORT_KEPT
from flipsnack_mcp.workflows.reports.report import Report, ReportState
from flipsnack_mcp.workflows.reports.running import how_far_by_now

JOINT_REPORT = "report over accounts"
WORST_FIRST: tuple[ReportState, ...] = ("running", "stopped", "failed")
"""What of one part is true of the whole."""


class JointReport(Report):
    """What was asked for of several accounts, and the report that each of them has of it."""

    over_accounts: ClassVar[bool] = True

    parts: dict[str, str]
    """The report of each account, by what the store knows the account by."""
    without: dict[str, str]
    """The accounts, by name, that could not be asked when it was begun, and why."""


async def begin_joint(
    store: Store, report: Report, parts: dict[str, str], without: dict[str, str], beginner: Beginner = ANYBODY
) -> JointReport:
    """Keep for a day which reports belong together."""
    known = {**report.model_dump(), "report_id": secrets.token_hex(4), "parts": parts, "without": without}
    joint = JointReport.model_validate(known | beginner._asdict())

    def work(records: Records) -> None:
        records.put(JOINT_REPORT, joint.report_id, joint.model_dump(mode="json"), keep=REPORT_KEPT)

    await store.transact(work)
    return joint


async def joint_report(store: Store, report_id: str) -> JointReport | None:
    """One report over several accounts."""
    body = await store.transact(lambda records: records.get(JOINT_REPORT, report_id))
    return JointReport.model_validate(body) if body else None


@dataclass
class SideBySide:
    """Told how far each of several reports is; passes on how far they are together."""

    at: dict[str, Progress]
    """By the account's name."""
    news: News

    @classmethod
    def of(cls, accounts: Sequence[str], tell: Tell) -> "SideBySide":
        """For these accounts, of which nothing is known yet."""
        return cls(dict.fromkeys(accounts, Progress()), News(tell, PAUSE_OF_NEWS))

    def told_by(self, account: str) -> Tell:
        """What an account's report is to tell."""

        async def told(progress: Progress) -> None:
            self.at[account] = progress
            await self.news(reports_at([*self.at.values()]))

        return told

    def ended(self, account: str, count: int) -> None:
        """An account has counted all that it has."""
        self.at[account] = Progress(count, count)

    def gave_up(self, account: str) -> None:
        """An account could not go on: nobody waits for it."""
        del self.at[account]


@dataclass(frozen=True)
class Part:
    """What one account brings to a report over several."""

    account: str
    """Its name."""
    report: Report
    gathered: Gathered
    last: Progress
    """What was told of it last."""
    error: FlipsnackError | None = None
    """Why it cannot go on."""

    @property
    def state(self) -> ReportState:
        """What has become of it."""
        if self.gathered.is_whole(self.report):
            return "complete"
        if self.report.stopped:
            return "stopped"
        return "failed" if self.error else "running"

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its collections, under its name."""
        return tuple(replace(one, account=self.account) for one in self.gathered.lines)

    @property
    def uncounted(self) -> list[Uncounted]:
        """What of its collections was not counted."""
        return self.gathered.uncounted(self.report, self.account)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        if self.state == "complete":
            return Progress(len(self.report.counted), len(self.report.counted))
        far = how_far_by_now(self.report, self.gathered, self.last)
        return replace(far, seconds_left=None) if self.state == "stopped" else far


@dataclass(frozen=True)
class Together:
    """A report over several accounts as far as it is."""

    joint: JointReport
    parts: tuple[Part, ...]

    @property
    def state(self) -> ReportState:
        """What has become of it: nothing is whole while an account is at work, or after one could not be asked."""
        found = {one.state for one in self.parts} | ({"failed"} if self.joint.without else set())
        return next((one for one in WORST_FIRST if one in found), "complete")

    @property
    def failures(self) -> dict[str, str]:
        """The accounts that could not be asked, by name, and why."""
        met = {one.account: one.error.happened for one in self.parts if one.state == "failed" and one.error}
        return {**met, **self.joint.without}

    @property
    def lines(self) -> tuple[Line, ...]:
        """All collections, each under its account's name."""
        return tuple(line for one in self.parts for line in one.lines)

    @property
    def uncounted(self) -> list[Uncounted]:
        """What was not counted in any of them."""
        return [missing for one in self.parts for missing in one.uncounted]

    @property
    def progress(self) -> Progress:
        """How far those are that can go on; where none does any more, how far all have come."""
        left_out = {"failed", "stopped"} if self.state == "running" else {"failed"}
        return reports_at([one.progress for one in self.parts if one.state not in left_out])
