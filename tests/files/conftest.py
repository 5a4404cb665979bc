"""The fixtures of the tests of files."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.files.apart import process
from tests.files.ground import PDF, Ground, Started


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    allowed, outside = tmp_path / "allowed", tmp_path / "allowed-evil"
    for folder in (allowed, outside):
        folder.mkdir()
    good, secret = allowed / "good.pdf", outside / "secret.pdf"
    good.write_bytes(PDF + b"ours " * 2000)
    secret.write_bytes(PDF + b"theirs " * 2000)
    return Ground(allowed, outside, good, secret, monkeypatch)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The processes that were started to look at a file."""
    processes: Started = []

    def watched(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen(*args, **kwargs))  # noqa: S603
        return processes[-1]

    monkeypatch.setattr(process, "Popen", watched)
    return processes
