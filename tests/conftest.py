"""The real event loop, where a folder names no other, and files without a disk; a worker more than there are cores."""

import compileall
import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
    """One for all tests of a process, each of which has a prefix of its own."""
    with tempfile.TemporaryDirectory(dir=FOLDERS_IN_MEMORY) as folder, running_redis(Path(folder)) as server:
        yield server


# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait, for a process or a socket."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Hundreds of tests start a process of their own: none has to compile what it runs, and each can be interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it for what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(__file__).parents[1] / "flipsnack_mcp", quiet=2)
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected lives to the end: the garbage collector need not look through it again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    gc.enable()
