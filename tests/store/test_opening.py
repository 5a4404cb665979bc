"""What FLIPSNACK_STATE may say."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import subprocess
import sys
from pathlib import Path

import pytest

from flipsnack_mcp.store.memory import MemoryStore
from flipsnack_mcp.store.opening import open_store
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.store.workers import ROOT


def where(state: str) -> Path:
    store = open_store(state)
    assert isinstance(store, SqliteStore)
    assert store.shared
    return store._path


def test_memory_is_kept_in_this_process_only() -> None:
    store = open_store("memory:")
    assert isinstance(store, MemoryStore)
    assert not store.shared


def test_nothing_set_means_the_persons_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert where("") == tmp_path / "flipsnack-mcp" / "state.sqlite"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", ["sqlite:/a/b c?#%.db", "sqlite:///a/b c?#%.db"])
def test_a_path_is_taken_as_it_is(state: str) -> None:
    assert where(state) == Path("/a/b c?#%.db")


def test_a_home_and_a_relative_path_become_whole_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    assert where("sqlite:~/s.db") == tmp_path / "s.db"
    assert where("sqlite:s.db") == Path("/s.db")


@pytest.mark.parametrize("name", ["b c?#%41.db", "käse.db", "a&mode=memory"])
async def test_a_strange_name_is_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    store = open_store(f"sqlite:{tmp_path / name}")
    await store.transact(lambda records: records.put("a", "b", {}))
    await store.close()
    assert [made.name for made in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "state",
    ["sqlite:", "sqlite", "/a/secret.db", "memory", "memory:secret", "SQLITE:secret", "sqlite:~nobody-secret/x"],
)
def test_anything_else_is_refused_without_repeating_it(state: str) -> None:
    with pytest.raises(ValueError, match="FLIPSNACK_STATE") as caught:
        open_store(state)
    assert "secret" not in str(caught.value)


def test_redis_is_not_there_yet_and_its_password_not_repeated() -> None:
    with pytest.raises(ValueError, match="cannot use yet") as caught:
        open_store("redis://:secret@host/0")
    assert "secret" not in str(caught.value)


def test_opening_imports_neither_sqlite_nor_platformdirs() -> None:
    program = (
        "import sys; from flipsnack_mcp.store.opening import open_store; open_store('sqlite:x'); "
        "sys.exit(str(sorted({'sqlite3', 'platformdirs'} & sys.modules.keys())))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ended.stderr.strip() == "[]"
