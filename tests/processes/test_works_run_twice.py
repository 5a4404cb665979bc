"""What runs in transactions changes nothing but records: it may be run again (`store/redis`) without anybody seeing it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITES = (
    *("tests/workflows/test_journal.py", "tests/workflows/test_jobs.py", "tests/workflows/test_allowance.py"),
    *("tests/server/test_sealing.py", "tests/server/test_undo.py", "tests/server/test_bulk.py"),
    *("tests/store/test_labels.py", "tests/store/test_shared_document.py", "tests/workflows/test_leads.py"),
)
COUNTS_ITS_RUNS = """
from flipsnack_mcp.store.sqlite import MemoryStore

async def test_it() -> None:
    runs = []
    await MemoryStore().transact(lambda records: runs.append(1))
    assert runs == [1]
"""


def run_twice(*files: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "tests.running_twice", "-p", "no:cacheprovider", *files]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program


def test_existing_suites_hold_where_each_work_is_run_twice() -> None:
    assert (ended := run_twice(*SUITES)).returncode == 0, ended.stdout[-4000:]


def test_a_work_that_counts_its_runs_is_noticed(tmp_path: Path) -> None:
    (file := tmp_path / "test_counting.py").write_text(COUNTS_ITS_RUNS)
    ended = run_twice(str(file), "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"))
    assert ended.returncode == 1
    assert "assert [1, 1] == [1]" in ended.stdout
