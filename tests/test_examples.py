"""The examples are programs that work: three with the servers that they start, the conversations on a virtual clock."""

import os
import runpy
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from examples import plain_library, talking, work_as_a_team
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
PROGRAMS = {"answer_confirmations", "plain_library", "work_as_a_team"}
TO_READ = 0.6
"""Seconds a person needs at the least: whoever is faster has not seen the form."""


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


def test_an_example_that_wants_a_document_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["answer_confirmations"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("examples.answer_confirmations", run_name="__main__")
    assert ended.value.code == "Give the path of a PDF."


def test_every_conversation_is_played() -> None:
    assert {one.stem for one in (ROOT / "examples").glob("*.py")} == {*CONVERSATIONS, *PROGRAMS, "talking"}


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that a program starts convert within two seconds and take as many calls as they get."""
    paths = [str(QUICK), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("FLIPSNACK_CALLS_PER_MINUTE", "600")


@pytest.mark.usefixtures("quickly")
def test_a_client_shows_progress_and_deletes_only_once_the_title_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forms = list[str]()

    def typed(prompt: str) -> str:
        forms.append(capsys.readouterr().out + prompt)
        time.sleep(TO_READ)
        return "Example catalogue"

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(sys, "argv", ["answer_confirmations.py", CATALOGUE])
    runpy.run_path(str(ROOT / "examples" / "answer_confirmations.py"), run_name="__main__")
    (form,), rest = forms, capsys.readouterr().out
    wanted = ("... upload: ", "... conversion: processing", "state: complete", 'type "Example catalogue"')
    assert [one for one in wanted if one not in form] == []
    assert "deleted: yes" not in form
    assert "deleted: yes" in rest


@pytest.mark.usefixtures("quickly")
def test_a_document_that_is_not_there_is_said_to_be_missing_and_the_example_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["answer_confirmations.py", str(tmp_path / "nothing.pdf")])
    runpy.run_path(str(ROOT / "examples" / "answer_confirmations.py"), run_name="__main__")
    assert "does not exist. Nothing was changed." in capsys.readouterr().out


@pytest.mark.usefixtures("quickly")
def test_the_library_lists_the_most_read_collections_without_mcp(capsys: pytest.CaptureFixture[str]) -> None:
    plain_library.main()
    views = [int(row.split()[0]) for row in capsys.readouterr().out.splitlines()]
    assert len(views) == 5
    assert views == sorted(views, reverse=True)


@pytest.mark.usefixtures("quickly")
def test_people_of_a_team_see_and_do_what_they_may_over_http(capsys: pytest.CaptureFixture[str]) -> None:
    work_as_a_team.main()
    assert "status: unlisted" in capsys.readouterr().out
