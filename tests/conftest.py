"""The real event loop, where a folder names no other, and files without a disk; a worker more than there are cores."""

import compileall
import gc
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings

from flipsnack_mcp.store.redis import link
from tests.redis_server import RedisServer, running_redis


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - folders of our own are made in it
FOLDERS_IN_MEMORY = MEMORY_DISK if MEMORY_DISK.is_dir() else None


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """Where thousands of transactions wait for no disk: it matters to who loses its power, and to no behaviour."""
    with tempfile.TemporaryDirectory(dir=FOLDERS_IN_MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One for all tests that need none of their own: each gives its names another beginning."""
    with tempfile.TemporaryDirectory(dir=FOLDERS_IN_MEMORY) as folder, running_redis(Path(folder)) as server:
        yield server


@pytest.fixture
def patient_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no fault of the server's."""
    for name in ("TO_CONNECT", "TO_STEP"):
        monkeypatch.setattr(link, name, 60.0)


@pytest.fixture
def on_redis(redis_server: RedisServer, patient_with_redis: None) -> str:  # noqa: ARG001 - so it is
    """A state of its own on it, which is empty."""
    return f"{redis_server.url}&prefix=test-{secrets.token_hex(6)}"


# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait, for a process or a socket."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Hundreds of tests start a process of their own: none has to compile what it runs, and each can be interrupted."""
    sys.dont_write_bytecode = False  # some systems set that for all: then each would compile all that it imports
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it for what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(__file__).parents[1] / "flipsnack_mcp", quiet=2)
    gc.disable()


WAIT_FOR_OTHERS = (
    "test_examples", "test_serving", "test_ending", "test_doctor_of_a_server", "test_readiness", "test_processes",
    "test_redis_processes", "test_confirmation_transports", "test_over_a_socket", "test_assistant", "test_belongings",
)  # fmt: skip
"""Modules whose tests wait for a process or a socket of their own, and compute little."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They come first, all at one worker, beside which the others have the cores; at the end all would wait for them."""
    items.sort(key=lambda item: item.path.stem not in WAIT_FOR_OTHERS)


def pytest_collection_finish() -> None:
    """What was collected lives to the end: the garbage collector need not look through it again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A worker tells one thing of a test that passes, not five: for ten thousand tests that is a twentieth of the wait.

    As pytest-xdist does with what was collected (pytest-xdist#330).
    """
    if not hasattr(item.config, "workerinput"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True
