"""The examples are programs that work: three as processes, the other conversations in this one, on a virtual clock."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from examples import talking
from tests.server.in_this_process import ON_A_VIRTUAL_CLOCK, client_here

ROOT = Path(__file__).parents[1]
QUICK = Path(__file__).with_name("quick")
CATALOGUE = str(ROOT / "flipsnack_mcp" / "commands" / "catalogue.pdf")
CREATE, UPDATE, DELETE = "collection.create", "collection.update", "collection.deleteCollection"
CONVERSATIONS: dict[str, dict[str, int]] = {
    "publish_and_share": {CREATE: 1, UPDATE: 1},
    "weekly_report": {},
    "end_a_season": {UPDATE: 12},
    "take_down_and_delete": {UPDATE: 1, DELETE: 1},
    "archive_a_year": {UPDATE: 1},
}
"""How often Flipsnack was asked to change something in each."""
PROCESSES = {
    "typed": (["examples/answer_confirmations.py", CATALOGUE], "Example catalogue\n"),
    "library": (["examples/plain_library.py"], ""),
    "team": (["-m", "examples.work_as_a_team"], ""),
}
TO_READ = 0.6
"""Seconds a person needs at the least: whoever is faster has not seen the form."""
Printed = Callable[[str], str]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_ends_as_it_says_and_changes_nothing_else(name: str, quick_folder: Path) -> None:
    module = import_module(f"examples.{name}")
    changes = anyio.run(changes_of, module.conversation, quick_folder, backend_options=ON_A_VIRTUAL_CLOCK)
    assert changes == CONVERSATIONS[name]


async def changes_of(conversation: talking.Conversation, folder: Path) -> Counter[str]:
    """What a conversation with a server of this process had changed at Flipsnack."""
    person = talking.Person()
    async with client_here(talking.settings_in(folder), folder, person) as (client, bench):
        await conversation(talking.Assistant(client, person))
    return Counter(one for one in bench.requests if one in {CREATE, UPDATE, DELETE})


def test_every_conversation_is_played() -> None:
    modules = {one.stem for one in (ROOT / "examples").glob("*.py")}
    programs = {
        Path(command[-1].replace(".", "/", 1) if "-m" in command else command[0]).stem
        for command, _ in PROCESSES.values()
    }
    assert modules == {*CONVERSATIONS, *programs, "talking"}


@pytest.fixture(scope="module")
def printed() -> Iterator[Printed]:
    """What each run printed. All run side by side: they spend their time waiting for a conversion."""
    with ExitStack() as stack:
        started = {name: stack.enter_context(start(*command)) for name, (command, _) in PROCESSES.items()}

        def finish(name: str) -> str:
            shown = read_form(started[name]) if PROCESSES[name][1] else ""
            out, err = started[name].communicate(PROCESSES[name][1], timeout=60)
            assert started[name].returncode == 0, err
            return shown + out

        yield finish


def start(*command: str) -> subprocess.Popen[str]:
    pipe, paths = subprocess.PIPE, [str(QUICK), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "FLIPSNACK_CALLS_PER_MINUTE": "600"}
    environment = {**os.environ, **own}
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, *command], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=ROOT
    )


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
    text = printed("typed")
    assert [one for one in ("... upload: ", "... conversion: processing", "state: complete") if one not in text] == []
    assert "deleted: yes" in text


def test_the_library_lists_the_most_read_collections_without_mcp(printed: Printed) -> None:
    rows = printed("library").splitlines()
    views = [int(row.split()[0]) for row in rows]
    assert len(views) == 5
    assert views == sorted(views, reverse=True)


def test_people_of_a_team_see_and_do_what_they_may_over_http(printed: Printed) -> None:
    shown = printed("team")
    assert "status: unlisted" in shown
