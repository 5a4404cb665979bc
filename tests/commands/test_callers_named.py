"""What a person reads in a terminal says who had it done, where callers are told apart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.consent.form import Preview
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import History
from tests.commands.processes import Ended

ANNA = Caller("anna\x1b[31m", "token 1234")
PREVIEW = Preview(target="hash/", seen="s", text="Delete it.", expected="A title", collection_hash="hash")


def kept_in(file: Path, caller: Caller) -> None:
    """Two changes and a code of one caller."""

    async def write() -> None:
        CALLER.set(caller)
        store = SqliteStore(file)
        history = History(store, "0123456789abcdef", who=lambda: CALLER.get().name)
        number = await history.add(tool="update_collection", target="hash", decision="allowed", before={"title": "A"})
        await history.add(tool="update_collection", target="hash", decision="done", of=number)
        assert await Consents(store, "0123456789abcdef").new_code("delete_collection", PREVIEW, needs_approval=True)
        await store.close()

    anyio.run(write)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def test_the_history_names_the_caller(run_here: Callable[..., Ended], state: Path) -> None:
    kept_in(state, ANNA)
    told = run_here("history", FLIPSNACK_STATE=f"sqlite:{state}")
    assert 'done, by "anna[31m"' in told.out
    (_, ended) = json.loads(run_here("history", "--json", FLIPSNACK_STATE=f"sqlite:{state}").out)
    assert ended["caller"] == ANNA.name
    assert "whole" in run_here("history", "--verify", FLIPSNACK_STATE=f"sqlite:{state}").out


def test_the_history_of_nobody_in_particular_names_nobody(run_here: Callable[..., Ended], state: Path) -> None:
    kept_in(state, Caller())
    assert " by " not in run_here("history", FLIPSNACK_STATE=f"sqlite:{state}").out


def test_who_is_to_approve_is_told_who_asks(run_here: Callable[..., Ended], state: Path) -> None:
    kept_in(state, ANNA)
    told = run_here("approve", FLIPSNACK_STATE=f"sqlite:{state}")
    assert 'Asked for by "anna[31m". Delete it.' in told.out


def test_the_doctor_counts_whose_changes_there_are(run_here: Callable[..., Ended], state: Path, tmp_path: Path) -> None:
    kept_in(state, ANNA)
    more = {"FLIPSNACK_STATE": f"sqlite:{state}", "FLIPSNACK_TOKENS": str(tmp_path / "none.json")}
    checks: list[dict[str, Any]] = json.loads(run_here("doctor", "--json", FLIPSNACK_SANDBOX="1", **more).out)["checks"]
    assert [one["said"] for one in checks if one["check"] == "callers"][1] == 'in the history: "anna[31m" (1)'
