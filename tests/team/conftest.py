"""Real processes and folders, as for the commands; servers on HTTP in this process."""

from tests.commands.conftest import run
from tests.server.conftest import patient_page_counter, schemas_checked_once

__all__ = ["patient_page_counter", "run", "schemas_checked_once"]
