"""Several processes on one budget, and what arrived at the other end while they were at work."""

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

from tests.sharing.process import Plan

ROOT = Path(__file__).parents[2]
PER_MINUTE = 60


class Program:
    """A program of ours with its pipes."""

    def __init__(self, module: str, argument: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", module, argument], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> str:
        """End it; gives what it had said and nobody had read."""
        self.process.kill()
        said, _ = self.process.communicate()
        return said or ""


@dataclass(frozen=True)
class Arrival:
    """A call as the receiver saw it. Its time is that of all processes of this machine."""

    at: float
    by: str
    action: str
    code: int


@dataclass
class Seen:
    """What arrived from `since` to `until`."""

    scale: float
    since: float
    until: float
    all: list[Arrival]
    asked: dict[str, list[float]] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Answers 31 and 32, from the very start."""
        return sum(one.code != 20 for one in self.all)

    @property
    def counted(self) -> list[Arrival]:
        return [one for one in self.all if self.since <= one.at < self.until]

    @property
    def use(self) -> float:
        """The part of the allowance that was used."""
        return len(self.counted) / (PER_MINUTE * (self.until - self.since) / (60 * self.scale))

    def least_share(self, names: list[str]) -> float:
        """The part of all arrivals that the worst served of these processes had."""
        by = Counter(one.by for one in self.counted)
        return min(by[name] for name in names) / max(1, by.total())

    @property
    def waits(self) -> list[float]:
        """Seconds from a person's question to its arrival."""
        arrived = {
            name: [one.at for one in self.all if one.by == name and "Stats" not in one.action] for name in self.asked
        }
        return [
            at - asked for name, times in self.asked.items() for asked, at in zip(times, arrived[name], strict=False)
        ]


@dataclass
class Scene:
    """Plays what several processes do at once. Times are in Flipsnack's seconds, which `scale` shortens."""

    document: str
    """The file of the budget, or the address of the Redis server that it is on."""
    scale: float
    url: str
    together: Barrier
    """All that begin at the same time: where processes start, those at work would be late."""
    _programs: dict[str, Program] = field(default_factory=dict)

    def prepare(self, name: str, **does: Any) -> None:
        plan = Plan(name, self.url, self.document, self.scale, **does)
        self._programs[name] = Program("tests.sharing.process", json.dumps(asdict(plan)))

    def play(self, since: float, until: float, kill: str = "", kill_at: float = 0.0) -> Seen:
        """Let all begin at once, and look at what arrived between two moments."""
        for program in self._programs.values():
            assert program.line() == "ready"
        self.together.wait(60)
        began = time.monotonic()
        for program in self._programs.values():
            program.go()
        if kill:
            self._wait(began, kill_at)
            self._programs.pop(kill).kill()
        self._wait(began, until)
        asked = {name: [float(one) for one in program.kill().split()] for name, program in self._programs.items()}
        self._programs.clear()
        return Seen(self.scale, began + since * self.scale, began + until * self.scale, self._arrivals(), asked)

    def _wait(self, began: float, moment: float) -> None:
        time.sleep(max(0.0, began + moment * self.scale - time.monotonic()))

    def _arrivals(self) -> list[Arrival]:
        with urllib.request.urlopen(self.url + "arrivals") as answer:  # noqa: S310 - our own program
            return [Arrival(**one) for one in json.load(answer)]

    def clear(self) -> None:
        for program in self._programs.values():
            program.kill()


@contextmanager
def scene(folder: Path, scale: float, together: Barrier | None = None, document: str = "") -> Iterator[Scene]:
    """A receiver with a fresh memory, and processes that are killed at the end."""
    receiver = Program("tests.sharing.receiver", str(scale))
    try:
        playing = Scene(document or str(folder / "budget.sqlite"), scale, receiver.line(), together or Barrier(1))
        try:
            yield playing
        finally:
            playing.clear()
    finally:
        receiver.kill()
