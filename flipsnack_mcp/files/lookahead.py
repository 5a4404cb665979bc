"""A look into a PDF before it is sent: a conversion that must fail costs an upload all the same."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import BinaryIO, cast

from anyio import CancelScope, CapacityLimiter, move_on_after, to_thread

from flipsnack_mcp.files.documents import DocumentChanged, Kind, OpenDocument
from flipsnack_mcp.files.page_counter import BLOCK, MOST_PAGES
from flipsnack_mcp.files.refusal import RefusedFile, quote_path

PROGRAM = Path(__file__).with_name("page_counter.py")
NO_WINDOW = 0x08000000 if os.name == "nt" else 0  # or a console would flash up over Claude Desktop
COUNTING_SECONDS = 2.0  # a person waits for the answer
MANY_PAGES = 500
WAITING_LINE = CapacityLimiter(2)  # processes; with more of them none would be done in its two seconds
UNKNOWN_VERDICT = "unknown"
COUNTED = re.compile("pages ([0-9]+)")
MANY_PAGES_WARNING = (
    "The document has {} pages: Flipsnack's present limit is 1,000 pages, but its older documentation gives 500."
)
DAMAGED_WARNING = (
    "The document seems to be damaged: its pages cannot be counted. Its conversion at Flipsnack may fail, "
    "and would cost an upload all the same."
)
PROTECTED_WARNING = (
    "It is encrypted in a way that cannot be looked into here, so whether it opens without a password, and how many pages "
    "it has, is not known: its conversion at Flipsnack may fail, and would cost an upload all the same."
)
NOT_COUNTED = (
    "Its pages could not be counted beforehand: with over 1,000 the conversion at Flipsnack fails, "
    "and costs an upload all the same."
)
UNCOUNTED = {"damaged": DAMAGED_WARNING, "protected": PROTECTED_WARNING}


@dataclass(frozen=True)
class LookAhead:
    """What a look into a document found.

    Attributes:
        pages: How many pages it has; None where that could not be found out in time.
        warnings: What the person should know, though it is no reason to refuse.
    """

    pages: int | None
    warnings: tuple[str, ...]


async def look_ahead(document: OpenDocument) -> LookAhead:
    """Counts the pages of a PDF, in two seconds or not at all; raises `RefusedFile` where they are too many or locked.

    `document.pieces` begins at the beginning afterwards as before; it may even be read meanwhile.
    """
    if document.kind is not Kind.PDF:
        return LookAhead(None, ())
    counting = PageCounting(document)
    async with WAITING_LINE:
        try:
            with move_on_after(COUNTING_SECONDS):
                # Abandoned: on a disk that does not answer the thread may hang, but nobody waits for it.
                await to_thread.run_sync(counting.run, abandon_on_cancel=True)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(counting.stop)
    return _judged(document.name, counting.verdict)


class PageCounting:
    """One process that counts pages. Every method blocks; `stop` may come from another thread at any moment.

    A process, because only a process can be killed, whatever a hostile PDF makes of its parser, and because its memory
    is not the server's. It is given no descriptor and no path but asks for blocks, which are read here from the very
    file that was opened and checked: it cannot open another one, there is no shared offset to move under an upload
    (Windows reads by no other), it can be killed while a network disk hangs, and it goes the same way on all systems.
    """

    def __init__(self, document: OpenDocument) -> None:
        self.verdict = UNKNOWN_VERDICT
        self._document = document
        self._lock = Lock()
        self._process: Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> None:
        """Sets the verdict, unless it is stopped before."""
        try:
            with self._started() as process:
                try:
                    self.verdict = self._conversation(process)
                finally:
                    process.kill()  # a process that has said all need not tidy up
        except (OSError, ValueError, DocumentChanged):
            return  # it could not be started, broke down, or the document did: that is for the upload to say

    def stop(self) -> None:
        """Leaves no process behind."""
        with self._lock:
            self._stopped = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _started(self) -> Popen[bytes]:
        # Through PYTHONPATH it has the modules of this process; -P -s -S add none, and save time.
        command = [sys.executable, "-P", "-s", "-S", str(PROGRAM), str(COUNTING_SECONDS), str(self._document.size)]
        # The credentials are nothing for a process that reads other people's documents.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        with self._lock:
            if self._stopped:
                raise ValueError("stopped before it began")
            # All three streams are its own: the server's carry MCP.
            self._process = Popen(  # noqa: S603 - nothing in it comes from outside
                command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, creationflags=NO_WINDOW
            )
            return self._process

    def _conversation(self, process: Popen[bytes]) -> str:
        questions, answers = cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin)
        while line := questions.readline(64).decode().strip():
            if not line.startswith("read "):
                return line
            answers.write(self._block(int(line.removeprefix("read "))))
            answers.flush()
        return UNKNOWN_VERDICT

    def _block(self, number: int) -> bytes:
        length = min(BLOCK, self._document.size - number * BLOCK)
        if number < 0 or length <= 0:
            raise ValueError("a block that is not there")
        block = self._document.read(number * BLOCK, length)
        if len(block) < length:
            raise ValueError("the document became shorter")
        return block


def _judged(name: str, verdict: str) -> LookAhead:
    if verdict == "locked":
        raise RefusedFile(
            f"{quote_path(name)} needs a password to open, and Flipsnack cannot convert such a document.",
            "Save a copy without the password in the program that made it, and give the path of the copy.",
        )
    found = COUNTED.fullmatch(verdict)
    if found is None:
        return LookAhead(None, (UNCOUNTED.get(verdict, NOT_COUNTED),))
    pages = int(found[1])
    if pages > MOST_PAGES:
        raise RefusedFile(
            f"{quote_path(name)} has over 1,000 pages, and Flipsnack takes at most 1,000 pages.",
            "Split the document into parts of up to 1,000 pages.",
        )
    return LookAhead(pages, (MANY_PAGES_WARNING.format(pages),) if pages > MANY_PAGES else ())
