"""Whose request budget it is, and where nothing can be kept."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.api import pace
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.api.budget import BudgetRules, stamps
from flipsnack_mcp.api.counting import settled_calls
from flipsnack_mcp.api.errors import NotCountedError
from flipsnack_mcp.commands.connecting import budget, connect, kept_at, remember
from flipsnack_mcp.server.callers.away import AWAY, TO_WHOEVER_RUNS_IT
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.shared_document import SharedDocument
from flipsnack_mcp.workflows.context import CallContext
from tests.commands.processes import KEY, SECRET


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "flipsnack-mcp"


def an_account(key: str = KEY, **settings: Any) -> Settings:
    return Settings(api_key=key, api_secret=SECRET, **settings)


async def calls_counted(store: settled_calls.BudgetStore) -> int:
    count = await store.change(lambda document, now: len(stamps(document, now)))
    await store.close()
    return count


async def one_call(settings: Settings) -> None:
    store = budget(settings)
    async with pace.Pacer(store, BudgetRules()).slot():
        pass
    await store.close()


async def test_all_processes_on_one_key_have_one_budget_and_another_key_has_its_own(home: Path) -> None:
    await one_call(an_account())
    await one_call(an_account(calls_per_minute=30))
    assert await calls_counted(budget(an_account())) == 2
    assert await calls_counted(budget(an_account("ANOTHER-KEY-7SG7832"))) == 0
    assert len(list(home.glob("*.sqlite"))) == 2
    assert isinstance(budget(Settings(sandbox=True, state="sqlite:/x")), SharedDocument)


async def test_each_account_of_a_file_has_its_own_budget_whatever_it_is_called(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    keys = {"de": KEY, "fr": "ANOTHER-KEY-7SG7832"}
    file.write_text("".join(f'[accounts.{name}]\nkey = "{key}"\nsecret = "{SECRET}"\n' for name, key in keys.items()))
    de, fr = read_settings({"FLIPSNACK_ACCOUNTS": str(file)}).every
    await one_call(an_account())
    await one_call(de)
    assert [await calls_counted(budget(one)) for one in (de, fr)] == [2, 0]
    assert len(list(home.glob("*.sqlite"))) == 2


async def test_the_file_lies_beside_the_state_file_and_says_nothing_of_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    await one_call(an_account(state=f"sqlite:{folder / 'mine.db'}"))
    name = f"calls-{an_account().account}.sqlite"
    files = [*folder.iterdir()]
    assert {one.name for one in files} == {name, f"{name}-journal"}
    assert [one for one in files if KEY.encode() in one.read_bytes() or KEY in one.name] == []


async def test_nothing_is_opened_before_the_first_request(home: Path) -> None:
    async with connect(an_account()):
        assert not home.exists()


@pytest.mark.parametrize("settings", [an_account(state="memory:"), Settings(sandbox=True)], ids=["memory", "sandbox"])
async def test_without_a_file_a_budget_is_the_processes_own(settings: Settings, home: Path) -> None:
    await one_call(settings)
    assert await calls_counted(budget(settings)) == 0
    assert not home.exists()


IMITATIONS = '[accounts.a]\nsandbox = true\n[accounts.b]\nsandbox = "empty"\n'
ONE_IS_REAL = f'{IMITATIONS}[accounts.c]\nkey = "{KEY}"\nsecret = "{SECRET}"\n'


@pytest.mark.parametrize(
    ("content", "environment", "kept"),
    [
        (IMITATIONS, {}, "memory:"),
        (IMITATIONS, {"FLIPSNACK_STATE": "sqlite:/x"}, "sqlite:/x"),
        (ONE_IS_REAL, {}, ""),
        (ONE_IS_REAL, {"FLIPSNACK_SANDBOX": "1"}, "memory:"),
        (f"{ONE_IS_REAL}sandbox = false\n", {"FLIPSNACK_SANDBOX": "1"}, ""),
    ],
)
def test_what_imitations_alone_did_is_forgotten_and_what_a_real_account_did_is_not(
    tmp_path: Path, content: str, environment: dict[str, str], kept: str
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(content)
    assert kept_at(read_settings({"FLIPSNACK_ACCOUNTS": str(file), **environment})) == kept


@pytest.mark.parametrize("state", ["sqlite:~nobody-of-this-name/state.sqlite", "sqlite:", "redis://secret@host", "x"])
def test_a_state_that_cannot_be_understood_never_keeps_the_server_from_starting(state: str) -> None:
    settings = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, "FLIPSNACK_STATE": state})
    remember(settings)
    assert settings.problems
    assert "secret" not in " ".join(settings.problems)


IMITATIONS = """
[accounts.one]
sandbox = "small"
[accounts.two]
sandbox = "large"
[accounts.three]
sandbox = "empty"
[accounts.four]
sandbox = true
"""


async def test_each_account_of_the_file_is_an_imitation_of_its_own_that_begins_as_it_says(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(IMITATIONS, encoding="utf-8")
    found = list[int]()
    for one in read_settings({"FLIPSNACK_ACCOUNTS": str(file)}).every:
        async with connect(one) as flipsnack:
            listed = await CallContext(flipsnack).within(30).send(ListCollections(limit=1))
            found.append(listed.total)
    assert found == [26, 211, 0, 26]


@pytest.mark.parametrize("team", [True, False])
async def test_where_the_calls_are_counted_is_told_to_nobody_who_can_mend_nothing(
    caplog: pytest.LogCaptureFixture, *, team: bool
) -> None:
    """Not with the error itself either: works keep it, and others are told of it in other words."""
    store = budget(an_account(state="redis://127.0.0.1:1/0", team=team))
    with pytest.raises(NotCountedError) as caught:
        async with pace.Pacer(store, BudgetRules()).slot():
            pass
    await store.close()
    assert ("127.0.0.1" in str(caught.value)) is not team
    assert (AWAY in str(caught.value), TO_WHOEVER_RUNS_IT in str(caught.value)) == (team, team)
    assert ("127.0.0.1" in caplog.text) is team  # where whoever runs the server finds the cause
