"""What FLIPSNACK_STATE may say, and what is opened then."""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import subprocess
import sys
from pathlib import Path

import pytest

from flipsnack_mcp.store.opening import open_shared_document, open_store
from flipsnack_mcp.store.shared_document import SharedDocument
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.store.works import Tally, add_one, is_tally


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    return tmp_path


@pytest.mark.parametrize(
    ("state", "path"),
    [
        *(("", "HOME/flipsnack-mcp/state.sqlite"), ("sqlite:~/s.db", "HOME/s.db"), ("sqlite:s.db", "/s.db")),
        *(("sqlite:/a/b c?#%.db", "/a/b c?#%.db"), ("sqlite:///a/b c?#%.db", "/a/b c?#%.db")),
    ],
)
def test_a_state_names_a_file_that_is_not_yet_opened(state: str, path: str, home: Path) -> None:
    store = open_store(state)
    assert isinstance(store, SqliteStore)
    assert (store.shared, store._path) == (True, Path(path.replace("HOME", str(home))))
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("name", ["b c?#%41.db", "käse.db", "a&mode=memory", ":memory:"])
async def test_a_strange_name_is_the_name_of_the_file(home: Path, name: str) -> None:
    store = open_store(f"sqlite:{home / name}")
    await store.transact(lambda records: records.put("a", "b", {}))
    await store.close()
    assert [made.name for made in home.iterdir()] == [name]


NO_STATES = "sqlite: sqlite /a/secret.db memory memory:secret SQLITE:secret sqlite:~nobody-secret/x"


NO_ADDRESSES = [
    *("redis://", "redis:///0", "redis://secret@h/0", "redis://:secret@h/secret", "redis://:sec#ret@h/0", "unix://"),
    *("redis://h/0?secret=1", "redis://h/0?prefix=sec%20ret", "redis://h:secret/0", "redis://h/0?secret"),
    *("redis://[secret/0", "rediss://h/0?prefix=", "unix:///s?db=secret"),
]


@pytest.mark.parametrize("state", [*NO_STATES.split(), *NO_ADDRESSES])
def test_anything_else_is_refused_without_repeating_it(state: str) -> None:
    with pytest.raises(ValueError, match="FLIPSNACK_STATE") as caught:
        open_store(state)
    assert "secret" not in str(caught.value)


async def test_each_document_has_a_file_beside_the_state_file_and_memory_has_none(home: Path) -> None:
    assert isinstance(open_store("memory:"), MemoryStore)
    assert (open_store("memory:").shared, open_store(f"sqlite:{home / 'mine.db'}").shared) == (False, True)
    assert open_shared_document("memory:", "budget", Tally(n=0), is_tally) is None
    for name, times in (("budget-1", 3), ("budget-2", 1)):
        document = open_shared_document(f"sqlite:{home / 'mine.db'}", name, Tally(n=0), is_tally)
        assert isinstance(document, SharedDocument)
        assert [await document.change(add_one) for _ in range(times)][-1] == times
        await document.close()
        assert document._file._database is None
    assert {made.name.removesuffix("-journal") for made in home.iterdir()} == {"budget-1.sqlite", "budget-2.sqlite"}


def test_opening_imports_neither_sqlite_nor_redis_nor_platformdirs() -> None:
    program = (
        "import sys; from flipsnack_mcp.store.opening import *; open_store('sqlite:x'); open_store('memory:'); open_store('redis://h'); open_shared_document('redis://h', 'a', {}, bool); "
        "open_shared_document('sqlite:x', 'a', {}, bool); "
        "sys.exit(str(sorted({'sqlite3', 'platformdirs', 'redis'} & sys.modules.keys())))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ended.stderr.strip() == "[]"
