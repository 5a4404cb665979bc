"""Starts workers, lets them begin together, and reaps them."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.store import worker

# Forked from a process that has already imported everything and opened nothing: a start takes milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.store.worker"])


class Worker:
    def __init__(self, job: Callable[..., Any], path: Path) -> None:
        self._pipe, theirs = processes.Pipe()
        self.process = processes.Process(target=worker.begin, args=(job, path, theirs))
        self.process.start()
        theirs.close()

    def hears(self, word: str) -> None:
        assert self._pipe.recv() == word

    def go(self) -> None:
        self._pipe.send("go")

    def killed(self) -> None:
        self.process.kill()
        self.process.join()

    def ended(self) -> int | None:
        self.process.join(60)
        return self.process.exitcode


@contextmanager
def workers(number: int, job: Callable[..., Any], path: Path) -> Iterator[list[Worker]]:
    """Start so many, ready to go; whoever still runs at the end is killed."""
    all_of_them = [Worker(job, path) for _ in range(number)]
    try:
        for one in all_of_them:
            one.hears("ready")
        yield all_of_them
    finally:
        for one in all_of_them:
            one.killed()
