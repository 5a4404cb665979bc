"""What all calls of a server share. Made at the first of them: tools/list waits for nothing of it."""

import os
import secrets
from pathlib import Path

from anyio.abc import TaskGroup

from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.api.errors import ConfigurationError
from flipsnack_mcp.files.folders import default_download_folder
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.consent.confirmation import Clock, Confirmation
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.downloads.transfers import Transfers
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.plans.record import Plans
from flipsnack_mcp.workflows.recalling import Recent
from flipsnack_mcp.workflows.reports.background import Reports
from flipsnack_mcp.workflows.uploads.journal import Journal
from flipsnack_mcp.workflows.uploads.uploading import Uploads


class App:
    """The client and its account: what is going on there, what is remembered, and who may do what."""

    def __init__(
        self, settings: Settings, flipsnack: Flipsnack, store: Store, background: TaskGroup, now: Clock
    ) -> None:
        account = settings.account
        self.settings, self.flipsnack, self.redactor = settings, flipsnack, Redactor.of(settings)
        self.confirmation = Confirmation(settings.confirm, Consents(store, account), now)
        self.history = History(store, account, self.redactor.data)
        self.allowance = Allowance(store, account, settings.max_deletes_per_hour, settings.max_deletes_per_day)
        self.recent = Recent(store, account)
        flipsnack.changing = self.recent.changing
        journal = Journal(store, account, f"{os.getpid()}-{secrets.token_hex(4)}")
        self.uploads = Uploads(flipsnack, journal, background)
        self.transfers = Transfers(flipsnack, background)
        self.reports = Reports(flipsnack, store, account, background, now)
        self.plans = Plans(store, account)

    @property
    def download_dir(self) -> Path:
        """Where packages and reports go."""
        return self.settings.download_dir or default_download_folder()

    def check_settings(self) -> None:
        """Raise where Flipsnack cannot be asked for want of a setting."""
        if missing := self.settings.missing:
            raise ConfigurationError(missing, "Ask the person to set it in the configuration of this MCP server.")
