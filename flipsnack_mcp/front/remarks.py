"""What is said of the settings when a server starts."""

import logging
from collections.abc import Iterable

from flipsnack_mcp.settings import Settings

log = logging.getLogger(__name__)


def log_to_stderr(settings: Settings) -> None:
    """Log plain lines, before anything else can install a handler of its own."""
    logging.basicConfig(level=settings.log_level, format="%(message)s")


def remark_on(settings: Settings, files: Iterable[str] = ()) -> None:
    """Point out what is wrong or looks so, and what is said of files with keys."""
    for one in (*settings.warnings, *files):
        log.warning("%s", one)
    for one in dict.fromkeys(note for each in (settings, *settings.accounts) for note in each.notes):
        log.info("%s", one)
