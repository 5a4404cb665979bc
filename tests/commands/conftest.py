"""Real processes on a real event loop, without any setting of the person who runs the tests."""

import os
from pathlib import Path

import pytest

from tests.commands.processes import Run


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    return Run({**environment, "FLIPSNACK_DOWNLOAD_DIR": str(tmp_path), "PYTHONWARNINGS": "default"})
