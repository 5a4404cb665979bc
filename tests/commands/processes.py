"""The program as a process: run to its end, or kept running while a test talks to it."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import anyio

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.serving import serve

PROGRAM = (sys.executable, "-m", "flipsnack_mcp")
KEY, SECRET = "KEY-CANARY-7SG7832", "SECRET-CANARY-456-7890"


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    status: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert KEY not in self.out + self.err
        assert SECRET not in self.out + self.err


@dataclass(frozen=True)
class Run:
    """Starts the program in a clean environment."""

    environment: dict[str, str]

    def __call__(self, *arguments: str, given: str = "", **environment: str) -> Ended:
        with self.kept(*arguments, **environment) as process:
            out, err = process.communicate(given, timeout=120)
        return Ended(process.returncode, out, err)

    @contextmanager
    def kept(self, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        """Keep it running until the end of the block."""
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command, environment = [*PROGRAM, *arguments], {**self.environment, **environment}
        with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # noqa: S603 - our own program
            try:
                yield process
            finally:
                process.terminate()
                process.communicate(timeout=60)

    def talk(self, *lines: str, ids: AbstractSet[int | None], **environment: str) -> Ended:
        """Say these lines to a server on stdio, and end it when it has answered all of these."""
        out = list[str]()
        with self.kept(**environment) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n".join(lines) + "\n")
            process.stdin.flush()
            while not ids <= {one.get("id") for one in messages("".join(out))}:
                out.append(process.stdout.readline())
                assert out[-1], "the server ended"
            rest, err = process.communicate(timeout=60)
        return Ended(process.returncode, "".join([*out, rest]), err)

    @contextmanager
    def sandbox(self, *options: str) -> Iterator[dict[str, str]]:
        """A sandbox over HTTP; gives its first line."""
        with self.kept("sandbox", "--port", "0", *options) as process:
            assert process.stdout
            yield json.loads(process.stdout.readline())

    @contextmanager
    def served(self, uploads: Path, *options: str, **environment: str) -> Iterator[str]:
        """A server over HTTP, on the sandbox unless an address is given; gives its address."""
        with nobody_answers_at() as port:
            pass
        where = ("--http", f"127.0.0.1:{port}", "--upload-dirs", str(uploads))
        inside = () if "FLIPSNACK_API_URL" in environment else ("--sandbox",)
        with self.kept("serve", *inside, *options, "--log-level", "info", *where, **environment) as process:
            assert process.stderr
            wait_for(process.stderr, "running on")
            yield f"http://127.0.0.1:{port}/mcp"


@asynccontextmanager
async def at_a_port(imitation: Sandbox) -> AsyncIterator[dict[str, str]]:
    """Serve an imitation in this process; gives the settings that lead a program there."""
    where, there = dict[str, str](), anyio.Event()

    def ready(told: dict[str, str]) -> None:
        where.update({f"FLIPSNACK_{name.upper()}": value for name, value in told.items()})
        there.set()

    async with anyio.create_task_group() as group:
        group.start_soon(serve, imitation, "127.0.0.1", 0, ready)
        await there.wait()
        for name in ("uvicorn", "uvicorn.access"):  # as it is for all other tests of this process
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], True
        yield where
        group.cancel_scope.cancel()


@contextmanager
def nobody_answers_at() -> Iterator[int]:
    """A port that is bound but not listened at: nobody answers, and nobody else takes it."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield int(one.getsockname()[1])


def wait_for(lines: IO[str], what: str) -> str:
    """Read until a line has this."""
    for line in lines:
        if what in line:
            return line
    raise AssertionError(f"never said {what!r}")


def messages(text: str) -> list[Any]:
    """Every line of stdout has to be a JSON-RPC message."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all(one["jsonrpc"] == "2.0" for one in found)
    return found
