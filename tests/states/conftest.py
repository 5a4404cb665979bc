"""The state file of 0.1.0, opened a minute after it was made, on virtual time."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import run, run_here
from tests.states.opened import Opened, opened
from tests.virtual_clock import VirtualLoop

__all__ = ["run", "run_here"]


@pytest.fixture
def tmp_path(quick_folder: Path) -> Path:
    """State files are all it holds, as a rule."""
    return quick_folder


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def state(tmp_path: Path) -> Opened:
    return opened("0.1.0", tmp_path)
