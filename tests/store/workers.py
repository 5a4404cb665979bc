"""Starts workers, lets them begin together, and reaps them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Worker:
    def __init__(self, what: str, path: Path) -> None:
        command = [sys.executable, "-m", "tests.store.worker", what, str(path)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - our own program

    def hears(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == word + "\n"

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def workers(number: int, what: str, path: Path) -> Iterator[list[Worker]]:
    """Start so many, ready to go; whoever still runs at the end is killed."""
    all_of_them = [Worker(what, path) for _ in range(number)]
    try:
        for worker in all_of_them:
            worker.hears("ready")
        yield all_of_them
    finally:
        for worker in all_of_them:
            worker.process.kill()
            worker.process.communicate()
