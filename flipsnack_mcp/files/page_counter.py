"""Counts the pages of one PDF: a program of its own, started by `lookahead` and killed when it takes too long.

It never sees the file. It writes "read N" to get the block number N and reads that from its standard input, until it
writes its verdict: "pages N", "locked", "protected", "damaged" or "unknown". Nothing of this package is imported in here but this module.
"""

import faulthandler
import io
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any, BinaryIO

from typing_extensions import override

MOST_PAGES = 1000  # counting stops above it
BLOCK = 64 * 1024
CACHED = 64  # blocks: pypdf jumps to and fro between the page tree and its pages
KEY_BITS = range(40, 129, 8)
MEMORY = 1024**3  # a few kilobytes of a hostile PDF may unpack to anything


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
            raise SystemExit  # nobody is there any more; no Exception, which pypdf might take for a damaged PDF
        return block


def judge_pages(file: BinaryIO) -> str:
    """Returns the number of pages, or why there is none."""
    from pypdf import PasswordType, PdfReader  # noqa: PLC0415 - in this process only, and not where just BLOCK is imported
    from pypdf.errors import DependencyError, LimitReachedError  # noqa: PLC0415

    class SealedReader(PdfReader):
        """Reads what no encryption covers, so that one that cannot be understood is told from a damaged document."""

        is_encrypted = False

    try:
        reader: PdfReader = SealedReader(file)
        if (lock := encryption_of(reader)) is not None:
            try:
                reader = PdfReader(file)
                if reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                    return "locked" if all_would_ask(lock) else "protected"
            except Exception:  # noqa: BLE001 - of DRM, of certificates, of a kind to come, or broken
                return "protected"
        pages = count_pages(reader.root_object["/Pages"])
    except (DependencyError, LimitReachedError, MemoryError, NotImplementedError):
        return "unknown"  # says something about pypdf, not about the PDF
    except Exception:  # noqa: BLE001 - a damaged PDF raises whatever it likes
        return "damaged"
    return f"pages {pages}" if pages else "damaged"


def encryption_of(reader: Any) -> Any:
    """Returns what a PDF says about its encryption, None where it has none: a reference to nothing means nothing."""
    from pypdf.generic import NullObject  # noqa: PLC0415

    entry = reader.trailer.get("/Encrypt")
    lock = None if entry is None else entry.get_object()
    return None if isinstance(lock, NullObject) else lock


def all_would_ask(lock: Any) -> bool:
    """Tells whether every reader would ask for a password where the empty one is wrong.

    They differ where only attachments are encrypted, and where the length of the key is a guess.
    """
    if lock.get("/V") in {1, 2, 3}:
        return lock["/V"] == 1 or lock.get("/Length") in KEY_BITS
    names = {lock.get(name, "/Identity") for name in ("/StmF", "/StrF")} - {"/Identity"}
    methods = {lock["/CF"][name].get("/CFM") for name in names}
    return bool(methods) and ("/V2" not in methods or lock.get("/Length") in KEY_BITS)


def count_pages(tree: Any) -> int:
    """Counts the leaves: the number a tree says it has may be wrong, and pypdf would build each page of 20,000."""
    from pypdf.generic import DictionaryObject  # noqa: PLC0415

    pages, waiting, seen = 0, [tree], set[int]()
    while waiting and pages <= MOST_PAGES:
        node = waiting.pop().get_object()
        if not isinstance(node, DictionaryObject):
            continue
        if "/Kids" not in node:
            pages += 1
            continue
        if id(node) in seen:
            raise ValueError("a tree that grows back into itself")
        seen.add(id(node))
        waiting.extend(node["/Kids"])  # type: ignore[arg-type]  # whatever it is: an error means damaged
    return pages


def limit(seconds: float) -> None:
    """Makes sure that this process ends, also where the server was killed and nobody is left to end this one."""
    faulthandler.dump_traceback_later(seconds, exit=True)  # a watch in C: it bites whatever Python is busy with
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit, macOS refuses it
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main(seconds: str, size: str) -> None:
    limit(float(seconds))
    questions, answers = sys.stdout.buffer, sys.stdin.buffer
    sys.stdout = sys.stderr  # nothing a parser prints may be taken for an answer
    file = io.BufferedReader(AskedFile(int(size), questions, answers))
    questions.write(judge_pages(file).encode() + b"\n")
    questions.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
