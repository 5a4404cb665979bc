"""The examples are programs that work."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUICK = Path(__file__).with_name("quick")
CATALOGUE = str(ROOT / "flipsnack_mcp" / "commands" / "catalogue.pdf")
RUNS = {
    "typed": (["answer_confirmations.py", CATALOGUE], "Example catalogue\n"),
    "closed": (["answer_confirmations.py", CATALOGUE], "\n"),
    "library": (["plain_library.py"], ""),
}
TO_READ = 0.6
"""Seconds a person needs at the least: whoever is faster has not seen the form."""
Printed = Callable[[str], str]


@pytest.fixture(scope="module")
def printed() -> Iterator[Printed]:
    """What each run printed. All run side by side: they spend their time waiting for a conversion."""
    with ExitStack() as stack:
        started = {name: stack.enter_context(start(*command)) for name, (command, _) in RUNS.items()}

        def finish(name: str) -> str:
            shown = read_form(started[name]) if RUNS[name][1] else ""
            out, err = started[name].communicate(RUNS[name][1], timeout=60)
            assert started[name].returncode == 0, err
            return shown + out

        yield finish


def start(example: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "examples" / example), *arguments]
    pipe, paths = subprocess.PIPE, [str(QUICK), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "FLIPSNACK_CALLS_PER_MINUTE": "600"}
    environment = {**os.environ, **own}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)  # noqa: S603  # our own program


def read_form(started: subprocess.Popen[str]) -> str:
    """Everything up to the form and the prompt below it, read as a person reads."""
    assert started.stdout
    shown = ""
    while not shown.endswith("  > "):
        piece = started.stdout.read(1)
        assert piece, shown
        shown += piece
    time.sleep(TO_READ)
    return shown


def test_a_client_shows_progress_and_deletes_only_once_the_title_is_typed(printed: Printed) -> None:
    text, closed = printed("typed"), printed("closed")
    assert [one for one in ("... upload: ", "... conversion: processing", "state: complete") if one not in text] == []
    assert "deleted: yes" in text
    assert "Nothing was changed." in closed
    assert "deleted: yes" not in closed


def test_the_library_lists_the_most_read_collections_without_mcp(printed: Printed) -> None:
    rows = printed("library").splitlines()
    views = [int(row.split()[0]) for row in rows]
    assert len(views) == 5
    assert views == sorted(views, reverse=True)
