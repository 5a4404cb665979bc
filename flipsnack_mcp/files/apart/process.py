"""Looking at a file in a process of its own, which can be killed and whose memory is not the server's.

A process, because only a process can be killed, whatever a hostile file makes of its parser. It is given no descriptor
and no path but asks for blocks, which are read here: it cannot open another file, there is no shared offset to move under
an upload (Windows reads by no other), it can be killed while a network disk hangs, and it goes the same way on all systems.
"""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import BinaryIO, cast

from anyio import CancelScope, CapacityLimiter, move_on_after, to_thread

from flipsnack_mcp import systems
from flipsnack_mcp.files.apart.inside import BLOCK

WAITING_LINE = CapacityLimiter(2)  # processes; with more of them none would be done in its seconds
UNKNOWN_VERDICT = "unknown"
MOST_GIVEN = 1024 * 1024
"""Bytes that a program may make of a file."""
GONE_BY = re.compile(
    r"PATH|LANG|LC_\w+|TZ|TE?MP|TMPDIR|SYSTEMROOT|SYSTEMDRIVE|WINDIR|PYTHON\w+|LD_\w+|DYLD_\w+|__PYVENV_LAUNCHER__",
    re.IGNORECASE,
)
"""Variables that Python and the loader of the system go by. Any other may be a password: of a proxy, or somebody else's."""


@dataclass(frozen=True)
class Blocks:
    """What a program may read."""

    size: int
    read: Callable[[int, int], bytes]
    """From an offset so many bytes; raises ValueError or OSError where they are not to be had."""


@dataclass(frozen=True)
class Judgement:
    """What a program found out."""

    verdict: str = UNKNOWN_VERDICT
    made: bytes = b""


async def look_apart(program: Path, blocks: Blocks, seconds: float) -> Judgement:
    """What a program says of a file, in so many seconds or not at all."""
    looking = Looking(program, blocks, seconds)
    async with WAITING_LINE:
        try:
            with move_on_after(seconds):
                # Abandoned: on a disk that does not answer the thread may hang, but nobody waits for it.
                await to_thread.run_sync(looking.run, abandon_on_cancel=True)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(looking.stop)
    return looking.judgement


class Looking:
    """One such process. Every method blocks; `stop` may come from another thread at any moment."""

    def __init__(self, program: Path, blocks: Blocks, seconds: float) -> None:
        self.judgement = Judgement()
        self._program, self._blocks, self._seconds = program, blocks, seconds
        self._lock = Lock()
        self._process: Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> None:
        """Sets the judgement, unless it is stopped before."""
        try:
            with self._started() as process:
                try:
                    self.judgement = self._conversation(process)
                finally:
                    process.kill()  # a process that has said all need not tidy up
        except (OSError, ValueError):
            return  # it could not be started, broke down, or the file did: whoever goes on with that will say so

    def stop(self) -> None:
        """Leaves no process behind."""
        with self._lock:
            self._stopped = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _started(self) -> Popen[bytes]:
        # Through PYTHONPATH it has the modules of this process; -P -s -S add none, and save time.
        command = [sys.executable, "-P", "-s", "-S", str(self._program), str(self._seconds), str(self._blocks.size)]
        # Credentials are nothing for a process that reads other people's files, whosever they are.
        environment = {name: value for name, value in os.environ.items() if GONE_BY.fullmatch(name)}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        with self._lock:
            if self._stopped:
                raise ValueError("stopped before it began")
            # All three streams are its own: the server's carry MCP.
            self._process = Popen(  # noqa: S603 - nothing in it comes from outside
                command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=environment,
                creationflags=systems.HERE.new_process,
            )
            return self._process

    def _conversation(self, process: Popen[bytes]) -> Judgement:
        said, answers = cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin)
        made = b""
        while line := said.readline(64).decode().strip():
            word, _, number = line.partition(" ")
            if word == "read":
                answers.write(self._block(int(number)))
                answers.flush()
            elif word == "give":
                made = taken(said, int(number))
            else:
                return Judgement(line, made)
        return Judgement()

    def _block(self, number: int) -> bytes:
        length = min(BLOCK, self._blocks.size - number * BLOCK)
        if number < 0 or length <= 0:
            raise ValueError("a block that is not there")
        block = self._blocks.read(number * BLOCK, length)
        if len(block) < length:
            raise ValueError("the file became shorter")
        return block


def taken(said: BinaryIO, length: int) -> bytes:
    """What a program made, as long as it says."""
    if not 0 < length <= MOST_GIVEN:
        raise ValueError("more than a program may make")
    made = said.read(length)
    if len(made) < length:
        raise ValueError("less than was announced")
    return made
