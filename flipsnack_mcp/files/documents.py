"""Documents on their way to Flipsnack: opened safely, read in pieces, never on the event loop."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock

from anyio import CancelScope, to_thread

from flipsnack_mcp.files.limits import LARGE_UPLOAD_BYTES, LARGE_UPLOAD_WARNING, MEGABYTE, MOST_UPLOAD_BYTES
from flipsnack_mcp.files.partial_file import PartialFile
from flipsnack_mcp.files.paths.listing import files_around
from flipsnack_mcp.files.paths.opening import open_place
from flipsnack_mcp.files.paths.place import locate
from flipsnack_mcp.files.refusal import RefusedFile, quote_path
from flipsnack_mcp.files.worker_thread import thread_for, wait_for

SMALLEST_PIECE = 256 * 1024  # what even a slow line takes before the HTTP client's timeout for a write
LARGEST_PIECE = 1024 * 1024  # half the work for each byte, where a whole document of this kind takes a slow line hours
HEAD_BYTES = 1024  # readers of PDF look for the signature this far
PDF = b"%PDF-"
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
LATE_HEADER_WARNING = (
    "The document has {} before its beginning as a PDF: most programs ignore that, but whether Flipsnack does is not "
    "known. If its conversion fails, it costs an upload all the same."
)
IMAGE_TYPES = {PNG: "image/png", JPEG: "image/jpeg", b"GIF87a": "image/gif", b"GIF89a": "image/gif"}

BEGINNINGS = {
    PDF: "a PDF",
    PNG: "a PNG image",
    JPEG: "a JPEG image",
    b"GIF8": "a GIF image",
    b"PK\x03\x04": "a zip, as Word, PowerPoint and Excel documents are",
    b"\xd0\xcf\x11\xe0": "an older Word, PowerPoint or Excel document",
    b"%!PS": "a PostScript document",
    b"<": "a web page or XML",
    b"{\\rtf": "an RTF text",
    b"{": "JSON",
}
"""What people take for a document, by its first bytes."""


class Kind(Enum):
    """What a document has to be."""

    PDF = "PDF"
    IMAGE = "PNG, JPEG or GIF image"


class DocumentChanged(Exception):  # noqa: N818 - it tells what happened to the document, as RefusedFile does
    """The document grew, shrank, was rewritten or went away while it was read; part of it may have been sent."""


class Reader:
    """Takes over a descriptor in one thread, reads in others and may be closed before, during or after.

    A cancelled task does not stop its thread: without the lock the thread could read from a descriptor number
    that was closed and given to another file, or open one that nobody closes any more.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._descriptor: int | None = None
        self._closed = False

    def take(self, descriptor: int) -> None:
        with self._lock:
            if not self._closed:
                self._descriptor = descriptor
                return
        os.close(descriptor)
        raise ValueError("closed before it was open")

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            descriptor = self._open_descriptor()
            os.lseek(descriptor, offset, os.SEEK_SET)  # Windows has no pread; under the lock this is as good
            return os.read(descriptor, length)

    def status(self) -> os.stat_result:
        with self._lock:
            return os.fstat(self._open_descriptor())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                descriptor, self._descriptor = self._descriptor, None
                os.close(descriptor)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("the document is closed")
        return self._descriptor


class OpenDocument:
    """A document that was checked and stays open as long as its context.

    Attributes:
        name: The file's own name, without folders, or what whoever sent it calls it.
        told: What it is called in a sentence, with quotation marks where that is somebody's name for it.
        path: Where it was found.
        received: Whether it was sent here, and so lies nowhere that means anything to anybody.
        size: Its length in bytes when it was opened; exactly so many are read.
        content_type: What its first bytes say it is.
        kind: What it was asked to be.
        changed: When its content was last changed, in nanoseconds, as the disk says; anybody can put that back.
        touched: When anything of it was last changed, in nanoseconds; nobody can put that back.
        warnings: What the person should know, though it is no reason to refuse.
    """

    def __init__(
        self,
        path: Path,
        kind: Kind,
        status: os.stat_result,
        reader: Reader,
        name: str = "",
        sha256: str = "",
        told: str = "",
    ) -> None:
        self.name, self.path = name or path.name, path
        self.told = told or quote_path(self.name)
        head = _read_head(self.told, reader)
        self.received = bool(sha256)
        self.changed, self.touched = status.st_mtime_ns, status.st_ctime_ns
        self.size = status.st_size
        self.content_type = _content_type(self.told, kind, head)
        self.kind = kind
        self.warnings = tuple(_warnings(kind, head, self.size))
        self._state = _state_of(status)
        self._reader = reader
        self._sha256 = sha256

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yields the document from its beginning; raises `DocumentChanged` rather than end with other bytes."""
        done, length = 0, min(max(self.size // 100, SMALLEST_PIECE), LARGEST_PIECE)
        with thread_for("document") as thread:
            coming = thread.submit(self.read, 0, min(length, self.size))  # it may have grown meanwhile
            while piece := await wait_for(coming):
                done += len(piece)
                # Already while this piece is sent: a fast line would wait for the disk, or the disk for it.
                coming = thread.submit(self.read, done, min(length, self.size - done))
                yield piece
        if done < self.size:
            raise DocumentChanged("The document became shorter while it was read.")
        await to_thread.run_sync(self._check_unchanged)

    async def sha256(self) -> str:
        """Returns the hash of the content when it was first asked for; reading it leaves `pieces` at the beginning."""
        if not self._sha256:
            digest = hashlib.sha256()
            async for piece in self.pieces():
                await to_thread.run_sync(digest.update, piece)
            self._sha256 = digest.hexdigest()
        return self._sha256

    def read(self, offset: int, length: int) -> bytes:
        """Returns a part of the document, wherever others are reading; blocks, so run it in a thread."""
        with still_there():
            return self._reader.read(offset, length)

    def _check_unchanged(self) -> None:
        with still_there():
            status = self._reader.status()
        if _state_of(status) != self._state:
            raise DocumentChanged("The document was changed while it was read.")


@contextmanager
def still_there() -> Iterator[None]:
    """Says what a network disk that went away, or a file removed there, means for the document."""
    try:
        yield
    except OSError as error:
        raise DocumentChanged(f"The document cannot be read any further ({error.strerror}).") from error


@asynccontextmanager
async def open_received(file: PartialFile, name: str, sha256: str, told: str) -> AsyncIterator[OpenDocument]:
    """Opens what was sent here, under a name for Flipsnack and one for who sent it; raises `RefusedFile` where it is no document."""
    reader = Reader()

    def take() -> OpenDocument:
        descriptor = file.opened_again()
        reader.take(descriptor)
        status = os.fstat(descriptor)
        _check_status(told, status)
        return OpenDocument(file.path, Kind.PDF, status, reader, name, sha256, told)

    async with _closing(reader):
        yield await to_thread.run_sync(take)


@asynccontextmanager
async def open_document(path: str, folders: Sequence[Path], kind: Kind = Kind.PDF) -> AsyncIterator[OpenDocument]:
    """Opens a document that lies in one of the folders; raises `RefusedFile` before a byte of it is given away."""
    reader = Reader()
    async with _closing(reader):
        yield await to_thread.run_sync(_open, path, tuple(folders), kind, reader)


@asynccontextmanager
async def _closing(reader: Reader) -> AsyncIterator[None]:
    try:
        yield
    finally:
        # In a thread: closing waits for a read under way, which on a slow disk may take its time.
        with CancelScope(shield=True):
            await to_thread.run_sync(reader.close)


def _open(path: str, folders: Sequence[Path], kind: Kind, reader: Reader) -> OpenDocument:
    places = locate(path, folders)
    file = open_place(places, partial(files_around, places if kind is Kind.PDF else ()))
    reader.take(file.descriptor)
    _check_status(quote_path(file.place.name), file.status)
    return OpenDocument(file.place.path, kind, file.status, reader)


def _state_of(status: os.stat_result) -> tuple[int, int, int]:
    # The time of the last change of content can be put back by anybody, that of the last change of any kind by nobody.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _check_status(quoted: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise RefusedFile(
            f"{quoted} is a folder, not a regular file.",
            "Call list_documents to see what is in it, or create_collections to upload all of it.",
        )
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFile(f"{quoted} is not a regular file.", "Give the path of a document.")
    if status.st_nlink > 1:
        raise RefusedFile(
            f"{quoted} has more than one hard link: the same file is known under a second name, maybe elsewhere.",
            "Make a copy of the document in the folder and give the path of the copy.",
        )
    if status.st_size == 0:
        raise RefusedFile(f"{quoted} is empty.", "Give the path of a document with content.")
    if status.st_size > MOST_UPLOAD_BYTES:
        raise RefusedFile(
            f"{quoted} has {status.st_size / MEGABYTE:.1f} MB; Flipsnack takes up to 500 MB (of 1024 x 1024 bytes).",
            "Make the document smaller, for example with fewer or smaller images.",
        )


def _read_head(quoted: str, reader: Reader) -> bytes:
    try:
        return reader.read(0, HEAD_BYTES)
    except OSError as error:
        raise RefusedFile(f"{quoted} cannot be read ({error.strerror}).", "Check the disk it is on.") from error


def _content_type(quoted: str, kind: Kind, head: bytes) -> str:
    if kind is Kind.PDF and PDF in head:
        return "application/pdf"
    for signature, content_type in IMAGE_TYPES.items():
        if kind is Kind.IMAGE and head.startswith(signature):
            return content_type
    raise RefusedFile(
        f"{quoted} is not a {kind.value}: its first bytes {_said_by(head)}.", f"Give the path of a {kind.value}."
    )


def _said_by(head: bytes) -> str:
    return next(
        (f"are those of {what}" for start, what in BEGINNINGS.items() if head.startswith(start)), "say otherwise"
    )


def warnings_of_size(size: int) -> tuple[str, ...]:
    """What a person should know of a document for its length alone."""
    return (LARGE_UPLOAD_WARNING,) if size >= LARGE_UPLOAD_BYTES else ()


def _warnings(kind: Kind, head: bytes, size: int) -> Iterator[str]:
    yield from warnings_of_size(size)
    if kind is Kind.PDF and (before := head.index(PDF)):
        yield LATE_HEADER_WARNING.format("1 byte" if before == 1 else f"{before} bytes")
