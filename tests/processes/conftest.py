"""Real processes, as for the commands."""

from tests.commands.conftest import run, tmp_path

__all__ = ["run", "tmp_path"]
