"""What all calls of a server share. Made at the first of them: tools/list waits for nothing of it."""

import math
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import anyio

from flipsnack_mcp.api import ConfigurationError, Flipsnack
from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.files.spool import Spool
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.consent.confirmation import Confirmation
from flipsnack_mcp.server.consent.yes import yeses_of
from flipsnack_mcp.server.instructions import READS_LEADS
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.toolsets import beyond, lacking, menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import Clock, on_the_wall
from flipsnack_mcp.store.labels import LabelledStore
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.addresses.fetched import FileAddresses
from flipsnack_mcp.workflows.addresses.handed import HandedUploads
from flipsnack_mcp.workflows.addresses.handing import Handing
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.batches.carrying_out import Batches
from flipsnack_mcp.workflows.batches.record import BATCH, BatchRecord
from flipsnack_mcp.workflows.batches.seeing import Eyes
from flipsnack_mcp.workflows.begun import StillMay, nobody_is_asked
from flipsnack_mcp.workflows.downloads.exports import Downloads
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.lookout import Lookout
from flipsnack_mcp.workflows.plans.carrying_out import Plans
from flipsnack_mcp.workflows.plans.record import PLAN, PlanRecord
from flipsnack_mcp.workflows.plans.rules import DELETING, Permissions
from flipsnack_mcp.workflows.recalling import Recent
from flipsnack_mcp.workflows.reports.record import REPORT, ReportRecord
from flipsnack_mcp.workflows.reports.running import Reports
from flipsnack_mcp.workflows.uploads.journal import Journal
from flipsnack_mcp.workflows.uploads.sending import Uploads

TO_SET = "Ask the person to set it in the configuration of this MCP server."


@dataclass
class OwnNumber:
    """By which Flipsnack's own links know an account, as far as it was asked for."""

    known: str | None = None
    """Empty where it had no collection to tell it; None where it could not be told."""
    not_before: float = -math.inf
    """When it is asked for again, where it could not be told."""
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    """One call asks for it, the others wait for that."""


class App:
    """The client and its account: what is going on there, what is remembered, and who may do what.

    `called` is what answers call the account, where a server has several; one `lookout` looks for all of them.
    """

    def __init__(
        self,
        settings: Settings,
        flipsnack: Flipsnack,
        lookout: Lookout,
        now: Clock,
        redactor: Redactor,
        called: str = "",
        still_may: StillMay = nobody_is_asked,
    ) -> None:
        account, allowed = settings.account, permissions_of(settings, still_may)
        jobs = self.jobs = Jobs(lookout, account)
        # Around it: to look whether something is left of an account is no use of it.
        store: Store = LabelledStore(jobs.store, account, settings.label)
        self.settings, self.flipsnack, self.redactor = settings, flipsnack, redactor
        self.number = OwnNumber()
        self.offered: AbstractSet[str] = menu(settings).keys()
        self.lacks, self.called = lacking(settings), called
        self.confirmation = Confirmation(settings.confirm, Consents(store, account, called), called)
        self.history = History(store, account, self.redactor.data, lambda: CALLER.get().name)
        self.allowance = Allowance(store, account, settings.max_deletes_per_hour, settings.max_deletes_per_day)
        self.recent, journal = Recent(store, account), Journal(store, account)
        flipsnack.changing, flipsnack.changed = self.recent.changing, self.recent.changed
        apart = Lookout(MemoryStore(now), lookout.background)
        # A package can be fetched again at any time: what is known of it needs no state file, and ends with the process.
        self.downloads = Downloads(flipsnack, Jobs(apart, account))
        self.uploads = Uploads(flipsnack, journal, jobs, still_may)
        self.eyes = Eyes(store, account, settings.upload_dirs)
        uploads_many, batches = "create_collections" in self.offered, BatchRecord(store, account)
        self.batches = Batches(
            flipsnack, jobs, batches, self.uploads, self.history, settings.upload_dirs, uploads_many, still_may
        )
        self.reports = Reports(flipsnack, jobs, ReportRecord(store, account), lambda: on_the_wall(now()), still_may)
        unkept = ReportRecord(apart.store, account)
        self._reports_unkept = replace(self.reports, jobs=Jobs(apart, account), record=unkept)
        self.plans = Plans(flipsnack, jobs, PlanRecord(store, account), self.history, journal, self.allowance, allowed)
        self.still_may = still_may
        """Whether who had something begun may still have it done."""
        self.handing: Handing | None = None
        """What comes and goes by addresses, where nobody's disk can be read."""
        if not settings.missing:  # whoever cannot ask goes on with nothing
            self._go_on_unattended(lookout, changes=allowed.changes, uploads_many=uploads_many)

    def take_addresses(self, spool: Spool) -> None:
        """From now on documents and files come and go by addresses."""
        store, account = self.history.store, self.settings.account
        self.handing = Handing(
            self.flipsnack,
            self.uploads,
            self.jobs,
            self.history,
            spool,
            HandedUploads(store, account),
            FileAddresses(store, account),
        )

    def keeping_nothing(self) -> Self:
        """The same for reports while the store cannot be reached, in which leads are: both are this process's alone."""
        alone = copy(self)
        alone.reports, alone.offered = self._reports_unkept, self.offered - {READS_LEADS}
        return alone

    @property
    def keeps_reports(self) -> bool:
        """Whether a report is found again by its id."""
        return self.reports is not self._reports_unkept

    def _go_on_unattended(self, lookout: Lookout, *, changes: bool, uploads_many: bool) -> None:
        """Say what is gone on with though no call asks for it: only what a call could have done as well."""
        if self.settings.team:  # who asked for an upload may ask another replica, or nobody
            lookout.heirs.append(self.uploads)
        if changes:
            self.jobs.unattended[PLAN] = (self.plans.carry_out, self.plans.note_stop)
        if uploads_many:
            self.jobs.unattended[BATCH] = (self.batches.carry_out, self.batches.note_stop)
        if {"report_stats", "audit_account"} & self.offered:
            self.jobs.unattended[REPORT] = (self.reports.carry_out, self.reports.note_stop)

    def heading(self, why: str = "") -> Heading:
        """What stands over its answers; `why` it was this account, where it was not named."""
        return Heading(self.redactor, self.settings.sandbox, self.called, why, self.lacks_now)

    @property
    def lacks_now(self) -> frozenset[str]:
        """The tools that whoever calls cannot call here."""
        return self.lacks | beyond(CALLER.get().rights)

    @property
    def download_dir(self) -> Path:
        """Where packages and reports go.

        Raises:
            ConfigurationError: It cannot be told.
        """
        self.check_folder("FLIPSNACK_DOWNLOAD_DIR")
        return download_folder(self.settings.download_dir)

    @property
    def upload_dirs(self) -> tuple[Path, ...]:
        """From which folders documents may be uploaded; raises where all that is named is wrong."""
        if not self.settings.upload_dirs:
            self.check_folder("FLIPSNACK_UPLOAD_DIRS")
        return self.settings.upload_dirs

    def check_folder(self, variable: str) -> None:
        """Raise where it cannot be told which folder is meant."""
        if wrong := self.settings.wrong_folders.get(variable):
            raise ConfigurationError(wrong, TO_SET)

    def check_settings(self) -> None:
        """Raise where Flipsnack cannot be asked for want of a setting."""
        if missing := self.settings.missing:
            raise ConfigurationError(missing, TO_SET)


def permissions_of(settings: Settings, still_may: StillMay = nobody_is_asked) -> Permissions:
    """What may be done for a plan that nobody waits for: only what a call could do as well."""
    offered = {"update_collections", DELETING} <= menu(settings).keys()
    return Permissions(offered, yeses_of(settings.confirm), still_may)


def lookout_of(settings: Settings, store: Store, background: anyio.abc.TaskGroup) -> Lookout:
    """What looks for unfinished work of all accounts; all the time, where several servers share the store."""
    lookout = Lookout(store, background)
    if settings.team and store.shared:
        lookout.keep_on()
    return lookout
