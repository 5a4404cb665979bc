"""Real processes on a real event loop, without any setting of the person who runs the tests."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flipsnack_mcp.__main__ import main
from tests.commands.ahead import JOBS, Ahead, Place
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


@pytest.fixture(scope="session", autouse=True)
def ahead(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ahead]:
    """Begin the jobs of the tests that were chosen, all at once, with the first test of this folder."""
    document = tmp_path_factory.mktemp("documents") / "offers.pdf"
    document.write_bytes(b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n")
    chosen = {item.name for item in request.session.items}
    with ThreadPoolExecutor(len(JOBS)) as pool:
        yield {name: pool.submit(job, Place(run, document)) for name, job in JOBS.items() if name in chosen}


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
