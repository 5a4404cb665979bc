"""What the programs in a process of their own have in common: the file they ask for, their end, and how they answer.

A program never sees a file. It writes "read N" to get the block number N and reads that from its standard input, writes
"give N" before N bytes of its own, and ends with its verdict, a line. Of this package it imports nothing but this module.
"""

import faulthandler
import io
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import BinaryIO

from typing_extensions import override

BLOCK = 64 * 1024
CACHED = 64  # blocks: pypdf jumps to and fro between the page tree and its pages
MEMORY = 1024**3  # a few kilobytes of a hostile file may unpack to anything


class AskedFile(io.RawIOBase):
    """A file for reading whose blocks are asked for."""

    def __init__(self, size: int, questions: BinaryIO, answers: BinaryIO) -> None:
        self._size = size
        self._questions = questions
        self._answers = answers
        self._position = 0
        self._block = lru_cache(CACHED)(self._ask)

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._position = start + offset
        return self._position

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader really gives
        if self._position >= self._size:
            return 0
        number, start = divmod(self._position, BLOCK)
        piece = self._block(number)[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _ask(self, number: int) -> bytes:
        length = min(BLOCK, self._size - number * BLOCK)
        self._questions.write(b"read %d\n" % number)
        self._questions.flush()
        block = self._answers.read(length)
        if len(block) < length:
            raise SystemExit  # nobody is there any more; no Exception, which a parser might take for a damaged file
        return block


def limit(seconds: float) -> None:
    """Makes sure that this process ends, also where the server was killed and nobody is left to end this one."""
    faulthandler.dump_traceback_later(seconds, exit=True)  # a watch in C: it bites whatever Python is busy with
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit, macOS refuses it
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def answer_about(look: Callable[[BinaryIO], tuple[str, bytes]], seconds: str, size: str) -> None:
    """Looks at the file, and writes what came of it: the verdict, and before it what was made, if anything was."""
    limit(float(seconds))
    questions, answers = sys.stdout.buffer, sys.stdin.buffer
    sys.stdout = sys.stderr  # nothing a parser prints may be taken for an answer
    verdict, made = look(io.BufferedReader(AskedFile(int(size), questions, answers)))
    if made:
        questions.write(b"give %d\n%b" % (len(made), made))
    questions.write(verdict.encode() + b"\n")
    questions.flush()
