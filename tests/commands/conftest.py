"""Real processes on a real event loop, without any setting of the person who runs the tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flipsnack_mcp.__main__ import main
from tests.commands.processes import Ended, Run


@pytest.fixture
def tmp_path(quick_folder: Path) -> Path:
    """State files are all it holds, as a rule."""
    return quick_folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    downloads, state = (str(tmp_path_factory.mktemp(name)) for name in ("downloads", "state"))
    own = {"FLIPSNACK_DOWNLOAD_DIR": downloads, "XDG_STATE_HOME": state, "HOME": state, "PYTHONWARNINGS": "default"}
    return Run({**environment, **own})


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("documents") / "offers.pdf"
    file.write_bytes(b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n")
    return file


@pytest.fixture(scope="session")
def served(run: Run, document: Path) -> Iterator[str]:
    """A server over HTTP with an imitation of its own, for all that only look at it or delete what they found or made."""
    with run.served(document.parent) as address:
        yield address


@pytest.fixture
def run_here(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ended]:
    """The same without a process of its own: ten times as fast, for what ends before anything is served.

    Each test has a state of its own, or it would wait for the calls that another one made with the same key.
    """
    own = {
        "FLIPSNACK_DOWNLOAD_DIR": run.environment["FLIPSNACK_DOWNLOAD_DIR"],
        "XDG_STATE_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),  # clients of the person who runs the tests have configurations there
    }

    def here(*arguments: str, **environment: str) -> Ended:
        for name in [name for name in os.environ if name.startswith("FLIPSNACK_")]:
            monkeypatch.delenv(name)
        for name, value in {**own, **environment}.items():
            monkeypatch.setenv(name, value)
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        shown = capsys.readouterr()
        return Ended(status, shown.out, shown.err)

    return here
