"""What a demo leaves: its report, named, and opened where that is wanted. The demo itself is played by `.ci/run`."""

import tempfile
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.commands import demo as commands_demo
from flipsnack_mcp.started import as_typed
from tests.commands.processes import Ended

Here = Callable[..., Ended]
REPORT = "Flipsnack report 2026-10-30 to 2026-11-28.html"


@dataclass
class Scene:
    """A demo whose steps are over at once, before a browser that is watched."""

    folder: Path
    failure: str = ""
    has_browser: bool | webbrowser.Error = True
    opened: list[tuple[str, list[str]]] = field(default_factory=list[tuple[str, list[str]]])
    """Each address, and the folders of demos that were there still."""

    async def played(self, folder: Path) -> str:
        downloads = anyio.Path(folder) / "downloads"
        await downloads.mkdir()
        await (downloads / REPORT).write_text("the report")
        return self.failure

    def open(self, address: str) -> bool:
        self.opened.append((address, [one.name for one in self.folder.glob("flipsnack-demo-*")]))
        if isinstance(self.has_browser, webbrowser.Error):
            raise self.has_browser
        return self.has_browser

    @property
    def kept(self) -> list[Path]:
        return [*self.folder.rglob(REPORT)]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    found = Scene(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(commands_demo, "played", found.played)
    monkeypatch.setattr(webbrowser, "open", found.open)
    return found


def test_the_report_is_kept_and_named_and_nothing_opened_unasked(scene: Scene, run_here: Here) -> None:
    done = run_here("demo")
    (report,) = scene.kept
    assert (done.status, scene.opened, report.read_text()) == (0, [], "the report")
    assert {str(report), as_typed("setup claude-desktop")} <= {*done.out.splitlines()}
    assert [one.name for one in scene.folder.iterdir()] == [report.parent.name]


def test_it_is_opened_where_that_is_wanted_after_everything_has_ended(scene: Scene, run_here: Here) -> None:
    done = run_here("demo", "--show")
    (report,) = scene.kept
    assert (done.status, scene.opened) == (0, [(report.as_uri(), [])])
    assert done.out.splitlines()[-1] == "The report was handed to your browser."


@pytest.mark.parametrize("none", [False, webbrowser.Error("could not locate runnable browser")], ids=["no", "an error"])
def test_where_there_is_no_browser_the_path_is_said(
    scene: Scene, run_here: Here, *, none: bool | webbrowser.Error
) -> None:
    scene.has_browser = none
    done = run_here("demo", "--show")
    assert (done.status, done.out.splitlines()[-1]) == (0, f"No browser was found here. The report is {scene.kept[0]}")


def test_a_demo_that_failed_leaves_and_opens_nothing(scene: Scene, run_here: Here) -> None:
    scene.failure = "expected: it is a draft"
    done = run_here("demo", "--show")
    assert (done.status, scene.opened, [*scene.folder.iterdir()]) == (1, [], [])
    assert done.out.splitlines()[-1] == "FAILED: expected: it is a draft"
