"""A home folder for each test, without any client's command and without a keychain."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.commands.setup import credentials, keychain, starting
from flipsnack_mcp.settings import Settings
from tests.commands.processes import Ended
from tests.commands.setup.at_home import Home


@pytest.fixture
def home(run_here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    monkeypatch.setattr(keychain, "LIBRARY", "no_keychain_is_installed_here")
    for name in starting.OF_THE_NETWORK:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return Home(tmp_path, run_here, monkeypatch)


ASKED = credentials.asked_flipsnack


@pytest.fixture
def asks() -> Callable[[Settings], Coroutine[Any, Any, str]]:
    """How Flipsnack is really asked."""
    return ASKED


@pytest.fixture
def no_flipsnack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers who could say whether a key is right."""

    async def asked(_: Settings) -> str:
        return ""

    monkeypatch.setattr(credentials, "asked_flipsnack", asked)
