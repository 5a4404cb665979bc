"""The state file of 0.1.0, opened a minute after it was made, on virtual time."""

from pathlib import Path

import pytest

from tests.commands.conftest import run, run_here
from tests.server.conftest import tmp_path
from tests.states.opened import Opened, opened
from tests.virtual_clock import on_virtual_time

__all__ = ["run", "run_here", "tmp_path"]

anyio_backend = on_virtual_time


@pytest.fixture
def state(tmp_path: Path) -> Opened:
    return opened("0.1.0", tmp_path)
