"""One server that asks who calls, for all tests that change nothing of it; and one for each that does."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipsnack_mcp.team.authentication import issuer
from flipsnack_mcp.team.exchange import guessing
from tests.conftest import FOLDERS_IN_MEMORY
from tests.team.authentication.guarded import Guarded, guarded


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who guesses is not waited for here, nor the next look at an issuer's keys."""
    monkeypatch.setattr(guessing, "WRONG_WAIT", 0.0)
    monkeypatch.setattr(issuer, "LOOKS_APART", 0.0)


@pytest.fixture(scope="module")
def shared() -> Iterator[Guarded]:
    with tempfile.TemporaryDirectory(dir=FOLDERS_IN_MEMORY) as folder, guarded(Path(folder).resolve()) as place:
        yield place


@pytest.fixture
def place(shared: Guarded) -> Guarded:
    """The same server, at which nothing has arrived yet, and nobody has a token of the file."""
    shared.forget()
    shared.tokens.unlink(missing_ok=True)
    return shared


@pytest.fixture
def own(quick_folder: Path) -> Iterator[Guarded]:
    with guarded(quick_folder) as place:
        yield place
