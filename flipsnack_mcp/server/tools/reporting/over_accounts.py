"""report_stats over all accounts of a server: a report in each, side by side, told and saved as one.

An account that cannot be asked holds up no other, and is named wherever its numbers would stand.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

import anyio
from pydantic import Field

from flipsnack_mcp.api import FlipsnackError, cleaned, first_few
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.accounts import not_offered
from flipsnack_mcp.server.tools.reporting.going_on import goes_on_with, known_joint, no_such_report, under_way
from flipsnack_mcp.server.tools.reporting.naming import Figures, Rows
from flipsnack_mcp.server.tools.reporting.reports import (
    ReportRows,
    ReportStatsInput,
    ReportSums,
    StatsReport,
    in_another_way,
    new_report,
    nothing_fits,
    report_one,
    saved_too,
    told,
    totals,
    whole_table,
    with_what_came,
)
from flipsnack_mcp.server.tools.reporting.unkept import even_unkept
from flipsnack_mcp.server.tools.tool import ToolCall, in_numbers
from flipsnack_mcp.workflows.begun import Beginner
from flipsnack_mcp.workflows.progress import Progress
from flipsnack_mcp.workflows.reports.figures import Uncounted, tallied
from flipsnack_mcp.workflows.reports.together import (
    JointReport,
    Part,
    SideBySide,
    Together,
    begin_joint,
)

MOST_NAMED = 5
LONGEST_REASON = 200
WHOLE = frozenset({"complete", "failed"})
"""States in which there is nothing to wait for."""


class SumsByAccount(ReportSums):
    """What a report over several accounts comes to, in all and by account."""

    accounts: Annotated[Rows | None, Field(description="By account")] = None


class AccountsReport(ReportRows, SumsByAccount):
    """A report over several accounts."""


async def report_stats(call: ToolCall, arguments: ReportStatsInput) -> StatsReport | AccountsReport:
    """Report on one account, or on all."""
    if arguments.save_as and not call.app.handing:
        call.app.check_folder("FLIPSNACK_DOWNLOAD_DIR")  # before a request is spent on each collection
    return await (report_all(call, arguments) if len(call.apps) > 1 else even_unkept(report_one, call, arguments))


async def report_all(call: ToolCall, arguments: ReportStatsInput) -> AccountsReport:
    """Have statistics gathered in each account, watch, and say what they come to."""
    joint = await (earlier_joint if arguments.report_id else new_joint)(call, arguments)
    together = await follow_all(call, joint, arguments.wait_seconds)
    if all(one.state == "failed" for one in together.parts):
        raise nobody_asked(together.failures, what_next(together))
    rows = rows_by_account(call, together)
    waiting = AccountsReport(
        **under_way(call.tool, joint, together.progress, stopped=together.state == "stopped"), accounts=rows
    )
    if together.state not in WHOLE:
        return waiting
    said, call.aside = told(joint, together.lines, together.uncounted), whole_table(joint, together.lines)
    answer = AccountsReport(
        **{**said, "totals": counts_together(together) | said["totals"]},
        state=together.state,
        accounts=rows,
        next_step=what_next(together) or nothing_fits(joint, together.lines, together.uncounted),
    )
    return await saved_too(call, joint, answer, together.lines, [*not_asked(together), *together.uncounted]) or waiting


async def new_joint(call: ToolCall, arguments: ReportStatsInput) -> JointReport:
    """A report begun in each account that can be asked."""
    check_all_linked(call, arguments)
    now, parts, without = call.app.reports.moment, dict[str, str](), dict[str, str]()
    for app in call.apps:
        own = share_of(app, call, arguments)
        if arguments.collections and not own.collections:
            continue
        try:
            check_askable(app, call.apps)
        except FlipsnackError as error:
            without[app.called] = cleaned(error.happened, LONGEST_REASON)
            continue
        begun = await app.reports.record.begin(new_report(own, now), call.beginner)
        parts[app.settings.account] = begun.report_id
    if not parts:
        raise nobody_asked(without, "Set that right, then make the call again.")
    return await begin_joint(call.app.jobs.store, new_report(arguments, now), parts, without, call.beginner)


def share_of(app: App, call: ToolCall, arguments: ReportStatsInput) -> ReportStatsInput:
    """What is asked of one account. A hash is left out wherever it is, unless a link says of which account it is."""
    account, excluded = app.settings.account, call.linked["exclude"]
    linked = {one for _, one in excluded}
    named = [one for one in arguments.collections or () if (account, one) in call.linked["collections"]]
    left_out = [one for one in arguments.exclude or () if (account, one) in excluded or one not in linked]
    return arguments.model_copy(update={"collections": named or None, "exclude": left_out or None})


def check_all_linked(call: ToolCall, arguments: ReportStatsInput) -> None:
    """Raise where a collection is named whose account nobody can tell."""
    known = {one for _, one in call.linked["collections"]}
    if unknown := [one for one in arguments.collections or () if one not in known]:
        names = ", ".join(first_few(unknown, MOST_NAMED))
        raise FlipsnackError(
            f"It cannot be told whose these collections are: {names}.",
            'Give account="..." with the one they are of. Over all accounts only links of the player say whose it is.',
        )


def check_askable(app: App, every: Iterable[App]) -> None:
    """Raise where an account cannot be asked, before anybody does."""
    if "report_stats" not in app.offered:
        able = [one.settings for one in every if "report_stats" in one.offered]
        raise not_offered("report_stats", app.settings, able)
    app.check_settings()


async def earlier_joint(call: ToolCall, arguments: ReportStatsInput) -> JointReport:
    """An earlier report over accounts that are all still there."""
    wanted = str(arguments.report_id)
    joint = await known_joint(call, wanted)
    if joint and joint.parts.keys() <= {app.settings.account for app in call.apps}:
        return in_another_way(arguments, joint)
    if joint:
        raise FlipsnackError(
            "This report was begun over other accounts than this server has now.",
            "Call report_stats without report_id for a new one.",
        )
    for app in call.apps:
        if found := await app.reports.record.report(wanted):
            raise no_such_report(call.tool, found, app.called)
    raise no_such_report("report_stats")


async def follow_all(call: ToolCall, joint: JointReport, seconds: float) -> Together:
    """Have each account's report gone on with, watch them together, and look how far each is, all at once."""
    apps = [app for app in call.apps if app.settings.account in joint.parts]
    patience, watching = call.context.patience(seconds), SideBySide.of([app.called for app in apps], call.context.tell)
    parts, unforeseen = dict[str, Part](), list[Exception]()

    async def follow(app: App) -> FlipsnackError | None:
        try:
            check_askable(app, call.apps)
            await follow_one(app, joint.parts[app.settings.account], patience, watching, call.beginner)
        except FlipsnackError as error:
            watching.gave_up(app.called)
            return error
        return None

    async def look(app: App) -> None:
        try:
            parts[app.called] = await part_of(app, joint, watching, await follow(app))
        except Exception as error:  # noqa: BLE001  # raised below: out of a group of tasks it would come in a group
            unforeseen.append(error)

    async with anyio.create_task_group() as beside:
        for app in apps:
            beside.start_soon(look, app)
    if unforeseen:
        raise unforeseen[0]
    return Together(joint, tuple(parts[app.called] for app in apps))


async def follow_one(app: App, report_id: str, patience: float, watching: SideBySide, watcher: Beginner) -> None:
    """Watch one account's report, and tell the others' watcher when it is whole."""
    until = anyio.current_time() + patience
    await app.reports.follow(report_id, patience, watching.told_by(app.called), watcher)
    if anyio.current_time() < until and (report := await app.reports.record.report(report_id)):
        watching.ended(app.called, len(report.counted))


async def part_of(app: App, joint: JointReport, watching: SideBySide, error: FlipsnackError | None) -> Part:
    """What an account has by now."""
    record = app.reports.record
    report = await record.report(joint.parts[app.settings.account])
    if report is None:
        raise no_such_report("report_stats")
    gathered = await record.gathered(report)
    lines = tuple(await with_what_came(app, report, gathered.lines))
    last = watching.at.get(app.called, Progress())
    return Part(app.called, report, replace(gathered, lines=lines), last, error)


def not_asked(together: Together) -> list[Uncounted]:
    """What the file says of the accounts that could not be asked."""
    counted = {one.account for one in together.lines}
    return [
        Uncounted(f"not {'all ' if name in counted else ''}asked: {why}", account=name)
        for name, why in together.failures.items()
    ]


def counts_together(together: Together) -> Figures:
    """How many accounts the totals are of, and of how many they are not."""
    failures = len(together.failures)
    accounts = len(together.parts) + len(together.joint.without) - failures
    return {"accounts": accounts, **({"accounts_failed": failures} if failures else {})}


def rows_by_account(call: ToolCall, together: Together) -> Rows:
    """What each account comes to, in their order; an imitation among them is marked."""
    joint, order = together.joint, [app.called for app in call.apps]
    rows: Rows = [row_of(joint, part, whole=together.state in WHOLE) for part in together.parts]
    rows += [{"account": name, "state": "failed", "failed": why} for name, why in joint.without.items()]
    sandboxes = {app.called for app in call.apps if app.settings.sandbox}
    marked = [{**row, "sandbox": True} if row["account"] in sandboxes else row for row in rows]
    return sorted(marked, key=lambda row: order.index(row["account"]) if row["account"] in order else len(order))


def row_of(joint: JointReport, part: Part, *, whole: bool) -> dict[str, Any]:
    """What an account comes to; while any is at work only how far each is. Of one that told nothing there are no sums."""
    why = {"failed": cleaned(part.error.happened, LONGEST_REASON)} if part.state == "failed" and part.error else {}
    known = totals(tallied(part.lines, joint.sort_by, 0, 0)) if part.lines or not why else {}
    return {"account": part.account, "state": part.state, **(known if whole else in_numbers(part.progress)), **why}


def what_next(together: Together) -> str | None:
    """What to do about the accounts that could not be asked; nothing where all were."""
    steps = [f"{one.account}: {one.error.next_step}" for one in together.parts if one.state == "failed" and one.error]
    if steps:
        return f"{' '.join(first_few(steps, MOST_NAMED))} {goes_on_with('report_stats', together.joint)}"
    names = ", ".join(first_few([*together.joint.without], MOST_NAMED))
    return f"Set right what is said of {names}, then begin a new report." if names else None


def nobody_asked(failures: dict[str, str], next_step: str | None) -> FlipsnackError:
    """What to say where there is no account to report on."""
    said = " ".join(first_few([f"{name}: {why}" for name, why in failures.items()], MOST_NAMED))
    return FlipsnackError(
        f"No account could be asked. {said}", next_step or "", retry="Try again once that is set right."
    )
