"""The fixtures of the tests of files."""

from pathlib import Path

import pytest

from tests.files.ground import PDF, Ground


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    allowed, outside = tmp_path / "allowed", tmp_path / "allowed-evil"
    for folder in (allowed, outside):
        folder.mkdir()
    good, secret = allowed / "good.pdf", outside / "secret.pdf"
    good.write_bytes(PDF + b"ours " * 2000)
    secret.write_bytes(PDF + b"theirs " * 2000)
    return Ground(allowed, outside, good, secret, monkeypatch)
