"""An assistant's server and a person's terminal on one state file: a program typed at, and what it does."""

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from typing_extensions import override

from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.clock import Moment, name_of_run, running_for
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.commands.processes import KEY, PROGRAM, SECRET, Ended, Run
from tests.server.bench import Assistant, Bench, LoopClock

TITLE = "Summer catalogue 2026"
DELETED = "collection.deleteCollection"
Here = Callable[..., Ended]


class Now(LoopClock):
    """The real time of day, as the command has it."""

    @override
    def __call__(self) -> float:
        return time.time() + self.ahead


class Terminal(io.StringIO):
    """A terminal as the command sees it, at which something is typed."""

    @override
    def isatty(self) -> bool:
        return True


@dataclass
class Scene:
    """An assistant's server and a person's terminal, on one state file."""

    bench: Bench
    state: Path
    here: Here
    patch: pytest.MonkeyPatch

    @property
    def environment(self) -> dict[str, str]:
        own = {"FLIPSNACK_STATE": f"sqlite:{self.state}", "FLIPSNACK_CONFIRM": "approve"}
        return {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, **own}

    def moment(self) -> Moment:
        """What the machine's clocks show, as the command reads them; moved on by hand like the time of day."""
        return Moment(self.bench.clock(), running_for() + self.bench.clock.ahead, name_of_run())

    @property
    def wanted(self) -> dict[str, Any]:
        return {"collection_hash": self.bench.collection(TITLE).hash}

    @property
    def deletions(self) -> int:
        return len(self.bench.sandbox.carried_out(DELETED))

    @asynccontextmanager
    async def assistant(self) -> AsyncIterator[Assistant]:
        settings = Settings(api_key=KEY, api_secret=SECRET, confirm="approve", state=f"sqlite:{self.state}")
        store = SqliteStore(self.state, self.moment)
        server = build_server(settings, self.bench.connect, self.bench.clock, store)
        async with self.bench.assistant(server=server) as assistant:
            yield assistant

    async def run(self, *arguments: str, typed: str | None = None, **environment: str) -> Ended:
        """Run a command, at a terminal where something is typed."""
        self.patch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        return await to_thread.run_sync(partial(self.here, *arguments, **{**self.environment, **environment}))

    async def approved(self, code: str, typed: str = f"{TITLE}\n") -> Ended:
        return await self.run("approve", code, typed=typed)


@dataclass(frozen=True)
class AtPty:
    """A person at a pseudo terminal, who types something once they have read this; nothing typed stands for Ctrl-C."""

    program: Run
    environment: Mapping[str, str]
    awaited: str
    typed: str
    before: Mapping[str, str] = field(default_factory=dict[str, str])
    """What they type at what comes before."""

    def __call__(self, *arguments: str) -> Ended:
        ours, theirs = pty.openpty()
        streams: Any = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, *arguments],
            env={**self.program.environment, **self.environment},
            **streams,
            start_new_session=True,
            # A shell's background jobs ignore Ctrl-C and hand that on; whoever sits at a terminal runs none of those.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads yet
        )
        os.close(theirs)
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        shown = self._read(process, ours)
        status = process.wait(60)
        watchdog.cancel()
        return Ended(status, shown, "")

    def _read(self, process: "subprocess.Popen[bytes]", ours: int) -> str:
        shown, waiting = b"", {**self.before, self.awaited: self.typed}
        heard = threading.Event()
        with suppress(OSError):  # the other side is closed: it has ended
            while piece := os.read(ours, 4096):
                shown += piece
                for one in [one for one in waiting if one.encode() in shown]:
                    if typed := waiting.pop(one):
                        os.write(ours, typed.encode())
                    else:
                        threading.Thread(target=interrupted, args=(process, heard)).start()
                if b"\n" in shown.partition(self.awaited.encode())[2]:
                    heard.set()
        os.close(ours)
        return shown.decode()


def interrupted(process: "subprocess.Popen[bytes]", heard: threading.Event) -> None:
    """Press Ctrl-C, and once more if nothing happens: between showing the prompt and reading, Python does not notice.

    Never again once it was heard: a program that has ended but for Python's own end would be killed by that.
    """
    process.send_signal(signal.SIGINT)
    while not heard.wait(2) and process.poll() is None:
        process.send_signal(signal.SIGINT)
