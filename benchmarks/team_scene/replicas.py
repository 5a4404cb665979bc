"""Replicas of a team's server: real processes, which are killed, drained and added while others go on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from benchmarks.team_scene.balancer import unbound_port
from evaluations.assistant import without_settings

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
DRAINED_WITHIN = 60.0


@dataclass
class Replica:
    """One process, and where it is reached without the balancer."""

    number: int
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    ends: bool = False
    """Whether it was asked to."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Without a chance to do anything."""
        self.process.kill()
        self.process.wait(30)

    def drain(self) -> None:
        """Ask it to end, as an operator does, and do not wait."""
        self.ends = True
        self.process.terminate()

    def ended(self) -> int:
        """Its exit status, once it has drained."""
        return self.process.wait(DRAINED_WITHIN)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Replicas:
    """All that were started, each with the same settings."""

    folder: Path
    environment: Mapping[str, str]
    every: list[Replica] = field(default_factory=list)

    @property
    def living(self) -> list[Replica]:
        """Those that take calls."""
        return [one for one in self.every if one.process.poll() is None and not one.ends]

    @property
    def ports(self) -> list[int]:
        return [one.port for one in self.living]

    def begin(self, port: int = 0) -> Replica:
        """One more, which may not answer yet; at the port of one that is gone, where that is given."""
        number, port = len(self.every) + 1, port or unbound_port()
        log, spool = self.folder / f"replica-{number}.log", self.folder / f"spool-{number}"
        spool.mkdir(mode=0o700)
        command = [sys.executable, "-m", "flipsnack_mcp", "serve", "--http", f"127.0.0.1:{port}"]
        environment = {**own_environment(), **self.environment, "FLIPSNACK_SPOOL_DIR": str(spool)}
        with log.open("ab") as said:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
        self.every.append(Replica(number, port, process, log))
        return self.every[-1]

    def wait_for(self, replica: Replica) -> None:
        """Until it says that it is ready."""
        latest = time.monotonic() + PATIENCE
        while against := what_stands_against(replica):
            gone = replica.process.poll() is not None or time.monotonic() > latest
            assert not gone, f"{against} {replica.said()[-3000:]}"
            time.sleep(0.2)


def own_environment() -> dict[str, str]:
    """This process's, but for settings of the product."""
    kept = without_settings()
    return {**kept, "PYTHONPATH": str(ROOT)}


def what_stands_against(replica: Replica) -> str:
    """Why it takes no calls, or nothing."""
    try:
        answer = httpx2.get(f"{replica.url}/ready", timeout=5, trust_env=False)
    except httpx2.TransportError as error:
        return type(error).__name__
    return "" if answer.status_code == 200 else answer.text


@contextmanager
def replicated(replicas: Replicas, count: int) -> Iterator[None]:
    """So many replicas that are ready; all are killed at the end of the block."""
    try:
        for one in [replicas.begin() for _ in range(count)]:
            replicas.wait_for(one)
        yield
    finally:
        for one in replicas.every:
            one.kill()
