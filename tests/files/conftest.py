"""The ground the tests of files stand on: an allowed folder, and everything that lies around it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

CONTENT = b"%PDF-1.7\n" + b"ours " * 2000
FOREIGN = b"%PDF-1.7\n" + b"theirs " * 2000


@dataclass(frozen=True)
class Ground:
    allowed: Path
    outside: Path
    good: Path
    secret: Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Two folders whose names begin alike, each with a PDF in it."""
    allowed, outside = tmp_path / "allowed", tmp_path / "allowed-evil"
    for folder in (allowed, outside):
        folder.mkdir()
    good, secret = allowed / "good.pdf", outside / "secret.pdf"
    good.write_bytes(CONTENT)
    secret.write_bytes(FOREIGN)
    return Ground(allowed, outside, good, secret)
