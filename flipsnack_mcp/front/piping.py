"""The client's ends of stdin and stdout."""

import os
import select
from contextlib import suppress
from dataclasses import dataclass

from flipsnack_mcp.server.arriving.inlet import read_some

WITHOUT_WAITING = getattr(select, "PIPE_BUF", 512)
"""Bytes for which there is room in a pipe that has room for any."""


@dataclass
class ClientPipes:
    """What a client writes to and what it reads from. Who writes much before reading anything is listened to meanwhile."""

    reading: int
    writing: int
    early: bytes = b""
    """What came while something was written, and nobody has looked at yet."""

    def read(self) -> bytes:
        """What comes next; a stream that cannot be read has ended."""
        early, self.early = self.early, b""
        return early or read_or_end(self.reading)

    def write(self, line: bytes) -> bool:
        """Whether the whole line went out, however little a pipe takes at once."""
        while line:
            self._wait_for_room()
            try:
                line = line[os.write(self.writing, line[:WITHOUT_WAITING]) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True

    def _wait_for_room(self) -> None:
        """Without it both would wait: the client for its line to be read, and here for an answer to be read."""
        listened_to = [self.reading]
        with suppress(OSError, ValueError):  # it cannot be waited for, as a pipe on Windows: then writing waits
            while not select.select([], [self.writing], [], 0)[1]:
                ready, _, _ = select.select(listened_to, [self.writing], [])
                if ready:
                    piece = read_or_end(self.reading)
                    self.early += piece
                    listened_to = listened_to if piece else []


def read_or_end(reading: int) -> bytes:
    """What comes next; nothing where it ends, or cannot be read."""
    try:
        return read_some(reading)
    except OSError:
        return b""
