"""Real processes and folders, as for the commands; servers on HTTP in this process."""

from tests.commands.conftest import run

__all__ = ["run"]
