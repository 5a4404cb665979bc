"""What all calls of a server share. Made at the first of them: tools/list waits for nothing of it."""

from dataclasses import dataclass
from pathlib import Path

from anyio.abc import TaskGroup

from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.files.folders import default_download_folder
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.consent.confirmation import DESTROYING_WAYS, Clock, Confirmation
from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.downloads.exports import Downloads
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.jobs import Jobs, nothing_more
from flipsnack_mcp.workflows.plans.carrying_out import Plans
from flipsnack_mcp.workflows.plans.record import PLAN, PlanRecord
from flipsnack_mcp.workflows.plans.rules import Permissions
from flipsnack_mcp.workflows.recalling import Recent
from flipsnack_mcp.workflows.reports.record import REPORT, ReportRecord
from flipsnack_mcp.workflows.reports.running import Reports
from flipsnack_mcp.workflows.uploads.journal import Journal
from flipsnack_mcp.workflows.uploads.sending import Uploads


@dataclass(frozen=True)
class App:
    """The client and its account: what is going on there, what is remembered, and who may do what."""

    settings: Settings
    redactor: Redactor
    flipsnack: Flipsnack
    confirmation: Confirmation
    history: History
    allowance: Allowance
    recent: Recent
    jobs: Jobs
    uploads: Uploads
    downloads: Downloads
    reports: Reports
    plans: Plans

    @property
    def download_dir(self) -> Path:
        """Where packages and reports go."""
        return self.settings.download_dir or default_download_folder()


def app_of(settings: Settings, flipsnack: Flipsnack, store: Store, background: TaskGroup, now: Clock) -> App:
    """All of it, over one client and one store."""
    account, redactor = settings.account, Redactor.of(settings)
    jobs, offered, allowed = Jobs(store, account, background), menu(settings), permissions_of(settings)
    store = jobs.store
    recent, journal, history = Recent(store, account), Journal(store, account), History(store, account, redactor.data)
    flipsnack.changing = recent.changing
    reports = Reports(flipsnack, jobs, ReportRecord(store, account), now)
    plans = Plans(flipsnack, jobs, PlanRecord(store, account), history, journal, allowed)
    if allowed.changes:
        jobs.unattended[PLAN] = (plans.carry_out, plans.note_stop)
    if "report_stats" in offered:
        jobs.unattended[REPORT] = (reports.carry_out, nothing_more)
    # A package can be fetched again at any time: what is known of it needs no state file, and ends with the process.
    fleeting = Jobs(MemoryStore(now), account, background)
    return App(
        settings=settings,
        redactor=redactor,
        flipsnack=flipsnack,
        confirmation=Confirmation(settings.confirm, Consents(store, account), now),
        history=history,
        allowance=Allowance(store, account, settings.max_deletes_per_hour, settings.max_deletes_per_day),
        recent=recent,
        jobs=jobs,
        uploads=Uploads(flipsnack, journal, jobs),
        downloads=Downloads(flipsnack, fleeting),
        reports=reports,
        plans=plans,
    )


def permissions_of(settings: Settings) -> Permissions:
    """What may be done for a plan that nobody waits for: only what a call could do as well."""
    return Permissions("update_collections" in menu(settings), settings.confirm in DESTROYING_WAYS)
